// Three etcd members, followed by one source: what a moved key, a frozen, a killed and a silent member cost.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { openSession } from '../../../src/sources/etcd/session.js'
import { ctl, type Etcd, end, freePort, healthy, insist, launch } from './etcd.js'
import { config, delayOf, leadsTo, listen, silent, told } from './listener.js'

/** Three members of one etcd, and a source that follows them. */
export async function startThree() {
  const hosts = ['127.77.1.1', '127.77.1.2', '127.77.1.3']
  const parts = await Promise.all(
    hosts.map(async (host, i) => ({
      name: `e${i + 1}`,
      url: `http://${host}:${await freePort(host)}`,
      peer: `http://${host}:${await freePort(host)}`,
    })),
  )
  const cluster = parts.map(({ name, peer }) => `${name}=${peer}`).join(',')
  const start = ({ name, url, peer }: (typeof parts)[number]) =>
    launch(name, url, ['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', cluster])
  const etcds = parts.map(start)
  const urls = parts.map(({ url }) => url)
  const at = (i: number): Etcd => {
    const etcd = etcds[i]
    if (etcd === undefined) throw new Error(`no etcd ${i}`)
    return etcd
  }
  const others = (i: number) => urls.filter((_, k) => k !== i)
  await healthy(urls)
  const member = JSON.stringify({ conn_url: 'postgres://10.0.0.1:5432/postgres', role: 'master', state: 'running' })
  await ctl(urls, 'put', '/service/demo/members/pg1', member)
  await ctl(urls, 'put', '/service/demo/leader', 'pg1')
  const listener = listen(config(urls))
  const inUse = () => urls.indexOf(listener.source.status().endpoints.find(e => e.state === 'in use')?.name ?? '')

  /** Moves etcd's own leadership away from an endpoint, so that a drill measures us and not an election. */
  const leadElsewhere = async (i: number) => {
    const status = JSON.parse(await ctl(urls, 'endpoint', 'status', '-w', 'json')) as {
      Endpoint: string
      Status: { header: { member_id: bigint }; leader: bigint }
    }[]
    const ids = (await ctl(urls, 'member', 'list')).split('\n')
    const idOf = (k: number) => ids.find(line => line.includes(parts[k]?.url ?? '?'))?.split(',')[0] ?? ''
    const mine = status.find(s => s.Endpoint === urls[i])?.Status
    if (mine?.leader !== mine?.header.member_id) return
    await ctl([urls[i] ?? ''], 'move-leader', idOf((i + 1) % 3))
  }
  return { parts, urls, etcds, at, others, start, listener, inUse, leadElsewhere }
}

type Three = Awaited<ReturnType<typeof startThree>>

export async function moved(t: Test, { urls, listener }: Three): Promise<void> {
  await listener.until('the first snapshot', leadsTo('pg1'))
  const delays: number[] = []
  for (let i = 0; i < 5; i++) delays.push(await delayOf(listener, urls, `pg${2 + (i % 2)}`))
  t.comment(`${delays.map(d => d.toFixed(1)).join(', ')} ms`)
  // Guards that the watch tells it: the re-read alone would take 250 ms in the median. Usually 0 to 4 ms.
  const middle = delays.sort((a, b) => a - b)[2] ?? 0
  t.ok(middle < 100, `median ${middle.toFixed(1)} ms after the acknowledgement`)
  const topology = told(listener.news.at(-1))
  t.match(topology.problems, [/names "pg2", but there is no such member/])
  t.equal(topology.members.get('pg1')?.role, 'primary')
}

export async function sameName(t: Test, { urls, listener }: Three): Promise<void> {
  const before = told(listener.news.at(-1)).term
  await ctl(urls, 'del', '/service/demo/leader')
  await listener.until('no term', news => news.kind === 'topology' && news.topology.term === undefined)
  await delayOf(listener, urls, before?.leader ?? '')
  t.not(told(listener.news.at(-1)).term?.revision, before?.revision)
}

export async function compacted(t: Test, { urls, listener }: Three): Promise<void> {
  const revision = Number(told(listener.news.at(-1)).revision)
  await ctl(urls, 'compaction', String(revision))
  t.comment(`${(await delayOf(listener, urls, 'after-compaction')).toFixed(1)} ms`)
  const session = openSession(urls[0] ?? '', '/service/demo/', config(urls).etcd)
  const why = await new Promise<Error>(resolve => session.watch(1, { changed: () => {}, broken: resolve }))
  t.match(why.message, /compacted/, 'a compacted start is told, not swallowed')
  session.close()
}

export async function frozen(t: Test, { urls, at, others, listener, inUse, leadElsewhere }: Three): Promise<void> {
  const used = inUse()
  await leadElsewhere(used)
  at(used).child.kill('SIGSTOP')
  const delay = await delayOf(listener, others(used), 'after-freeze')
  at(used).child.kill('SIGCONT')
  t.comment(`frozen: ${delay.toFixed(0)} ms, now ${JSON.stringify(listener.events.at(-1))}`)
  t.ok(delay < 2000)
  t.not(inUse(), used)
  t.match(listener.events.at(-1), { kind: 'source_moved', from: urls[used] })
}

export async function frozenLeader(t: Test, { urls, at, others, listener, inUse }: Three): Promise<void> {
  await sleep(300)
  const used = inUse()
  const idOf = (await ctl(urls, 'member', 'list')).split('\n').find(line => line.includes(urls[used] ?? '?'))
  const leads = async (url: string) =>
    (await ctl([url], 'endpoint', 'status', '-w', 'simple')).split(', ')[4] === 'true'
  for (const url of others(used)) if (await leads(url)) await ctl([url], 'move-leader', idOf?.split(',')[0] ?? '')
  t.ok(await leads(urls[used] ?? ''))
  at(used).child.kill('SIGSTOP')
  const begun = performance.now()
  const heard = listener.until('the write', leadsTo('after-election'))
  await insist(others(used)[0] ?? '', 'after-election')
  const acknowledged = performance.now()
  const delay = Math.max(0, (await heard) - acknowledged)
  at(used).child.kill('SIGCONT')
  t.comment(`election took ${(acknowledged - begun).toFixed(0)} ms, we ${delay.toFixed(0)} ms more`)
  t.ok(delay < 2000)
  await healthy(urls)
}

export async function killed(
  t: Test,
  { parts, urls, etcds, at, others, start, listener, inUse, leadElsewhere }: Three,
): Promise<void> {
  const used = inUse()
  await leadElsewhere(used)
  await end(at(used))
  const delay = await delayOf(listener, others(used), 'after-kill')
  t.comment(`killed: ${delay.toFixed(0)} ms`)
  t.ok(delay < 2000)
  const part = parts[used]
  if (part !== undefined) etcds[used] = start(part)
  await healthy(urls)
}

export async function standingBy(t: Test, { parts, urls, etcds, at, start, listener, inUse }: Three): Promise<void> {
  const used = inUse()
  const other = (used + 1) % urls.length
  const shown = () => listener.source.status().endpoints[other]
  const untilShown = async (state: string) => {
    const begun = performance.now()
    while (shown()?.state !== state && performance.now() - begun < 6000) await sleep(50)
    return performance.now() - begun
  }
  await untilShown('standing by')
  await end(at(other))
  const fell = await untilShown('failed')
  t.match(shown(), { state: 'failed', why: /ECONNREFUSED/ })
  const part = parts[other]
  if (part !== undefined) etcds[other] = start(part)
  await healthy(urls)
  const back = await untilShown('standing by')
  t.same(shown(), { name: urls[other], state: 'standing by' })
  t.comment(`shown as failed after ${fell.toFixed(0)} ms, as standing by ${back.toFixed(0)} ms after it was healthy`)
  t.equal(inUse(), used, 'the one in use stays in use')
}

export async function allFrozen(t: Test, { etcds, listener }: Three): Promise<void> {
  const begun = performance.now()
  for (const { child } of etcds) child.kill('SIGSTOP')
  const fell = (await listener.until('silence', silent)) - begun
  t.match(listener.source.status().why, /no answer in time/)
  for (const { child } of etcds) child.kill('SIGCONT')
  const thawed = performance.now()
  const back = (await listener.until('an answer', news => news.kind === 'topology')) - thawed
  t.comment(`silent after ${fell.toFixed(0)} ms, back ${back.toFixed(0)} ms after the thaw`)
  t.ok(fell < 2500 && back < 3000)
  t.equal(listener.source.status().silentSince, undefined)
}

export async function allKilled(t: Test, { parts, etcds, start, listener }: Three): Promise<void> {
  const begun = performance.now()
  await Promise.all(etcds.map(end))
  const fell = (await listener.until('silence', silent)) - begun
  t.match(listener.source.status().why, /ECONNREFUSED/)
  for (const [i, part] of parts.entries()) etcds[i] = start(part)
  const restarted = performance.now()
  const back = (await listener.until('an answer', news => news.kind === 'topology')) - restarted
  t.comment(`silent after ${fell.toFixed(0)} ms, back ${back.toFixed(0)} ms after the start, election included`)
  t.ok(fell < 2500)
}

export async function stopped(t: Test, { urls, etcds, listener }: Three): Promise<void> {
  t.comment(`${(await listener.stop()).toFixed(0)} ms`)
  const count = listener.news.length
  await ctl(urls, 'put', '/service/demo/leader', 'nobody')
  await sleep(100)
  t.equal(listener.news.length, count)
  await Promise.all(etcds.map(end))
}
