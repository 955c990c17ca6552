// A session of the native engine as the main thread keeps it: small, because there may be many thousand that do nothing.

import { nameOf } from '../linux/connection.js'
import type { Sockets } from '../linux/sockets.js'
import type { Address } from '../topology/topology.js'
import { type Ms, ms } from '../units/units.js'
import { ago, lastWords, monotonic } from './last-words.js'
import { type Ending, type NativeTable, STATE } from './native-table.js'
import type { Attached, Counts, EndListener, RelayEnd } from './relay.js'

/** Where the session lives. */
export interface Home {
  readonly table: NativeTable
  cut(slot: number): void
  /** Our own end of the slot's link. */
  linkName(slot: number): Address | undefined
}

export class NativeSession implements Attached {
  /** What it has moved, once it has ended. */
  private moved: Counts | undefined

  constructor(
    private home: Home,
    /** -1 once it has ended. */
    private slot: number,
    private readonly listener: EndListener,
  ) {}

  counts() {
    return this.moved ?? this.look()
  }

  halfClosed() {
    if (this.slot < 0) return false
    const session = this.state(0)
    return (session & STATE.dying) === 0 && (session & STATE.ended) !== (this.state(1) & STATE.ended)
  }

  firstAnswer() {
    return this.slot < 0 ? undefined : ago(this.home.table.first[this.slot])
  }

  cut() {
    if (this.slot >= 0) this.home.cut(this.slot)
  }

  linkName() {
    return this.slot < 0 ? undefined : this.home.linkName(this.slot)
  }

  stalledFor(): Ms | undefined {
    if (this.slot < 0) return undefined
    const { silence } = this.home.table
    const longest = Math.max(silence[2 * this.slot] ?? 0, silence[2 * this.slot + 1] ?? 0)
    return longest === 0 ? undefined : ms(longest)
  }

  /** It lives there from here on; what it has moved so far stands in the new table. */
  moveTo(home: Home, slot: number): void {
    this.home = home
    this.slot = slot
  }

  /** Called once by its thread, before the slot becomes another session's. */
  finish(end: RelayEnd): void {
    this.moved = this.look()
    const last = lastWords(this.home.table, this.slot, monotonic())
    this.slot = -1
    this.listener.ended(end, last)
  }

  private state(side: 0 | 1): number {
    return this.home.table.state[2 * this.slot + side] ?? 0
  }

  private look(): Counts {
    const { taken, queries: counted } = this.home.table
    const bytes = { fromSession: taken[2 * this.slot] ?? 0, fromLink: taken[2 * this.slot + 1] ?? 0 }
    const queries = counted[this.slot] ?? -1
    return queries < 0 ? bytes : { queries, ...bytes }
  }
}

/** Our own end of a slot's link, as the kernel has it. */
export function linkName(
  { descriptor }: NativeTable,
  slot: number,
  sockets: Pick<Sockets, 'name'>,
): Address | undefined {
  const fd = descriptor[2 * slot + 1] ?? -1
  const { host, port } = fd < 0 ? {} : nameOf(sockets.name(fd))
  return host === undefined || port === undefined ? undefined : { host, port }
}

/** An ending in the words of the contract; `nameOf` names an errno. */
export function endOf({ by, errno, call }: Ending, nameOf: (errno: number) => string): RelayEnd {
  if (by === 'cut') return { by }
  return errno === 0 ? { by } : { by, error: `${call} ${nameOf(errno)}` }
}
