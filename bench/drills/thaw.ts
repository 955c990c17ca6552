// The primary freezes until its lease is gone and another one is promoted, then thaws and still believes in itself, with no
// Patroni there to tell it.

import { setTimeout as sleep } from 'node:timers/promises'
import { type Entry, now, rowIds } from '../../test/lab/journal.js'
import type { Stand } from '../../test/lab/stand.js'
import { changeSeen, type Field, primaryOf } from './field.js'
import { atLeast, atMost, type Figure, must, none, noted } from './figure.js'
import { onStand, SYNCHRONOUS } from './stand-site.js'
import { noHarm, sentence } from './switchover.js'

const SESSIONS = 5
/** Long enough for the old primary to answer everything it had in hand. */
const AFTER_THAW_MS = 8000

/** Freezes the primary, waits for the next one, thaws it, and answers what its sessions had from it afterwards. */
export async function freezeAndThaw(field: Field): Promise<Figure[]> {
  const { stand } = field
  const writer = await field.writer({ sessions: SESSIONS, everyMs: 10 })
  const old = await primaryOf(stand)
  const since = now()
  stand.freeze(old)
  const movedAt = await keyMoved(stand, old)
  await stand.untilLeader({ other: old })
  const change = await changeSeen(field, writer, { old, since, alone: true })
  field.say(sentence(change))
  // Patroni 3.0 may write the leader key again, unasked, when it thaws with what it knew before: two primaries by its own doing.
  // Without it there is nobody to demote the old primary, which goes on believing in itself.
  await stand.stop(old, 'patroni', 'SIGKILL')
  stand.thaw(old)
  const thawedAt = now()
  await sleep(AFTER_THAW_MS)
  const entries = await writer.stop()
  const missing = await missingRows(stand, change.promoted ?? '', entries)
  const believes = await stand.sql(old, 'select pg_is_in_recovery() as recovery')
  const { acknowledged } = rowIds(entries)
  const stray = acknowledgedBy(entries, stand.address(old), movedAt)
  stand.start(old)
  return [
    atMost('last session cut, after the leader key moved', lastCut(entries, since, movedAt), 500, 'ms'),
    must('sessions cut', cut(entries, since) === SESSIONS, `${cut(entries, since)} of ${SESSIONS}`, `${SESSIONS}`),
    atMost('first session, after the promotion', change.tail, 200, 'ms'),
    none('rows acknowledged by the old primary after the key moved', stray.length),
    noted('the same, after the thaw', stray.filter(({ t }) => t >= thawedAt).length),
    must('the thawed one', believes[0]?.recovery === false, believes[0]?.recovery ? 'demoted' : 'primary', 'primary'),
    atLeast('rows acknowledged', acknowledged.length, 100),
    none('acknowledged rows missing on the new primary', missing),
    ...noHarm([change]),
  ]
}

/** When the leader key was first seen to name another member: asked every 20 ms. */
async function keyMoved(stand: Stand, old: string): Promise<number> {
  for (const end = now() + 90_000; now() < end; await sleep(20)) {
    const leader = await stand.leader().catch(() => undefined)
    if (leader !== undefined && leader !== old) return now()
  }
  throw new Error(`the leader key still named ${old} after 90 seconds`)
}

const breaks = (entries: readonly Entry[], since: number) =>
  entries.flatMap(entry => (entry.e === 'error' && entry.phase === 'query' && entry.t >= since ? [entry] : []))

const cut = (entries: readonly Entry[], since: number) => new Set(breaks(entries, since).map(({ s }) => s)).size

function lastCut(entries: readonly Entry[], since: number, movedAt: number): number | undefined {
  const times = breaks(entries, since).map(({ t }) => t - movedAt)
  return times.length === 0 ? undefined : Math.max(...times)
}

const acknowledgedBy = (entries: readonly Entry[], member: string, since: number) =>
  entries.filter(entry => entry.e === 'ok' && entry.member === member && entry.t > since)

/** How many of the acknowledged rows the member does not have. */
async function missingRows(stand: Stand, member: string, entries: readonly Entry[]): Promise<number> {
  const rows = await stand.sql(member, 'select id::text as id from rows', { as: 'app', timeoutMs: 30_000 })
  const present = new Set(rows.map(({ id }) => id))
  return rowIds(entries).acknowledged.filter(id => !present.has(id)).length
}

export const thaw = onStand({
  name: 'thaw',
  says: 'the primary frozen past its lease, then thawed; synchronous_mode: true',
  site: SYNCHRONOUS,
  run: freezeAndThaw,
})
