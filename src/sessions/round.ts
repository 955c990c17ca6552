// Goes round a group again and again, a share of it at each call: thousands are looked at without one long look. Knows no clock.

/** Those that are gone round, by their places; see Group. */
interface Ring<R> {
  readonly size: number
  at(place: number): R | undefined
}

export class Round<R> {
  private place = -1
  /** Visits in a millisecond. */
  private pace = 0
  private rest = 0

  constructor(private readonly ring: Ring<R>) {}

  /** In ms, how long the round still takes; 0: it is over. */
  left(): number {
    return this.rest
  }

  /** A round that takes so long, in ms. */
  begin(length: number): void {
    const { size } = this.ring
    this.place = size - 1
    this.pace = size / length
    this.rest = length
  }

  /**
   * Visits those whose turn comes within the next `step` ms. Each that is there from the round's beginning to its end is visited,
   * whoever leaves meanwhile; whoever comes has his turn in the next one.
   */
  go(step: number, visit: (row: R) => void): void {
    const { ring } = this
    this.rest = Math.max(0, this.rest - step)
    // The places below this one have their turn later.
    const later = Math.floor(this.rest * this.pace)
    // From the end: into the place of one that leaves comes the last one, who was visited.
    this.place = Math.min(this.place, ring.size - 1)
    for (; this.place >= later; this.place--) {
      const row = ring.at(this.place)
      if (row !== undefined) visit(row)
    }
  }
}
