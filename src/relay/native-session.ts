// A session of the native engine as the main thread keeps it: small, because there may be many thousand that do nothing.

import { type Ms, ms } from '../units/units.js'
import { ago, lastWords, monotonic } from './last-words.js'
import { type Ending, type NativeTable, STATE } from './native-table.js'
import type { Attached, Ended, RelayEnd } from './relay.js'

/** Where the session lives. */
export interface Home {
  readonly table: NativeTable
  cut(slot: number): void
}

export class NativeSession implements Attached {
  private fromSession = 0
  private fromLink = 0
  private queries = -1

  constructor(
    private home: Home,
    /** -1 once it has ended. */
    private slot: number,
    private readonly ended: Ended,
  ) {}

  counts() {
    if (this.slot >= 0) this.look()
    const { fromSession, fromLink, queries } = this
    return queries < 0 ? { fromSession, fromLink } : { fromSession, fromLink, queries }
  }

  halfClosed() {
    if (this.slot < 0) return false
    const [session, link] = [this.state(0), this.state(1)]
    return (session & STATE.dying) === 0 && (session & STATE.ended) !== (link & STATE.ended)
  }

  firstAnswer() {
    return this.slot < 0 ? undefined : ago(this.home.table.first[this.slot])
  }

  cut() {
    if (this.slot >= 0) this.home.cut(this.slot)
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
    this.look()
    const last = lastWords(this.home.table, this.slot, monotonic())
    this.slot = -1
    this.ended(end, last)
  }

  private state(side: 0 | 1): number {
    return this.home.table.state[2 * this.slot + side] ?? 0
  }

  private look(): void {
    this.fromSession = this.home.table.taken[2 * this.slot] ?? 0
    this.fromLink = this.home.table.taken[2 * this.slot + 1] ?? 0
    this.queries = this.home.table.queries[this.slot] ?? -1
  }
}

/** An ending in the words of the contract; `nameOf` names an errno. */
export function endOf({ by, errno, call }: Ending, nameOf: (errno: number) => string): RelayEnd {
  if (by === 'cut') return { by }
  return errno === 0 ? { by } : { by, error: `${call} ${nameOf(errno)}` }
}
