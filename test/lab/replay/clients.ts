// The clients of the replay: one that writes and one that reads, without end, each on one connection that it opens again when it
// breaks. What they saw is told by their own journals. Knows where they connect, nothing of what is done to the cluster.

import { followJournal, now, type Summary } from '../journal.js'
import { type Journaled, startReader, startWriter } from '../observers.js'
import type { Stand } from '../stand.js'
import type { Finding } from './step.js'

/** Where clients connect: `host:port`, several in the order in which they are tried. */
export interface Doors {
  readonly write: readonly string[]
  readonly read: readonly string[]
}

export interface Clients {
  readonly writer: Journaled
  readonly reader: Journaled
  /** What each sees now, a few words a client. */
  live(): readonly string[]
  stop(): Promise<void>
}

/**
 * As any application sets one: a statement that was received by a host which then fell silent is never answered, and nothing is on its way
 * that could fail.
 */
const TIMEOUT_MS = 8000

/** Starts both; answers when each has had an answer. */
export async function startClients(stand: Stand, doors: Doors, everyMs: number): Promise<Clients> {
  const patience = { everyMs, timeoutMs: TIMEOUT_MS }
  const writer = await startWriter(stand, { to: doors.write, ...patience, name: `write-${everyMs}ms` })
  const reader = await startReader(stand, { to: doors.read, ...patience, name: `read-${everyMs}ms` })
  const counts = [keepCount('writes', writer, nameOf(stand)), keepCount('reads', reader, nameOf(stand))]
  return {
    writer,
    reader,
    live: () => counts.map(count => count()),
    stop: async () => {
      await Promise.all([writer.stop(), reader.stop()])
    },
  }
}

/** The name of the member that has an address. */
export const nameOf = (stand: Stand) => (address: string) =>
  stand.members.find(member => stand.address(member) === address) ?? address

/** Keeps count of what a client sees, without reading its journal anew each time. */
function keepCount(what: string, observer: Journaled, name: (address: string) => string): () => string {
  const news = followJournal(observer.journal)
  let [answers, errors, lastAt, member] = [0, 0, 0, '']
  return () => {
    for (const entry of news()) {
      if (entry.e === 'error') errors++
      if (entry.e !== 'ok') continue
      answers++
      lastAt = entry.t
      member = name(entry.member)
    }
    const silent = now() - lastAt
    const state = silent > 400 ? `waiting ${(silent / 1000).toFixed(1)} s` : `${member} answers`
    return `${what} ${answers.toLocaleString('en-US')}, ${plural(errors, 'error')}, ${state}`
  }
}

/** Names in a row: `pg2 and pg3`. */
export const listed = (names: readonly string[]) =>
  names.length < 2 ? (names[0] ?? 'nobody') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`

export const plural = (n: number, word: string) => `${n.toLocaleString('en-US')} ${word}${n === 1 ? '' : 's'}`

export interface Allowed {
  /** The longest time without an answer, in milliseconds. */
  readonly gap: number
  /** Sessions that may break, and connects that may fail. */
  readonly broken: number
  readonly connects: number
}

/** What a client paid, judged by what it may pay. "Read-only transaction" is never allowed to a writer. */
export function paid(by: string, { gap, errors, ...seen }: Summary, allowed: Allowed): Finding {
  const ms = Math.round(gap?.ms ?? Number.POSITIVE_INFINITY)
  const good =
    ms <= allowed.gap &&
    seen.queryErrors <= allowed.broken &&
    seen.connectFailures <= allowed.connects &&
    seen.readOnlyErrors === 0
  const broke = `${plural(seen.queryErrors, 'session')} broke`
  const refused = seen.connectFailures > 0 ? `, ${plural(seen.connectFailures, 'connect')} failed` : ''
  // Node's own errors name their code in the text too.
  const words = (text: string) => text.replace(/^(E[A-Z]+) (?=.*\b\1\b)/, '')
  const texts = Object.entries(errors).map(([text, n]) => (n > 1 ? `${n} × ${words(text)}` : words(text)))
  const said = texts.length > 0 ? `: ${texts.join('; ')}` : ''
  return { by, saw: `longest wait ${ms.toLocaleString('en-US')} ms, ${broke}${refused}${said}`, good, ms }
}
