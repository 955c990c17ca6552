// All of etcd is away for a while, stopped and started or frozen and thawed, under Patroni's failsafe mode: nobody may notice.

import { setTimeout as sleep } from 'node:timers/promises'
import { type Entry, now } from '../../test/lab/journal.js'
import { startReader } from '../../test/lab/observers.js'
import type { Stand } from '../../test/lab/stand.js'
import { eventually, type Field } from './field.js'
import { atLeast, atMost, type Figure, none } from './figure.js'
import { FAILSAFE, onStand } from './stand-site.js'

export interface Way {
  readonly name: string
  readonly says: string
  away(stand: Stand): Promise<void>
  back(stand: Stand): Promise<void>
}

export const STOPPED: Way = {
  name: 'stop',
  says: 'stopped and started',
  away: async stand => {
    await Promise.all(stand.etcd.hosts.map(host => stand.stop(host, 'etcd')))
  },
  back: async stand => {
    for (const host of stand.etcd.hosts) stand.start(host)
    await stand.etcd.healthy()
  },
}

export const FROZEN: Way = {
  name: 'freeze',
  says: 'frozen and thawed',
  away: async stand => {
    for (const host of stand.etcd.hosts) stand.freeze(host)
  },
  back: async stand => {
    for (const host of stand.etcd.hosts) stand.thaw(host)
    await stand.etcd.healthy()
  },
}

const SESSIONS = 5
/** Patroni writes its keys anew within this time; what happens meanwhile is part of the drill. */
const AFTERWARDS_MS = 15_000

export interface Lengths {
  readonly outage: number
  /** How long to go on watching once etcd is back, in ms. */
  readonly afterwards?: number
}

/** With failsafe mode: takes etcd away and gives it back; nobody may notice. */
export async function withFailsafe(field: Field, way: Way, lengths: Lengths): Promise<Figure[]> {
  const { outage, afterwards = AFTERWARDS_MS } = lengths
  const { stand, proxy } = field
  // The failsafe key is written in the primary's next turn.
  await eventually(30_000, 'no failsafe key', async () => ((await stand.key('failsafe')) ?? '') !== '')
  const writer = await field.writer({ sessions: SESSIONS, everyMs: 20 })
  const reader = field.keep(await startReader(stand, { to: proxy.read, sessions: SESSIONS, everyMs: 20 }))
  const [arriving, asking] = [await field.newcomers('write'), await field.newcomers('read')]
  const since = now()
  await way.away(stand)
  await sleep(outage)
  const backAt = now()
  await way.back(stand)
  await sleep(afterwards)
  const until = now()
  const [w, r, newWriters, newReaders] = [writer, reader, arriving, asking].map(each => each.summary(since, until))
  const visits = arriving.entries()
  const errors = (summary = w) => Object.values(summary?.errors ?? {}).reduce((sum, count) => sum + count, 0)
  const seen = (summary = w) => JSON.stringify(summary?.errors)
  return [
    none('write sessions ended', errors(w), seen(w)),
    none('read sessions ended', errors(r), seen(r)),
    none('new writers that failed', errors(newWriters), seen(newWriters)),
    none('new readers that failed', errors(newReaders), seen(newReaders)),
    atLeast('new writers served meanwhile', newWriters?.rows ?? 0, Math.floor((until - since) / 400)),
    atMost('longest wait of a new writer, etcd away', longestVisit(visits, since, backAt), 2000, 'ms'),
    atMost('longest wait of a new writer, etcd back', longestVisit(visits, backAt, until), 3000, 'ms'),
    none('new writers never answered', unanswered(visits, since, until)),
  ]
}

/** Of those that came within the time, the longest from the beginning of the connect to the answer. */
function longestVisit(entries: readonly Entry[], from: number, until: number): number | undefined {
  const visits = entries.flatMap(e => (e.e === 'ok' && e.sent >= from && e.sent <= until ? [e.t - e.sent] : []))
  return visits.length === 0 ? undefined : Math.max(...visits)
}

/** Visitors are numbered one by one: those missing below the last answered one, given 2 s, were left without a word. */
function unanswered(entries: readonly Entry[], since: number, until: number): number {
  const told = entries.flatMap(e => (e.e === 'ok' || e.e === 'error' ? [e] : []))
  const early = told.filter(({ t }) => t < until - 2000).map(({ s }) => s)
  const first = Math.min(...told.filter(({ t }) => t >= since).map(({ s }) => s))
  const last = Math.max(...early)
  const answered = new Set(told.map(({ s }) => s))
  let count = 0
  for (let s = first; s <= last; s++) if (!answered.has(s)) count++
  return count
}

const kept = (way: Way) =>
  onStand({
    name: `etcd-outage-${way.name}`,
    says: `all of etcd ${way.says}, failsafe_mode: true`,
    site: FAILSAFE,
    run: (field, { outage }) => withFailsafe(field, way, { outage }),
  })

export const keptThroughOutages = [kept(STOPPED), kept(FROZEN)]
