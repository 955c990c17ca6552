// What a leader change looked like from outside, out of the journals of a writer, of a poller of the members and of a libpq
// client that knows all members. Knows entries; nothing of mekare's events.

import { type Entry, type Summary, sumUp } from '../../test/lab/journal.js'

export interface Change {
  readonly since: number
  readonly until: number
  /** When the poller asked the question that a member other than the old primary answered with "out of recovery" first. */
  readonly promotedAt: number | undefined
  readonly promoted: string | undefined
  /** From there to the first row acknowledged through the port, in ms. */
  readonly tail: number | undefined
  /** The same for the session that came last. */
  readonly lastTail: number | undefined
  /** Longest time without a row through the port, and of the multi-host client, in ms. */
  readonly gap: number | undefined
  readonly multihostGap: number | undefined
  readonly writer: Summary
}

export interface Journals {
  readonly writer: readonly Entry[]
  readonly poller: readonly Entry[]
  readonly multihost: readonly Entry[]
}

/** `old`: name of the member that was primary at `since`; undefined where it may be promoted again. */
export function readChange(journals: Journals, since: number, until: number, old: string | undefined): Change {
  const promotion = firstPromotion(journals.poller, since, old)
  const writer = sumUp(journals.writer, since, until)
  // A gap begins with the last row before: a killed host may not have answered a single one after `since`.
  const longest = (entries: readonly Entry[]) => sumUp(entries, since - 1000, until).gap?.ms
  const after = promotion && firstRows(journals.writer, promotion.asked, until)
  const sessions = new Set(journals.writer.flatMap(entry => (entry.e === 'ok' ? [entry.s] : [])))
  const tail = (at: number | undefined) => (at === undefined || !promotion ? undefined : at - promotion.asked)
  return {
    since,
    until,
    promotedAt: promotion?.asked,
    promoted: promotion?.member,
    tail: tail(after && after.size > 0 ? Math.min(...after.values()) : undefined),
    lastTail: tail(after && after.size === sessions.size ? Math.max(...after.values()) : undefined),
    gap: longest(journals.writer),
    multihostGap: longest(journals.multihost),
    writer,
  }
}

/** The first answer "out of recovery" after `since` by a member other than `old`. */
export function firstPromotion(entries: readonly Entry[], since: number, old: string | undefined) {
  for (const entry of entries)
    if (entry.e === 'state' && entry.state === 'primary' && entry.asked >= since && entry.member !== old) return entry
  return undefined
}

/** When each session had its first row acknowledged at or after `from`. */
function firstRows(entries: readonly Entry[], from: number, until: number): Map<number, number> {
  const first = new Map<number, number>()
  for (const entry of entries)
    if (entry.e === 'ok' && entry.t >= from && entry.t <= until && !first.has(entry.s)) first.set(entry.s, entry.t)
  return first
}
