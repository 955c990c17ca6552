// The etcd source against real etcd: three members on 127.77.1.x, and single ones for passwords, restores and wrong scopes.
// Each drill prints how long after the acknowledged write the source told of it.

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { noop } from 'cockatiel'
import { Etcd3 } from 'etcd3'
import t from 'tap'
import type { ClusterConfig } from '../../src/config/shape.js'
import type { Event } from '../../src/events/event.js'
import { createSource } from '../../src/sources/create.js'
import { applyChanges, applyRead } from '../../src/sources/etcd/mirror.js'
import { openSession } from '../../src/sources/etcd/session.js'
import type { Source } from '../../src/sources/source.js'
import type { SourceNews, Topology } from '../../src/topology/topology.js'
import { epochMs, ms } from '../../src/units/units.js'

const run = promisify(execFile)
const now = () => ms(performance.now())
const sleep = (length: number) => new Promise(resolve => setTimeout(resolve, length))

const home = mkdtempSync(join(tmpdir(), 'mekare-sources-'))
const children = new Set<ChildProcess>()
const cleanUp = () => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(home, { recursive: true, force: true, maxRetries: 5 })
}
process.on('exit', cleanUp)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))
const unhandled: unknown[] = []
process.on('unhandledRejection', error => unhandled.push(error))

interface Etcd {
  readonly url: string
  readonly child: ChildProcess
}

async function freePort(host: string): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, host, resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

function launch(name: string, url: string, more: readonly string[] = []): Etcd {
  const args = [
    '--name',
    name,
    '--data-dir',
    join(home, name),
    '--listen-client-urls',
    url,
    '--advertise-client-urls',
    url,
  ]
  // The kernel ends the child when this process is killed outright.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'etcd', ...args, ...more], {
    stdio: 'ignore',
  })
  children.add(child)
  child.on('exit', () => children.delete(child))
  return { url, child }
}

async function single(name: string, url: string): Promise<Etcd> {
  const peer = `http://127.77.1.9:${await freePort('127.77.1.9')}`
  const peers = [
    '--listen-peer-urls',
    peer,
    '--initial-advertise-peer-urls',
    peer,
    '--initial-cluster',
    `${name}=${peer}`,
  ]
  const etcd = launch(name, url, peers)
  await healthy([url])
  return etcd
}

async function end({ child }: Etcd): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}

async function ctl(urls: readonly string[], ...args: readonly string[]): Promise<string> {
  const env = { ...process.env, ETCDCTL_API: '3' }
  const { stdout } = await run('etcdctl', ['--endpoints', urls.join(','), '--command-timeout', '5s', ...args], { env })
  return stdout
}

async function healthy(urls: readonly string[]): Promise<void> {
  for (let i = 0; i < 100; i++) {
    try {
      await ctl(urls, 'endpoint', 'health')
      return
    } catch {
      await sleep(100)
    }
  }
  throw new Error(`etcd ${urls.join(', ')} does not come up`)
}

function config(hosts: readonly string[], etcd: Partial<ClusterConfig['etcd']> = {}, scope = 'demo'): ClusterConfig {
  const times = { interval: ms(1000), timeout: ms(1000), slowStart: ms(0) }
  return {
    scope,
    namespace: '/service/',
    source: 'etcd',
    etcd: { hosts, ...etcd },
    patroni: { urls: [], interval: ms(1000) },
    static: { members: [] },
    probe: { database: 'postgres', sslmode: 'prefer', rise: 2, fall: 2, ...times },
  }
}

interface Listener {
  readonly source: Source
  readonly news: SourceNews[]
  readonly events: Event[]
  /** Resolves to the moment at which news of this kind came, counted from the first unread. */
  until(what: string, fits: (news: SourceNews) => boolean): Promise<number>
  stop(): Promise<number>
}

function listen(of: ClusterConfig): Listener {
  const news: SourceNews[] = []
  const events: Event[] = []
  const heardAt: number[] = []
  let noticed = () => {}
  const wall = () => epochMs(Date.now())
  const source = createSource(of, { now, wall, report: event => events.push(event) })
  source.start(item => {
    news.push(item)
    heardAt.push(performance.now())
    noticed()
  })
  return {
    source,
    news,
    events,
    until: (what, fits) =>
      new Promise((resolve, reject) => {
        let from = Math.max(0, news.length - 1)
        const timer = setTimeout(
          () => reject(new Error(`never heard: ${what}; ${JSON.stringify(source.status())}`)),
          8000,
        )
        noticed = () => {
          for (; from < news.length; from++) {
            const item = news[from]
            if (item === undefined || !fits(item)) continue
            clearTimeout(timer)
            noticed = () => {}
            return resolve(heardAt[from] ?? 0)
          }
        }
        noticed()
      }),
    stop: async () => {
      const begun = performance.now()
      await source.stop()
      return performance.now() - begun
    },
  }
}

const leadsTo =
  (name: string) =>
  (news: SourceNews): boolean =>
    news.kind === 'topology' && news.topology.term?.leader === name
const silent = (news: SourceNews): boolean => news.kind === 'silent'
const told = (news: SourceNews | undefined): Topology => {
  if (news?.kind !== 'topology') throw new Error('no topology')
  return news.topology
}

async function delayOf(listener: Listener, urls: readonly string[], leader: string): Promise<number> {
  const heard = listener.until(`leader ${leader}`, leadsTo(leader))
  const writer = new Etcd3({ hosts: urls.slice(0, 1) })
  await writer.put('/service/demo/leader').value(leader)
  const acknowledged = performance.now()
  writer.close()
  // Watchers may hear of it before the writer does.
  return Math.max(0, (await heard) - acknowledged)
}

/** Writes the leader key anew until it is taken: a write proposed while etcd has no leader is lost. */
async function insist(url: string, leader: string): Promise<void> {
  for (let taken = false; !taken; ) {
    const writer = new Etcd3({ hosts: url, faultHandling: { global: noop, host: () => noop } })
    const put = writer.put('/service/demo/leader').value(leader)
    taken = await put.options({ deadline: Date.now() + 200 }).then(
      () => true,
      () => false,
    )
    writer.close()
  }
}

t.test('three etcd members', async t => {
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
  t.teardown(() => listener.stop())

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

  await t.test('a moved leader key is told within milliseconds', async t => {
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
  })

  await t.test('the same name written again is another term', async t => {
    const before = told(listener.news.at(-1)).term
    await ctl(urls, 'del', '/service/demo/leader')
    await listener.until('no term', news => news.kind === 'topology' && news.topology.term === undefined)
    await delayOf(listener, urls, before?.leader ?? '')
    t.not(told(listener.news.at(-1)).term?.revision, before?.revision)
  })

  await t.test('compaction changes nothing', async t => {
    const revision = Number(told(listener.news.at(-1)).revision)
    await ctl(urls, 'compaction', String(revision))
    t.comment(`${(await delayOf(listener, urls, 'after-compaction')).toFixed(1)} ms`)
    const session = openSession(urls[0] ?? '', '/service/demo/', config(urls).etcd)
    const why = await new Promise<Error>(resolve => session.watch(1, { changed: () => {}, broken: resolve }))
    t.match(why.message, /compacted/, 'a compacted start is told, not swallowed')
    session.close()
  })

  await t.test('the endpoint in use frozen costs at most 2 s', async t => {
    const used = inUse()
    await leadElsewhere(used)
    at(used).child.kill('SIGSTOP')
    const delay = await delayOf(listener, others(used), 'after-freeze')
    at(used).child.kill('SIGCONT')
    t.comment(`frozen: ${delay.toFixed(0)} ms, now ${JSON.stringify(listener.events.at(-1))}`)
    t.ok(delay < 2000)
    t.not(inUse(), used)
    t.match(listener.events.at(-1), { kind: 'source_moved', from: urls[used] })
  })

  await t.test("frozen while it leads etcd too: at most 2 s on top of etcd's election", async t => {
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
  })

  await t.test('the endpoint in use killed costs at most 2 s', async t => {
    const used = inUse()
    await leadElsewhere(used)
    await end(at(used))
    const delay = await delayOf(listener, others(used), 'after-kill')
    t.comment(`killed: ${delay.toFixed(0)} ms`)
    t.ok(delay < 2000)
    const part = parts[used]
    if (part !== undefined) etcds[used] = start(part)
    await healthy(urls)
  })

  await t.test('one that stands by and dies is shown so, and so is its return', async t => {
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
  })

  await t.test('all frozen: silence is told, then the answer again', async t => {
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
  })

  await t.test('all killed: silence names the cause; restarted ones are found', async t => {
    const begun = performance.now()
    await Promise.all(etcds.map(end))
    const fell = (await listener.until('silence', silent)) - begun
    t.match(listener.source.status().why, /ECONNREFUSED/)
    for (const [i, part] of parts.entries()) etcds[i] = start(part)
    const restarted = performance.now()
    const back = (await listener.until('an answer', news => news.kind === 'topology')) - restarted
    t.comment(`silent after ${fell.toFixed(0)} ms, back ${back.toFixed(0)} ms after the start, election included`)
    t.ok(fell < 2500)
  })
  await t.test('stop leaves nothing behind', async t => {
    t.comment(`${(await listener.stop()).toFixed(0)} ms`)
    const count = listener.news.length
    await ctl(urls, 'put', '/service/demo/leader', 'nobody')
    await sleep(100)
    t.equal(listener.news.length, count)
    await Promise.all(etcds.map(end))
  })
})

t.test('the mirror: what reads and watch events may change', async t => {
  const entry = (value: string, revision: number) => ({ value, createRevision: '1', modRevision: String(revision) })
  const at = (revision: number, value: string) => ({ revision, entries: new Map([['leader', entry(value, revision)]]) })
  const mirror = at(10, 'a')
  t.match(applyRead(mirror, at(12, 'b'), 10), [{ revision: 12 }, 'changed'])
  t.match(applyRead(mirror, { ...mirror, revision: 12 }, 10), [{ revision: 12 }, 'same'], 'others wrote elsewhere')
  t.same(applyRead(mirror, at(9, 'b'), 8), [mirror, 'old'], 'the watch was faster than a read begun before')
  t.match(applyRead(mirror, at(9, 'b'), 10), [{ revision: 9 }, 'behind'], 'a later read with less: restored')
  const changes = [
    { key: 'leader', revision: 9, entry: entry('late', 9) },
    { key: 'leader', revision: 11 },
    { key: 'leader', revision: 12, entry: entry('c', 12) },
  ]
  const next = applyChanges(mirror, changes)
  t.equal(next.revision, 12)
  t.equal(next.entries.get('leader')?.value, 'c')
  t.equal(applyChanges(next, changes), next, 'what is in it already changes nothing')
})

t.test('TLS with client certificates; a foreign authority is said in one line', async t => {
  const tls = join(home, 'tls')
  mkdirSync(tls)
  const openssl = (...args: readonly string[]) => run('openssl', args, { cwd: tls })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  for (const ca of ['ca', 'other']) {
    await openssl('req', '-x509', ...key, '-keyout', `${ca}.key`, '-out', `${ca}.crt`, '-subj', `/CN=${ca}`)
  }
  await openssl('req', ...key.slice(0, -2), '-keyout', 'm.key', '-out', 'm.csr', '-subj', '/CN=mekare')
  await writeFile(join(tls, 'ext'), 'subjectAltName=DNS:localhost,IP:127.77.1.6')
  const sign = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'ext']
  await openssl('x509', '-req', '-in', 'm.csr', '-out', 'm.crt', ...sign)
  const [ca, cert, key2, other] = ['ca.crt', 'm.crt', 'm.key', 'other.crt'].map(file => join(tls, file))
  if (!ca || !cert || !key2 || !other) throw new Error('no files')
  const url = `https://127.77.1.6:${await freePort('127.77.1.6')}`
  const peer = `http://127.77.1.9:${await freePort('127.77.1.9')}`
  const server = ['--cert-file', cert, '--key-file', key2, '--trusted-ca-file', ca, '--client-cert-auth']
  const peers = ['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `tls=${peer}`]
  const etcd = launch('tls', url, [...server, ...peers])
  const right = listen(config([url], { ca, cert, key: key2 }))
  await right.until('an answer', news => news.kind === 'topology')
  const foreign = listen(config([url], { ca: other, cert, key: key2 }))
  const without = listen(config([url], { ca }))
  const plain = listen(config([url.replace('https:', 'http:')]))
  await Promise.all([foreign, without, plain].map(listener => listener.until('silence', silent)))
  t.match(foreign.source.status().why, /not signed by the given authority; correct etcd.ca/)
  for (const listener of [without, plain]) t.comment(listener.source.status().why)
  t.match(plain.source.status().why, /it wants TLS; if so, write https/)
  await Promise.all([right, foreign, without, plain].map(listener => listener.stop()))
  await end(etcd)
})

t.test('one etcd', async t => {
  const url = `http://127.77.1.5:${await freePort('127.77.1.5')}`
  let etcd = await single('one', url)
  for (let i = 0; i < 20; i++) await ctl([url], 'put', '/service/demo/leader', `old${i}`)
  await ctl([url], 'put', '/service/other/leader', 'x')

  await t.test('a wrong scope says which scopes exist', async t => {
    const listener = listen(config([url], {}, 'dmeo'))
    await listener.until('the problem', n => n.kind === 'topology' && n.topology.problems.length > 0)
    t.match(listener.source.status().why, /no key below \/service\/dmeo\/; scopes that exist: demo, other; set scope/)
    await listener.stop()
  })

  await t.test('TLS to a plain etcd is said in one line', async t => {
    const listener = listen(config([url.replace('http:', 'https:')]))
    await listener.until('silence', silent)
    t.comment(listener.source.status().why)
    t.match(listener.source.status().why, /got TLS and speaks none|TLS to a server that speaks none/)
    await listener.stop()
  })

  await t.test('an etcd restored to an older revision is followed', async t => {
    const listener = listen(config([url]))
    await listener.until('the old leader', leadsTo('old19'))
    await end(etcd)
    etcd = await single('restored', url)
    const heard = listener.until('the restored leader', leadsTo('restored'))
    await ctl([url], 'put', '/service/demo/leader', 'restored')
    const acknowledged = performance.now()
    t.comment(`restored: ${((await heard) - acknowledged).toFixed(0)} ms`)
    t.ok(Number(told(listener.news.at(-1)).revision) < 20)
    t.comment(`then ${(await delayOf(listener, [url], 'next')).toFixed(1)} ms`)
    await listener.stop()
  })

  await t.test('passwords: the right one follows, a wrong one is said, a lost token is renewed', async t => {
    await ctl([url], 'user', 'add', 'root:secret')
    await ctl([url], 'user', 'grant-role', 'root', 'root')
    await ctl([url], 'auth', 'enable')
    const asRoot = ['--user', 'root:secret']
    const right = listen(config([url], { username: 'root', password: 'secret' }))
    const wrong = listen(config([url], { username: 'root', password: 'guess' }))
    const none = listen(config([url]))
    await Promise.all([
      right.until('an answer', leadsTo('next')),
      wrong.until('silence', silent),
      none.until('silence', silent),
    ])
    t.match(wrong.source.status().why, /wrong user name or password for user "root"/)
    t.notMatch(JSON.stringify([wrong.news, wrong.source.status()]), /guess/)
    t.match(none.source.status().why, /it wants a user name; set etcd.username/)
    await Promise.all([wrong.stop(), none.stop()])
    await end(etcd)
    const peer = `http://127.77.1.9:${await freePort('127.77.1.9')}`
    etcd = launch('restored', url, ['--listen-peer-urls', peer])
    const heard = right.until('the leader after the restart', leadsTo('renewed'))
    for (;;) {
      const put = ctl([url], ...asRoot, 'put', '/service/demo/leader', 'renewed')
      if (await put.then(() => true).catch(() => sleep(100).then(() => false))) break
    }
    const acknowledged = performance.now()
    t.comment(`token lost: ${Math.max(0, (await heard) - acknowledged).toFixed(0)} ms`)
    await right.stop()
  })
  await end(etcd)
})

t.test('nothing was rejected unhandled, and nothing keeps the process alive', async t => {
  t.same(unhandled, [])
  const left = process.getActiveResourcesInfo().filter(what => /TCP|Timeout|Pipe.*Connect/.test(what))
  t.same(left, [])
})
