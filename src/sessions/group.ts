// Rows that come and go in no order, each of which knows its place, so that none is looked for. A Set would do it too; but one that is
// filled and emptied again and again leaves a chain of tables behind, and with it whoever was in one of them, until the whole heap is collected.

/** Something that can be in one group at a time. */
export interface Placed {
  /** The group's own: where it stands, -1 while it is in none. */
  place: number
}

export class Group<R extends Placed> {
  private readonly rows: R[] = []

  get size(): number {
    return this.rows.length
  }

  /** Who stands there, from 0 on; undefined: nobody. */
  at(place: number): R | undefined {
    return this.rows[place]
  }

  add(row: R): void {
    row.place = this.rows.length
    this.rows.push(row)
  }

  /** Only one that is in it. */
  delete(row: R): void {
    const last = this.rows.pop()
    if (last !== undefined && last !== row) {
      this.rows[row.place] = last
      last.place = row.place
    }
    row.place = -1
  }

  /** Each of those that are in it now; whoever leaves meanwhile, and whoever comes, takes nobody's turn away. */
  *[Symbol.iterator](): IterableIterator<R> {
    for (let place = this.rows.length - 1; place >= 0; place--) {
      const row = this.rows[place]
      if (row !== undefined) yield row
    }
  }
}
