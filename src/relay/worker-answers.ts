// Notes when the links of a relay thread last answered, and when they began to end their sessions. Costs a read no look at the clock:
// what is read in one turn of the thread came when the turn began.

import { heard, monotonic, parts } from './last-words.js'
import { type NativeTable, STATE } from './native-table.js'

export interface Answers {
  /** A turn begins. */
  turn(): void
  /** An end gave these bytes. */
  look(end: number, bytes: Uint8Array, start: number, length: number): void
  /** An end gave bytes that nobody saw, of a stream. */
  unseen(end: number): void
  /** An end has ended or failed; a link that ends after its client is only following it. */
  left(end: number): void
}

const NOTHING = new Uint8Array(0)

/** `now` is the thread's own clock, in ms. */
export function createAnswers(table: NativeTable, now: () => number): Answers {
  const ahead = monotonic() - now()
  let at = monotonic()
  return {
    turn() {
      at = ahead + now()
    },
    look(end, bytes, start, length) {
      if ((end & 1) === 1) heard(table, end >> 1, bytes, start, length, at)
    },
    unseen(end) {
      if ((end & 1) === 1) heard(table, end >> 1, NOTHING, 0, 0, at)
    },
    left(end) {
      const clientWent = ((table.state[end ^ 1] ?? 0) & STATE.ended) !== 0
      if ((end & 1) === 1 && !clientWent) parts(table, end >> 1, at)
    },
  }
}
