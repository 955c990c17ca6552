// Every rule of the pools on a real cluster: who gets new sessions, why the others do not, what becomes of sessions that are
// there already; and that `explain`, `status` and the refused client read the same words. On both relay engines.

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { METRICS } from '../../src/admin/metric-table.js'
import { startupMessage } from '../../src/protocol/write.js'
import { until } from '../lab/cluster.js'
import { ENGINES, type Engine, each, type Place as Opened, openPlace, type Together } from '../lab/engines.js'
import { now } from '../lab/journal.js'
import { onStand } from '../lab/onstand.js'
import type { ProxyProcess } from '../lab/proxy.js'
import { openSession, type Session } from '../lab/session.js'
import { PROGRAM } from '../lab/sight.js'
import type { Stand } from '../lab/stand.js'
import { errorFields, openWire } from '../lab/wire.js'

t.setTimeout(300_000)

interface Place extends Opened {
  /** `host:port` of a listener like `read` with fallback: primary. */
  readonly fallback: string
}

t.test('the rules of the pools', t =>
  onStand(
    t,
    {
      network: 'loopback',
      proxies: 2,
      loopWait: 2,
      tags: { pg3: { noloadbalance: true } },
    },
    async stand => {
      const places = await Promise.all(ENGINES.map(engine => open(stand, engine)))
      // Of the engine it knows nothing.
      const files = "what HAProxy's and Patroni's files of this cluster become is good to mekare check"
      await each(t, places.slice(0, 1), files, imported)
      await each(t, places, 'tag noloadbalance: no reader, until the tag is taken away', tag)
      await each(t, places, 'a replica past maxLag leaves the pool and keeps its sessions', lag)
      await each(t, places, 'drained: no new reader, and back again', drain)
      await each(t, places, 'no replica qualifies: refused with the reasons, or served by the primary', nobody)
      await each(t, places, 'a stopped replica goes at once and comes back slowly', stopped)
      await each(t, places, 'a promoted replica: its readers are cut, the others stay', promoted)
      await each(t, places, 'Prometheus has nothing to say against what was measured meanwhile', measured)
      for (const { sight } of places) t.equal(sight.lines(/a bug in mekare/).length, 0, 'no bug was met')
    },
  ),
)

async function open(stand: Stand, engine: Engine): Promise<Place> {
  const fallback = `${stand.address(engine.host)}:${stand.ports.read + 1}`
  const opened = await openPlace(stand, engine, {
    config: {
      clusters: { demo: { probe: { interval: '200ms', slowStart: '8s' } } },
      listen: {
        read: { maxLag: '1MiB', holdFor: '1s' },
        fallback: { address: fallback, cluster: 'demo', role: 'replica', fallback: 'primary', maxLag: '1MiB' },
      },
    },
  })
  const place = { ...opened, fallback }
  await place.sight.verdict('read', 'pg2', /^usable: replica, /)
  return place
}

interface Reader extends Session {
  /** Who answers. */
  readonly member: string
}

async function reader({ stand }: Place, where: string): Promise<Reader> {
  const session = await openSession(where)
  const { rows } = await session.client.query<{ at: string }>('select host(inet_server_addr()) as at')
  const member = stand.members.find(name => stand.address(name) === rows[0]?.at) ?? 'nobody'
  return { ...session, member }
}

const close = (readers: readonly Reader[]) => Promise.all(readers.map(({ client }) => client.end().catch(() => {})))

/** Opens so many sessions one after another. */
async function come(place: Place, count: number, where = place.proxy.read): Promise<Reader[]> {
  const readers: Reader[] = []
  for (let i = 0; i < count; i++) readers.push(await reader(place, where))
  return readers
}

const on = (readers: readonly Reader[], member: string) => readers.filter(each => each.member === member)
const works = ({ one }: Reader) => one().then(() => true)

async function tag(t: Test, place: Place, together: Together): Promise<void> {
  const { stand, sight } = place
  t.equal(await sight.explain('read', 'pg3'), 'pg3: not usable: has the tag noloadbalance')
  t.equal(await sight.explain('read', 'pg1'), 'pg1: not usable: is the primary')
  const readers = await come(place, 6)
  t.equal(on(readers, 'pg2').length, 6, 'the other replica takes all')
  await together(async () => {
    const file = join(stand.dir, 'pg3', 'patroni.yml')
    writeFileSync(file, readFileSync(file, 'utf8').replace('noloadbalance: true', 'noloadbalance: false'))
    await stand.rest('pg3', '/reload', 'POST', {})
  })
  await sight.verdict('read', 'pg3', /^usable: replica, /, 15_000)
  const more = await come(place, 6)
  t.equal(on(more, 'pg3').length, 6, 'then it takes readers until both have as many')
  await close([...readers, ...more])
}

async function lag(t: Test, place: Place, together: Together): Promise<void> {
  const { stand, sight } = place
  const before = await come(place, 4)
  const [there] = on(before, 'pg3')
  t.equal(on(before, 'pg3').length, 2)
  await together(async () => {
    // Patroni undoes a pause of the replay at its next turn.
    stand.freeze('pg3', 'patroni')
    await stand.sql('pg3', 'select pg_wal_replay_pause()')
    await stand.sql('pg1', 'create table filler as select repeat(n::text, 100) from generate_series(1, 10000) n', {
      as: 'app',
    })
  })
  const said = await sight.verdict('read', 'pg3', /^not usable/)
  t.match(said, /^not usable: lag \d+(\.\d+)?MiB is over maxLag 1(\.0)?MiB$/)
  t.match(await sight.explain('read', 'pg3'), /: not usable: lag .* is over maxLag 1/, 'explain says the same')
  const after = await come(place, 6)
  t.equal(on(after, 'pg2').length, 6, 'new readers go to the other')
  t.ok(there && (await works(there)) && there.ended() === undefined, 'its own readers stay')
  t.ok((await sight.metric('mekare_member_lag_bytes', { member: 'pg3' })) > 1024 * 1024, 'its lag is measured')
  await together(async () => {
    await stand.sql('pg3', 'select pg_wal_replay_resume()')
    stand.thaw('pg3', 'patroni')
  })
  await sight.verdict('read', 'pg3', /^usable: replica, /)
  await close([...before, ...after])
}

async function drain(t: Test, place: Place): Promise<void> {
  const { sight } = place
  const before = await come(place, 2)
  const drained = await sight.cli('drain', 'pg2')
  t.match(drained.stdout, /^pg2 gets no new read sessions; 1 session is there now and ends by itself\n$/)
  t.equal(await sight.explain('read', 'pg2'), 'pg2: not usable: drained by an operator')
  const after = await come(place, 4)
  t.equal(on(after, 'pg3').length, 4, 'new readers go to the other')
  t.ok((await Promise.all(before.map(works))).every(Boolean), 'the readers it had stay')
  const unknown = await sight.cli('drain', 'pg9')
  t.match([unknown.code, unknown.stderr], [1, 'no member "pg9"; there are pg1, pg2, pg3\n'])
  t.equal((await sight.cli('undrain', 'pg2')).code, 0)
  t.match(await sight.explain('read', 'pg2'), /: usable: replica, /)
  await close([...before, ...after])
}

async function nobody(t: Test, place: Place): Promise<void> {
  const { sight, proxy } = place
  for (const name of ['pg2', 'pg3']) await sight.order(`drain?member=${name}`)
  const begun = now()
  const wire = await openWire(proxy.read, startupMessage(new Map([['user', 'app']])))
  await wire.ended(5000)
  const said = errorFields(wire.received())
  const waited = now() - begun
  t.ok(waited > 900 && waited < 3000, `held for holdFor 1s, then answered (${Math.round(waited)} ms)`)
  const verdicts = ['pg1: is the primary', 'pg2: drained by an operator', 'pg3: drained by an operator']
  t.match(said, { S: 'FATAL', C: '57P03', M: `has no usable member for role replica: ${verdicts.join('; ')}` })
  t.equal((await proxy.get('/readyz?listener=read')).status, 503, '/readyz says no')
  const [served] = await come(place, 1, place.fallback)
  t.equal(served?.member, 'pg1', 'fallback: primary')
  t.match(
    await sight.explain('fallback', 'pg1'),
    'pg1: usable: is the primary, and no replica qualifies (fallback: primary)',
  )
  for (const name of ['pg2', 'pg3']) await sight.order(`undrain?member=${name}`)
  const [next] = await come(place, 1, place.fallback)
  t.not(next?.member, 'pg1', 'and not once a replica qualifies again')
  t.ok(served && (await works(served)), 'its session stays')
  t.ok((await sight.metric('mekare_refused_total', { listen: 'read', why: 'refused_no_replica' })) > 0, 'counted')
  await close([served, next].flatMap(each => each ?? []))
}

async function stopped(t: Test, place: Place, together: Together): Promise<void> {
  const { stand, sight } = place
  const before = await come(place, 20)
  const there = on(before, 'pg3')
  t.equal(there.length, 10, 'half of the readers are there')
  await together(() => stand.stop('pg3', 'patroni'))
  const said = await sight.verdict('read', 'pg3', /^not usable: no answer for /)
  t.match(said, /refused|ECONNREFUSED|shutting down/i, 'with the cause')
  await until(5000, 'its sessions did not end', async () => there.every(({ ended }) => ended()) || undefined)
  t.match(there[0]?.ended(), /terminating connection due to administrator command/, 'in its own words')
  const meanwhile = await come(place, 2)
  t.equal(on(meanwhile, 'pg2').length, 2, 'new readers go to the other')
  await together(async () => stand.start('pg3'))
  await sight.verdict('read', 'pg3', /^usable/, 30_000)
  const early = await come(place, 6)
  t.ok(on(early, 'pg3').length <= 3, `first it gets few: ${on(early, 'pg3').length} of 6, though the other has 12 more`)
  await sleep(6000)
  const late = await come(place, 6)
  t.equal(on(late, 'pg3').length, 6, 'after slowStart it gets its share')
  await close([...before, ...meanwhile, ...early, ...late])
}

async function promoted(t: Test, place: Place, together: Together): Promise<void> {
  const { stand, sight } = place
  const readers = await come(place, 6)
  const [onNew, onOther] = [on(readers, 'pg2'), on(readers, 'pg3')]
  t.strictSame([onNew.length, onOther.length], [3, 3])
  await together(() => stand.switchover('pg2'))
  await until(10_000, 'its readers were not cut', async () => onNew.every(({ ended }) => ended()) || undefined)
  t.equal(await sight.metric('mekare_sessions_total', { listen: 'read', end: 'cut_promoted' }), 3, 'counted as such')
  t.match(sight.lines(/sessions cut on read/), ['demo/pg2: sessions cut on read: 3 (cut_promoted)'], 'one line')
  t.ok((await Promise.all(onOther.map(works))).every(Boolean), 'the readers of the other replica stay')
  t.equal(await sight.explain('read', 'pg2'), 'pg2: not usable: is the primary')
  await sight.verdict('read', 'pg1', /^usable: replica, /, 20_000)
  const next = await come(place, 2)
  t.equal(on(next, 'pg2').length, 0, 'no new reader goes there')
  await close([...readers, ...next])
}

/** prom-client's own gauges of Node.js that end in _total are left out: promtool minds their names. */
async function measured(t: Test, { proxy }: Place): Promise<void> {
  const { body } = await proxy.get('/metrics')
  const ours = body.split('\n').filter(line => /^(# (HELP|TYPE) )?mekare_/.test(line))
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    encoding: 'utf8',
    input: `${ours.join('\n')}\n`,
  })
  t.equal(status, 0, stdout + stderr)
  const declared = Object.keys(METRICS).filter(name => !body.includes(`# TYPE mekare_${name} `))
  t.same(declared, [], 'every metric is there')
  const silent = ['sessions', 'sessions_total', 'refused_total', 'bytes_total', 'member_sessions', 'member_lag_bytes']
  t.same(
    silent.filter(name => !new RegExp(`^mekare_${name}\\{.*\\} `, 'm').test(body)),
    [],
    'and has samples',
  )
}

/** Patroni's own template for this cluster, beside the file of one of its members. */
async function imported(t: Test, { stand, proxy }: Place): Promise<void> {
  const dir = join(stand.dir, proxy.host)
  const servers = stand.members.map(
    name =>
      ` server ${name} ${stand.address(name)}:${stand.ports.postgres} maxconn 100 check port ${stand.ports.patroni}\n`,
  )
  const port = (name: string, number: number, check: string) =>
    `listen ${name}\n bind ${proxy.address}:${number}\n option httpchk OPTIONS ${check}\n http-check expect status 200\n${servers.join('')}`
  const haproxy = join(dir, 'haproxy.cfg')
  writeFileSync(
    haproxy,
    `defaults\n mode tcp\n timeout connect 4s\n timeout client 30m\n timeout server 30m\n${port('primary', 15_000, '/primary')}${port('replicas', 15_001, '/replica')}`,
  )
  const mekare = (...args: string[]) => stand.clientExec([process.execPath, PROGRAM, ...args])
  const files = ['--haproxy', haproxy, '--patroni', join(stand.dir, 'pg1', 'patroni.yml')]
  const { code, stdout, stderr } = await mekare('import', ...files, `--admin.socket=${join(dir, 'imported.sock')}`)
  t.equal(code, 0, stderr)
  t.notMatch(stderr, /still to be filled in/)
  const config = join(dir, 'imported.yaml')
  writeFileSync(config, stdout)
  const check = await mekare('check', '--config', config)
  t.equal(check.code, 0, check.stdout + check.stderr)
  t.match(check.stdout, /^member pg1 at .*: answers as (primary|replica) \(rest\)$/m)
  t.match(check.stdout, /^cluster demo: gate open/m)
  await besideHaproxy(t, stand, proxy, config)
}

/** The step before the change-over: it runs on other ports, beside what still serves the clients. */
async function besideHaproxy(t: Test, stand: Stand, { address, host }: ProxyProcess, config: string): Promise<void> {
  const at = (port: number) => `${address}:${port}`
  const where = [
    ['listen.write.address', at(15_100)],
    ['listen.read.address', at(15_101)],
    ['admin.address', at(15_102)],
    ['incidents.file', 'off'],
  ].map(([path, value]) => `--${path}=${value}`)
  const child = stand.spawn(host, 'imported', [process.execPath, PROGRAM, 'run', '--config', config, ...where])
  try {
    const asked = (port: number) => stand.sql(at(port), 'select pg_is_in_recovery() as replica').catch(() => undefined)
    const answer = await until(15_000, 'it did not serve', async () => asked(15_100))
    t.same([...answer, ...((await asked(15_101)) ?? [])], [{ replica: false }, { replica: true }])
  } finally {
    child.kill('SIGKILL')
  }
}
