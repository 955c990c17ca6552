// When a link last answered and when it began to end the session: of one session, or of many in shared memory. Told as ages, since
// threads share the machine's monotonic clock, but no performance.now().

import { partingAt } from '../protocol/backend.js'
import { type Ms, ms } from '../units/units.js'
import type { LastWords } from './relay.js'

/** By session: times on the clock of monotonic(), 0 for what has not come. */
export interface Heard {
  readonly first: { [session: number]: number }
  readonly answered: { [session: number]: number }
  readonly parted: { [session: number]: number }
}

/** Between the clock that all threads share and the one of this thread, which is cheaper to ask: both tick alike. */
const BEFORE = Number(process.hrtime.bigint()) / 1e6 - performance.now()

/** Now, in ms, on the clock that all threads share. */
export const monotonic = (): number => BEFORE + performance.now()

/** The link gave `length` bytes, from `start` on. Whatever follows a parting word shows that it was none; what came with one was an answer. */
export function heard(of: Heard, session: number, bytes: Uint8Array, start: number, length: number, at: number): void {
  const parting = partingAt(bytes, start, length)
  if (parting !== 0) {
    of.answered[session] = at
    of.parted[session] = 0
    if (of.first[session] === 0) of.first[session] = at
  }
  if (parting >= 0) of.parted[session] = at
}

/** The link has ended or failed; its parting word, if there was one, came before. */
export function parts({ parted }: Heard, session: number, at: number): void {
  if (parted[session] === 0) parted[session] = at
}

/** How long ago each was. */
export function lastWords(of: Heard, session: number, now: number): LastWords {
  const last: { -readonly [K in keyof LastWords]: LastWords[K] } = {}
  const first = ago(of.first[session], now)
  const answered = ago(of.answered[session], now)
  const parted = ago(of.parted[session], now)
  if (first !== undefined) last.first = first
  if (answered !== undefined) last.answered = answered
  if (parted !== undefined) last.parted = parted
  return last
}

/** How long ago a time was; 0 is none. */
export const ago = (then = 0, now = monotonic()): Ms | undefined =>
  then === 0 ? undefined : ms(Math.max(0, now - then))
