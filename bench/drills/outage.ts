// All of etcd is away for a while: stopped and started, or frozen and thawed; with Patroni's failsafe mode and without.

import { setTimeout as sleep } from 'node:timers/promises'
import { type Entry, now } from '../../test/lab/journal.js'
import { startReader } from '../../test/lab/observers.js'
import type { Stand } from '../../test/lab/stand.js'
import { firstPromotion } from './change.js'
import type { Drill } from './drill.js'
import { eventually, type Field, primaryOf } from './field.js'
import { atLeast, atMost, type Figure, must, none, noted } from './figure.js'

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

/** Without failsafe mode: Patroni demotes. Writers are held, then refused with the cause; reads go on; writes return. */
export async function withoutFailsafe(field: Field, way: Way, outage: number): Promise<Figure[]> {
  const { stand, proxy } = field
  const writer = await field.writer({ sessions: SESSIONS, everyMs: 20 })
  const reader = field.keep(await startReader(stand, { to: proxy.read, sessions: SESSIONS, everyMs: 20 }))
  const [arriving, asking] = [await field.newcomers('write', 500), await field.newcomers('read')]
  const old = await primaryOf(stand)
  const term = await keyRevision(stand)
  const since = now()
  await way.away(stand)
  await sleep(outage)
  const backAt = now()
  await way.back(stand)
  const recovered = () => firstPromotion(field.poller.entries(), backAt, undefined)
  await eventually(60_000, 'no member was promoted after etcd came back', async () => recovered() !== undefined)
  await sleep(4000)
  const until = now()
  const told = refusals(arriving.entries(), since, until)
  const promotion = recovered()
  const rows = [...writer.entries(), ...arriving.entries()].filter(
    e => e.e === 'ok' && e.t >= (promotion?.asked ?? until),
  )
  const firstRow = rows.length > 0 ? Math.min(...rows.map(({ t }) => t)) : undefined
  const [w, newReaders] = [writer, asking].map(each => each.summary(since, until))
  const endedReads = endedElsewhere(reader.entries(), since, promotion && stand.address(promotion.member))
  const broken = breaksBySession(writer.entries(), since, until)
  const revision = await keyRevision(stand)
  return [
    atLeast('new writers refused', told.length, 1),
    must(
      'and told the cause',
      told.every(isCause),
      told.find(text => !isCause(text)) ?? told[0] ?? '',
      '57P03 and why',
    ),
    none('read-only errors', w?.readOnlyErrors ?? 0),
    atMost('errors of one writer besides refusals', Math.max(0, ...broken), 1, ''),
    none('read sessions ended, but for those on a replica that was promoted', endedReads),
    none('new readers that failed', newReaders?.connectFailures ?? 0, JSON.stringify(newReaders?.errors)),
    // A primary that has been gone for over 10 s is asked every 500 ms.
    atMost('first row after the promotion', firstRow && promotion && firstRow - promotion.asked, 700, 'ms'),
    noted(
      'promoted again',
      `${promotion?.member}, was ${old}; leader key ${term === revision ? 'the same' : 'another'}`,
    ),
    noted('from etcd’s return to the promotion', promotion && promotion.asked - backAt, 'ms'),
  ]
}

/** Read sessions that failed, without those that had been reading from that member: a promotion cuts them. */
function endedElsewhere(entries: readonly Entry[], since: number, promoted: string | undefined): number {
  const member = new Map<number, string>()
  let ended = 0
  for (const entry of entries) {
    if (entry.e === 'ok') member.set(entry.s, entry.member)
    if (entry.e === 'error' && entry.t >= since && member.get(entry.s) !== promoted) ended++
  }
  return ended
}

function refusals(entries: readonly Entry[], since: number, until: number): string[] {
  return entries.flatMap(e => (e.e === 'error' && e.t >= since && e.t <= until ? [`${e.code} ${e.text}`] : []))
}

const isCause = (text: string) => text.startsWith('57P03 ') && /no primary/.test(text) && /etcd/.test(text)

/** Failures other than mekare's own refusal, by session. */
function breaksBySession(entries: readonly Entry[], since: number, until: number): number[] {
  const counts = new Map<number, number>()
  for (const e of entries) {
    if (e.e !== 'error' || e.t < since || e.t > until || (e.phase === 'connect' && e.code === '57P03')) continue
    counts.set(e.s, (counts.get(e.s) ?? 0) + 1)
  }
  return [...counts.values()]
}

/** create_revision of the leader key: the same one means the same term to everyone who reads etcd only. */
async function keyRevision(stand: Stand): Promise<string> {
  const { namespace, scope } = stand.settings
  const { stdout } = await stand.etcdctl('get', `${namespace}${scope}/leader`, '-w', 'json')
  return String((JSON.parse(stdout || '{}') as { kvs?: { create_revision: number }[] }).kvs?.[0]?.create_revision)
}

const kept = (way: Way): Drill => ({
  name: `etcd-outage-${way.name}`,
  says: `all of etcd ${way.says}, failsafe_mode: true`,
  stand: { failsafeMode: true },
  run: (field, { outage }) => withFailsafe(field, way, { outage }),
})

const demoted = (way: Way): Drill => ({
  name: `etcd-outage-${way.name}-demoted`,
  says: `all of etcd ${way.says}, without failsafe mode, holdFor 5s`,
  stand: {},
  proxy: { config: { listen: { write: { holdFor: '5s' } } } },
  run: (field, { outage }) => withoutFailsafe(field, way, outage),
})

export const keptThroughOutages = [kept(STOPPED), kept(FROZEN)]
export const demotedByOutages = [demoted(STOPPED), demoted(FROZEN)]
