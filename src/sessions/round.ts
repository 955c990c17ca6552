// Goes round a group again and again, an equal share of it at each call: thousands are looked at without one long look. Knows no clock.

/** Those that are gone round, by their places; see Group. */
interface Ring<R> {
  readonly size: number
  at(place: number): R | undefined
}

export class Round<R> {
  private place = -1
  private share = 0
  private left = 0

  constructor(private readonly ring: Ring<R>) {}

  /** Whether the next call begins a new round. */
  isOver(): boolean {
    return this.left === 0
  }

  /**
   * Visits the next share; a round that begins now takes so many calls. Each that is there from its beginning to its end is visited,
   * whoever leaves meanwhile; whoever comes has his turn in the next one.
   */
  go(calls: number, visit: (row: R) => void): void {
    const { ring } = this
    if (this.isOver()) {
      this.left = calls
      this.place = ring.size - 1
      this.share = Math.ceil(ring.size / calls)
    }
    this.left -= 1
    // From the end: into the place of one that leaves comes the last one, who was visited.
    this.place = Math.min(this.place, ring.size - 1)
    for (let more = this.share; more > 0 && this.place >= 0; more--) {
      const row = ring.at(this.place)
      this.place -= 1
      if (row !== undefined) visit(row)
    }
  }
}
