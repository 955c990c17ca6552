// The metrics and the log: what events and the status document make of them. (Sockets are in test/live.)

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { createFeeds } from '../../src/admin/feed.js'
import { createLog } from '../../src/admin/log.js'
import { METRICS, PREFIX } from '../../src/admin/metric-table.js'
import { createMetrics } from '../../src/admin/metrics.js'
import { generateMetricsReference } from '../../src/admin/reference.js'
import { createSidecars } from '../../src/admin/sidecars.js'
import type { Event } from '../../src/events/event.js'
import type { Lifeline } from '../../src/linux/lifeline.js'
import type { MemberStatus, Status } from '../../src/pools/status.js'
import type { ByteCount } from '../../src/sessions/byte-totals.js'
import { bytes, epochMs, ms } from '../../src/units/units.js'
import { cluster, listener, member, status } from './status-words.js'

const replica = (name: string, usable: boolean): MemberStatus =>
  member(name, {
    lag: bytes(4096),
    healthy: usable,
    pools: [{ listen: 'read', usable, share: 1, why: '' }],
  })

function statusWith(members: readonly MemberStatus[], leader?: string): Status {
  const source = { kind: 'etcd', endpoints: [], age: ms(1500), reconnects: 2 }
  const gate = { kind: 'closed', why: '', for: ms(0) } as const
  return status({
    clusters: [cluster(members, { source, gate, ...(leader === undefined ? {} : { leader }) })],
    listeners: [listener('read', { sessions: { startup: 1, held: 2, dialing: 3, joined: 4 } })],
  })
}

function bench() {
  const moved: ByteCount[] = []
  const world = { status: statusWith([replica('pg1', true), replica('pg2', false)], 'pg1'), moved }
  const metrics = createMetrics({
    hooks: () => ['chat'],
    status: () => world.status,
    bytes: () => world.moved,
    clusterOf: listen => (listen === 'read' ? 'demo' : undefined),
  })
  return { world, metrics }
}

t.test('what hooks are told is counted, from nothing on', async t => {
  const { metrics } = bench()
  t.strictSame(await samples(metrics, 'hook_runs'), [
    'hook_runs_total{hook="chat",result="told"} 0',
    'hook_runs_total{hook="chat",result="failed"} 0',
    'hook_runs_total{hook="chat",result="dropped"} 0',
  ])
  const ran = { kind: 'hook_ran', hook: 'chat', told: 'gate_closed', took: ms(5) } as const
  metrics.count(ran)
  metrics.count({ ...ran, why: '/bin/false ended with 1' })
  for (const because of ['perMinute', 'waiting'] as const)
    metrics.count({ kind: 'hook_dropped', hook: 'chat', told: 'gate_opened', because })
  t.strictSame(await samples(metrics, 'hook_runs'), [
    'hook_runs_total{hook="chat",result="told"} 1',
    'hook_runs_total{hook="chat",result="failed"} 1',
    'hook_runs_total{hook="chat",result="dropped"} 2',
  ])
})

/** The samples of our own metrics, without the many lines of histograms' buckets. */
async function samples(metrics: { text(): Promise<string> }, name: string): Promise<string[]> {
  const lines = (await metrics.text()).split('\n')
  return lines.filter(l => l.startsWith(PREFIX + name) && !l.includes('_bucket')).map(l => l.slice(PREFIX.length))
}

t.test('gauges are read from the status document, and what is gone has no sample', async t => {
  const { world, metrics } = bench()
  t.strictSame(await samples(metrics, 'sessions{'), [
    'sessions{cluster="demo",listen="read",state="startup"} 1',
    'sessions{cluster="demo",listen="read",state="held"} 2',
    'sessions{cluster="demo",listen="read",state="dialing"} 3',
    'sessions{cluster="demo",listen="read",state="joined"} 4',
  ])
  t.strictSame(await samples(metrics, 'held_sessions'), ['held_sessions{cluster="demo",listen="read"} 2'])
  t.strictSame(await samples(metrics, 'gate_open'), ['gate_open{cluster="demo"} 0'])
  t.strictSame(await samples(metrics, 'leader_info'), ['leader_info{cluster="demo",member="pg1"} 1'])
  t.strictSame(await samples(metrics, 'pool_members'), ['pool_members{cluster="demo",listen="read"} 1'])
  t.strictSame(await samples(metrics, 'source_age'), ['source_age_seconds{cluster="demo"} 1.5'])
  t.strictSame(await samples(metrics, 'etcd_reconnects'), ['etcd_reconnects_total{cluster="demo"} 2'])
  t.strictSame(await samples(metrics, 'etcd_reconnects'), ['etcd_reconnects_total{cluster="demo"} 2'], 'asked twice')
  world.status = statusWith([replica('pg2', true)])
  t.strictSame(await samples(metrics, 'leader_info'), [])
  t.strictSame(await samples(metrics, 'member_up'), ['member_up{cluster="demo",member="pg2"} 1'])
  t.strictSame(await samples(metrics, 'pooler_up'), [], 'nobody asks a pooler')
  const pooler = { address: '10.0.0.2:6432', healthy: false, health: 'no answer for 3s' }
  world.status = statusWith([{ ...replica('pg2', true), pooler }])
  t.strictSame(await samples(metrics, 'pooler_up'), ['pooler_up{cluster="demo",member="pg2"} 0'])
  t.strictSame(await samples(metrics, 'member_lag'), ['member_lag_bytes{cluster="demo",member="pg2"} 4096'])
})

const client = { listen: 'read', client: '10.0.0.7:41234' }
const ended: Event = {
  ...client,
  kind: 'session_ended',
  member: 'pg1',
  end: 'client',
  lasted: ms(10),
  fromClient: bytes(100),
  fromMember: bytes(1000),
}

t.test('events move counters and histograms', async t => {
  const { metrics } = bench()
  const events: readonly Event[] = [
    { ...client, kind: 'session_joined', member: 'pg1', heldFor: ms(0), connectTook: ms(2), retries: 0 },
    { ...client, kind: 'session_joined', member: 'pg1', heldFor: ms(1500), connectTook: ms(4), retries: 1 },
    ended,
    { ...client, kind: 'session_refused', end: 'refused_limit', message: '' },
    { kind: 'cancel', listen: 'read', how: 'asked', members: 2 },
    { kind: 'leader_changed', cluster: 'demo', to: 'pg1' },
    { kind: 'leader_changed', cluster: 'demo', from: 'pg1', to: 'pg2' },
    { kind: 'probed', cluster: 'demo', member: 'pg1', took: ms(5), said: 'recovery' },
    { kind: 'probed', cluster: 'demo', member: 'pg2', took: ms(5), said: 'recovery' },
    { kind: 'member_forgotten', cluster: 'demo', member: 'pg2', why: '' },
    {
      kind: 'incident_ended',
      cluster: 'demo',
      incident: {
        number: 1,
        cluster: 'demo',
        cause: 'switchover',
        startedAt: epochMs(0),
        sign: '',
        moments: { gate_closed: ms(0), confirmed: ms(1400), first_write: ms(1500) },
        held: 0,
        lost: 0,
        cut: 0,
        refused: 0,
        lasted: ms(1500),
      },
    },
  ]
  for (const event of events) metrics.count(event)
  const told = (await Promise.all(COUNTED.map(name => samples(metrics, name)))).flat()
  t.strictSame(told, [
    'connect_seconds_sum{cluster="demo",listen="read"} 0.006',
    'connect_seconds_count{cluster="demo",listen="read"} 2',
    'hold_seconds_sum{cluster="demo",listen="read"} 1.5',
    'hold_seconds_count{cluster="demo",listen="read"} 1',
    'sessions_total{cluster="demo",listen="read",end="client"} 1',
    'sessions_total{cluster="demo",listen="read",end="refused_limit"} 1',
    'refused_total{cluster="demo",listen="read",why="refused_limit"} 1',
    'cancels_total{cluster="demo",how="asked"} 1',
    'leader_changes_total{cluster="demo"} 1',
    'probe_seconds_sum{cluster="demo",member="pg1"} 0.005',
    'probe_seconds_count{cluster="demo",member="pg1"} 1',
    'incidents_total{cluster="demo",cause="switchover"} 1',
    'incident_phase_seconds_sum{cluster="demo",phase="gate_closed"} 0',
    'incident_phase_seconds_count{cluster="demo",phase="gate_closed"} 1',
    'incident_phase_seconds_sum{cluster="demo",phase="confirmed"} 1.4',
    'incident_phase_seconds_count{cluster="demo",phase="confirmed"} 1',
    'incident_phase_seconds_sum{cluster="demo",phase="first_write"} 0.1',
    'incident_phase_seconds_count{cluster="demo",phase="first_write"} 1',
    'incident_phase_seconds_sum{cluster="demo",phase="mekare"} 1.5',
    'incident_phase_seconds_count{cluster="demo",phase="mekare"} 1',
    'incident_phase_seconds_sum{cluster="demo",phase="patroni"} 0',
    'incident_phase_seconds_count{cluster="demo",phase="patroni"} 1',
    'incident_phase_seconds_sum{cluster="demo",phase="nobody"} 0',
    'incident_phase_seconds_count{cluster="demo",phase="nobody"} 1',
    'incident_phase_seconds_sum{cluster="demo",phase="whole"} 1.5',
    'incident_phase_seconds_count{cluster="demo",phase="whole"} 1',
  ])
  t.notMatch(await metrics.text(), /10\.0\.0\.7/, 'no client address in any label')
})

const COUNTED = [
  'connect_seconds',
  'hold_seconds',
  'sessions_total',
  'refused_total',
  'cancels_total',
  'leader_changes',
  'probe_seconds',
  'incidents_total',
  'incident_phase',
]

t.test('bytes are told by listener, member and direction; what is no longer told has no sample', async t => {
  const { world, metrics } = bench()
  world.moved.push({ listen: 'read', member: 'pg1', fromClient: bytes(60), fromMember: bytes(10) })
  t.strictSame(await samples(metrics, 'bytes_total'), [
    'bytes_total{cluster="demo",listen="read",member="pg1",direction="up"} 60',
    'bytes_total{cluster="demo",listen="read",member="pg1",direction="down"} 10',
  ])
  world.moved.length = 0
  t.strictSame(await samples(metrics, 'bytes_total'), [])
})

t.test('every metric of the table is served with its help, and Node.js own beside them', async t => {
  const text = await bench().metrics.text()
  for (const name of Object.keys(METRICS)) t.match(text, `# HELP ${PREFIX}${name} `)
  t.match(text, '# HELP process_cpu_user_seconds_total')
  t.match(text, '# HELP nodejs_eventloop_lag_seconds')
})

t.test('the lag of the event loop is how late a tick came, since the scrape before', async t => {
  const { metrics } = bench()
  const lag = async () => {
    const lines = (await metrics.text()).split('\n').filter(line => line.startsWith('nodejs_eventloop_lag_'))
    return new Map(
      lines.map(line => [line.split(' ')[0]?.slice('nodejs_eventloop_lag_'.length), Number(line.split(' ')[1])]),
    )
  }
  for (const late of [0, 0, 0, 50, 0]) metrics.tick(ms(late))
  const first = await lag()
  t.equal(first.size, 8)
  t.equal(first.get('seconds'), 0)
  t.match(first.get('max_seconds')?.toFixed(3), '0.050')
  t.match(first.get('p50_seconds')?.toFixed(3), '0.000')
  metrics.tick(ms(2))
  t.match((await lag()).get('max_seconds')?.toFixed(3), '0.002')
  t.equal((await lag()).get('max_seconds'), 0, 'nothing since')
})

t.test('doc/reference/metrics.md is what the table says; node dist/src/admin/generate.js writes it anew', async t => {
  const page = join(import.meta.dirname, '../../../doc/reference/metrics.md')
  t.equal(readFileSync(page, 'utf8'), generateMetricsReference())
})

function logTo(format: 'json' | 'pretty' | 'auto', tty: boolean) {
  const lines: string[] = []
  const clock = { now: ms(0) }
  const feeds = createFeeds(() => epochMs(5))
  const out = { write: (text: string) => lines.push(text) }
  const log = createLog({ level: 'info', format, now: () => clock.now, out, tty, told: feeds.push })
  return { lines, clock, feed: feeds.all, anonymous: feeds.anonymous, log }
}

t.test('a line of JSON has level, message and fields; below the level nothing is written', async t => {
  const { lines, log } = logTo('auto', false)
  log.report({ kind: 'member_down', cluster: 'demo', member: 'pg1', why: 'refused' })
  log.report(ended)
  const { time, ...line } = JSON.parse(lines.join(''))
  t.type(time, 'number')
  t.strictSame(line, {
    level: 40,
    event: 'member_down',
    cluster: 'demo',
    member: 'pg1',
    why: 'refused',
    msg: 'demo/pg1: down: refused',
  })
  log.change({ level: 'debug', format: 'auto' })
  log.report(ended)
  t.match(lines[1], /"event":"session_ended"/)
})

t.test('on a terminal a line is plain text, written at once', async t => {
  const { lines, log } = logTo('pretty', false)
  log.report({ kind: 'member_up', cluster: 'demo', member: 'pg1' })
  t.match(lines[0], /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: demo\/pg1: up\n$/)
})

t.test('a flood is one line, its sum the next; the feed shows the same lines and no line below info', async t => {
  const { lines, feed, log, clock } = logTo('json', false)
  const refused: Event = { ...client, kind: 'session_refused', end: 'refused_limit', message: 'full' }
  for (let i = 0; i < 100; i++) log.report(refused)
  log.report(ended)
  t.equal(lines.length, 1)
  clock.now = ms(10_000)
  log.report(refused)
  t.match(JSON.parse(lines[1] ?? ''), { suppressed: 99, msg: /full \(and 99 more like it since the last such line\)$/ })
  log.report(refused)
  await log.close()
  t.equal(lines.length, 3)
  t.equal(feed.backlog().length, 3)
})

t.test('the feed for everybody has the same lines, without the addresses of clients', async t => {
  const { feed, anonymous, log, clock } = logTo('json', false)
  const refused: Event = { ...client, kind: 'session_refused', end: 'refused_limit', message: '10.0.0.7 has as many' }
  log.report(refused)
  log.report(refused)
  clock.now = ms(10_000)
  log.report(refused)
  log.report({ kind: 'warned', what: 'w' })
  t.strictSame(
    anonymous.backlog().map(({ id, level }) => [id, level]),
    feed.backlog().map(({ id, level }) => [id, level]),
  )
  t.match(feed.backlog()[1]?.message, /^read: refused 10\.0\.0\.7:41234 .*10\.0\.0\.7 has as many \(and 1 more like it/)
  t.match(anonymous.backlog()[1]?.message, /^read: refused a client .*a client has as many \(and 1 more like it/)
  t.notMatch(JSON.stringify(anonymous.backlog()), /10\.0\.0\.7/)
  t.strictSame(anonymous.backlog()[2], feed.backlog()[2])
})

t.test('the feed keeps the last two hundred lines', async t => {
  const { feed, log } = logTo('json', false)
  const seen: string[] = []
  const leave = feed.follow(line => seen.push(line.message))
  for (let i = 0; i < 250; i++) log.report({ kind: 'warned', what: `w${i}` })
  leave()
  log.report({ kind: 'warned', what: 'after' })
  t.equal(seen.length, 250)
  t.equal(feed.backlog().length, 200)
  t.match(feed.backlog()[0], { at: 5, message: 'w51', level: 'warn' })
})

t.test('a virtual router has samples while its sidecar is connected', async t => {
  const { world, metrics } = bench()
  const report = {
    name: 'pg',
    interface: 'eth0',
    addresses: ['10.0.0.100/24'],
    role: 'master',
    for: ms(1000),
    priority: 250,
    words: 'master',
    transitions: { backup: 1, master: 2 },
    rivals: 3,
    dropped: { checksum: 4 },
    witness: 'ours',
  } as const
  world.status = { ...world.status, vrrp: [{ name: 'pg', report }, { name: 'other' }] }
  await metrics.text()
  t.same(await samples(metrics, 'vrrp_'), [
    'vrrp_state{name="pg"} 2',
    'vrrp_transitions_total{name="pg",to="backup"} 1',
    'vrrp_transitions_total{name="pg",to="master"} 2',
    'vrrp_rivals_total{name="pg"} 3',
    'vrrp_dropped_total{name="pg",drop="checksum"} 4',
    'vrrp_witness{name="pg",says="ours"} 1',
  ])
  world.status = { ...world.status, vrrp: [{ name: 'pg' }] }
  t.same(await samples(metrics, 'vrrp_'), [])
})

t.test('a sidecar that comes while the proxy ends is sent away: its connection would outlive the server', async t => {
  let begun = 0
  const lifeline = { start: () => begun++, name: () => undefined, stop: () => {} } as unknown as Lifeline
  const sidecars = createSidecars(() => ({}) as never, lifeline)
  const [first, late] = [new PassThrough(), new PassThrough()]
  sidecars.join(first)
  t.equal(sidecars.connected(), 1)
  sidecars.stop()
  sidecars.join(late)
  t.ok(first.destroyed && late.destroyed)
  await new Promise(resolve => setImmediate(resolve))
  t.equal(sidecars.connected(), 0)
  t.equal(begun, 1)
})
