// All of etcd is away for a while and Patroni, without its failsafe mode, demotes the primary: what clients are told meanwhile,
// and how the same leader, promoted again, is followed.

import { setTimeout as sleep } from 'node:timers/promises'
import { type Entry, now } from '../../test/lab/journal.js'
import { startReader } from '../../test/lab/observers.js'
import type { Stand } from '../../test/lab/stand.js'
import { firstPromotion } from './change.js'
import { eventually, type Field, primaryOf } from './field.js'
import { atLeast, atMost, type Figure, must, none, noted } from './figure.js'
import { FROZEN, STOPPED, type Way } from './outage.js'
import { onStand } from './stand-site.js'

const SESSIONS = 5

/** Without failsafe mode: Patroni demotes. Writers are held, then refused with the cause; reads go on; writes return. */
async function withoutFailsafe(field: Field, way: Way, outage: number): Promise<Figure[]> {
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
  const told = refusals(arriving.entries(), since, backAt)
  const later = refusals(arriving.entries(), backAt, until)
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
    none('refused without a cause afterwards', later.filter(text => !isRefusal(text)).length, later[0]),
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

const isRefusal = (text: string) => /^57P03 .*has no primary for [^:]+: \S/.test(text)
const isCause = (text: string) => isRefusal(text) && /etcd/.test(text)

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

const demoted = (way: Way) =>
  onStand({
    name: `etcd-outage-${way.name}-demoted`,
    says: `all of etcd ${way.says}, without failsafe mode, holdFor 5s`,
    proxy: { config: { listen: { write: { holdFor: '5s' } } } },
    run: (field, { outage }) => withoutFailsafe(field, way, outage),
  })

export const demotedByOutages = [demoted(STOPPED), demoted(FROZEN)]
