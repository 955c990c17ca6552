// The journal an independent observer keeps: one JSON line per thing seen, with the machine's monotonic clock, which all
// processes share. Knows the lines and how to sum them up; knows no server and nothing of mekare's own events.

import { openSync, readFileSync, readSync, writeSync } from 'node:fs'

/** Something an observer saw. `t`: milliseconds of CLOCK_MONOTONIC. `s`: the session's number, from 0. */
export type Entry =
  | { readonly t: number; readonly s: number; readonly e: 'connected' }
  | {
      readonly t: number
      readonly s: number
      readonly e: 'ok'
      /** When the statement was sent. */
      readonly sent: number
      /** Of the row written, as text (bigint). */
      readonly id?: string
      /** `inet_server_addr()` of the member that answered. */
      readonly member: string
      readonly timeline?: string
      readonly recovery?: boolean
    }
  | {
      readonly t: number
      readonly s: number
      readonly e: 'error'
      readonly phase: 'connect' | 'query'
      readonly code: string
      readonly text: string
      /** Of the row whose fate is unknown now. */
      readonly id?: string
    }
  | {
      readonly t: number
      readonly e: 'state'
      readonly member: string
      readonly state: 'primary' | 'recovery' | 'down'
      readonly asked: number
    }

/** Now, on the clock of the journals, in milliseconds. */
export const now = () => Number(process.hrtime.bigint() / 1000n) / 1000

/** Opens a journal for writing; each entry is in the file when the call returns. */
export function openJournal(path: string): (entry: Entry) => void {
  const file = openSync(path, 'a')
  return entry => {
    writeSync(file, `${JSON.stringify(entry)}\n`)
  }
}

/** The entries of a journal so far; none when the file is not there yet. A last line still being written is left out. */
export function readJournal(path: string): Entry[] {
  let text = ''
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return []
  }
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  return whole.split('\n').flatMap(line => (line === '' ? [] : [JSON.parse(line) as Entry]))
}

/** Follows a journal that is there: each call answers what has come since the last one. */
export function followJournal(path: string): () => Entry[] {
  const file = openSync(path, 'r')
  const buffer = Buffer.alloc(256 * 1024)
  let rest = ''
  return () => {
    for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer))
      rest += buffer.toString('utf8', 0, read)
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    return lines.map(line => JSON.parse(line) as Entry)
  }
}

export interface Gap {
  readonly ms: number
  /** Last answer before and first answer after it. */
  readonly from: number
  readonly to: number
  readonly memberBefore: string
  readonly memberAfter: string
}

export interface Summary {
  readonly rows: number
  /** The longest time between two answers, of all sessions together and of the session that had it worst. */
  readonly gap: Gap | undefined
  readonly worstSessionGap: Gap | undefined
  readonly connects: number
  readonly connectFailures: number
  readonly queryErrors: number
  /** Failures of both kinds by `SQLSTATE text`. */
  readonly errors: Readonly<Record<string, number>>
  /** Failures of the session that had most. */
  readonly mostErrorsOfOneSession: number
  readonly readOnlyErrors: number
  /** Answers by member address. */
  readonly members: Readonly<Record<string, number>>
}

type Ok = Extract<Entry, { e: 'ok' }>
type Failure = Extract<Entry, { e: 'error' }>

/** Sums up what happened between `since` and `until` (default: everything). */
export function sumUp(entries: readonly Entry[], since = 0, until = Number.POSITIVE_INFINITY): Summary {
  const within = entries.filter(({ t }) => t >= since && t <= until)
  const oks = within.filter((entry): entry is Ok => entry.e === 'ok')
  const failures = within.filter((entry): entry is Failure => entry.e === 'error')
  const sessions = [...new Set(oks.map(({ s }) => s))]
  const gaps = sessions.map(s => longestGap(oks.filter(ok => ok.s === s)))
  return {
    rows: oks.length,
    gap: longestGap(oks),
    worstSessionGap: gaps.reduce((worst, gap) => ((gap?.ms ?? 0) > (worst?.ms ?? 0) ? gap : worst), gaps[0]),
    connects: within.filter(({ e }) => e === 'connected').length,
    connectFailures: failures.filter(({ phase }) => phase === 'connect').length,
    queryErrors: failures.filter(({ phase }) => phase === 'query').length,
    errors: count(failures.map(({ code, text }) => `${code} ${text}`.trim())),
    mostErrorsOfOneSession: Math.max(0, ...Object.values(count(failures.map(({ s }) => String(s))))),
    readOnlyErrors: failures.filter(({ code }) => code === '25006').length,
    members: count(oks.map(({ member }) => member)),
  }
}

function longestGap(oks: readonly Ok[]): Gap | undefined {
  let longest: Gap | undefined
  for (let i = 1; i < oks.length; i++) {
    const [before, after] = [oks[i - 1], oks[i]]
    if (!before || !after || after.t - before.t <= (longest?.ms ?? 0)) continue
    const ms = Math.round((after.t - before.t) * 1000) / 1000
    longest = { ms, from: before.t, to: after.t, memberBefore: before.member, memberAfter: after.member }
  }
  return longest
}

function count(keys: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const key of keys) counts[key] = (counts[key] ?? 0) + 1
  return counts
}

/** Ids of the rows that were acknowledged, and of those whose fate the client does not know. */
export function rowIds(entries: readonly Entry[]): { acknowledged: string[]; unknown: string[] } {
  const ids = (e: 'ok' | 'error') => entries.flatMap(entry => (entry.e === e && entry.id ? [entry.id] : []))
  return { acknowledged: ids('ok'), unknown: ids('error') }
}
