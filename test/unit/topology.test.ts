// What Patroni publishes, as every version writes it and as nobody should, → Topology.

import fc from 'fast-check'
import t from 'tap'
import { formatAddress, parseConnUrl, parseHostPort } from '../../src/topology/address.js'
import { sameTopology } from '../../src/topology/compare.js'
import { type EtcdEntries, parseEtcd } from '../../src/topology/etcd.js'
import { parsePatroni, type RestAnswers } from '../../src/topology/patroni.js'
import { forget, remember } from '../../src/topology/remember.js'
import { parseStatic } from '../../src/topology/static.js'
import type { Address, Topology } from '../../src/topology/topology.js'
import { epochMs, ms } from '../../src/units/units.js'

const WALL = epochMs(Date.parse('2024-05-01T12:00:00Z'))
const ctx = { scope: 'demo', revision: '100', readAt: ms(5000), wall: WALL }

function entries(keys: Readonly<Record<string, unknown>>): EtcdEntries {
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
  return new Map(
    Object.entries(keys).map(([key, value], i) => [
      key,
      { value: text(value), createRevision: String(10 + i), modRevision: String(50 + i) },
    ]),
  )
}

const read = (keys: Readonly<Record<string, unknown>>, addresses: readonly Address[] = []) =>
  parseEtcd(entries(keys), { ...ctx, addresses })

const pg1 = {
  conn_url: 'postgres://10.0.0.1:5432/postgres',
  api_url: 'http://10.0.0.1:8008/patroni',
  state: 'running',
  role: 'master',
  xlog_location: 67_108_864,
  timeline: 3,
}
const pg2 = {
  conn_url: 'postgres://10.0.0.2:5433/postgres',
  api_url: 'http://10.0.0.2:8008/patroni',
  proxy_url: 'postgres://10.0.0.2:6432/postgres',
  state: 'streaming',
  role: 'replica',
  replay_lsn: 67_108_000,
  receive_lsn: 67_108_864,
  timeline: 3,
  tags: { noloadbalance: 'true', nosync: 1, nofailover: false, mekare_weight: '2.5' },
}
const whole = {
  leader: 'pg1',
  initialize: '7300000000000000001',
  'members/pg1': pg1,
  'members/pg2': pg2,
  config: { ttl: 20, loop_wait: 5, failsafe_mode: true, synchronous_mode: 'quorum', maximum_lag_on_failover: 5 },
  status: { optime: 67_108_864, slots: { pg2: 1 } },
  sync: { leader: 'pg1', sync_standby: 'PG2, pg3' },
  history: [
    [1, 50_331_648, 'no recovery target specified', '2024-04-01T00:00:00+00:00', 'pg2'],
    [2, 60_000_000, 'no recovery target specified'],
    'noise',
  ],
  failsafe: { pg1: 'http://10.0.0.1:8008/patroni', pg2: 'http://10.0.0.2:8008/patroni' },
}

t.test('a whole cluster is read as Patroni means it', async t => {
  const topology = read(whole)
  t.same(topology.problems, [])
  t.same(topology.term, { leader: 'pg1', revision: '10' })
  t.equal(topology.systemId, '7300000000000000001')
  t.equal(topology.leaderless, false)
  t.equal(topology.optime, 67_108_864)
  t.same(topology.members.get('pg1'), {
    name: 'pg1',
    address: { host: '10.0.0.1', port: 5432 },
    apiUrl: 'http://10.0.0.1:8008',
    role: 'primary',
    state: 'running',
    timeline: 3,
    receiveLsn: 67_108_864,
    replayLsn: 67_108_864,
    tags: { noloadbalance: false, nofailover: false, nosync: false, weight: 1 },
    pendingRestart: false,
  })
  t.match(topology.members.get('pg2'), {
    pooler: { host: '10.0.0.2', port: 6432 },
    replayLsn: 67_108_000,
    receiveLsn: 67_108_864,
    tags: { noloadbalance: true, nosync: true, nofailover: false, weight: 2.5 },
  })
  t.same(topology.sync, { leader: 'pg1', standbys: ['PG2', 'pg3'] })
  t.same(
    topology.history.map(({ timeline, forkLsn }) => [timeline, forkLsn]),
    [
      [1, 50_331_648],
      [2, 60_000_000],
    ],
  )
  t.match(topology.settings, { ttl: 20_000, loopWait: 5000, failsafeMode: true, synchronousMode: true, pause: false })
  t.equal(topology.failsafe.get('pg2'), 'http://10.0.0.2:8008')
})

t.test('role words of every version', async t => {
  const cases = { master: 'primary', primary: 'primary', replica: 'replica', standby_leader: 'standby_leader' }
  const others = { promoted: 'promoted', demoted: 'demoted', uninitialized: 'uninitialized', emperor: 'unknown' }
  for (const [word, role] of Object.entries({ ...cases, ...others })) {
    t.equal(read({ 'members/pg1': { ...pg1, role: word } }).members.get('pg1')?.role, role, word)
  }
})

t.test('optime in both forms, pause and a standby cluster', async t => {
  t.equal(read({ 'optime/leader': '123' }).optime, 123)
  t.equal(read({ status: '456', 'optime/leader': '123' }).optime, 456)
  t.equal(read({ config: { pause: true } }).settings.pause, true)
  t.equal(read({ config: { standby_cluster: { host: 'x' } } }).settings.standbyCluster, true)
  t.equal(read({ config: { standby_cluster: null } }).settings.standbyCluster, false)
  t.match(read({}).settings, { ttl: 30_000, loopWait: 10_000, maximumLagOnFailover: 1_048_576 })
})

t.test('an empty sync or failover key says nothing', async t => {
  for (const nothing of ['', '{}', 'null', '{"leader":null,"sync_standby":null}', '{"leader":"","member":""}']) {
    const topology = read({ sync: nothing, failover: nothing })
    t.equal(topology.sync, undefined, nothing)
    t.equal(topology.failover, undefined, nothing)
  }
})

t.test('a failover request, now or scheduled', async t => {
  t.same(read({ failover: { leader: 'pg1', member: 'pg2' } }).failover, { leader: 'pg1', candidate: 'pg2' })
  t.same(read({ failover: 'pg1:pg2' }).failover, { leader: 'pg1', candidate: 'pg2' }, 'the old plain form')
  const later = { leader: 'pg1', member: null, scheduled_at: '2024-05-01T14:01:00+02:00' }
  t.same(read({ failover: later }).failover, { leader: 'pg1', dueAt: 65_000 }, 'on the monotonic clock')
  const never = read({ failover: { leader: 'pg1', scheduled_at: 'soon' } })
  t.equal(never.failover, undefined)
  t.match(never.problems, [/scheduled_at is not a time: "soon"/])
})

t.test('addresses: names, IPv6, ports left out, several hosts, nonsense', async t => {
  const address = (url: string) => parseConnUrl(url)?.address
  t.same(address('postgres://db1.example:5432/postgres'), { host: 'db1.example', port: 5432 })
  t.same(address('postgres://u:p%40@[fd00::1]:5433/postgres?x=y'), { host: 'fd00::1', port: 5433 })
  t.same(address('postgresql://[fe80::1%25eth0]'), { host: 'fe80::1%eth0', port: 5432 })
  t.same(address('postgres://a:1,b:2/postgres'), { host: 'a', port: 1 })
  for (const bad of ['', 'postgres://', 'postgres:///db', 'postgres://h:99999/', 'h:5432', 'postgres://h:x/']) {
    t.equal(address(bad), undefined, bad)
  }
  t.same(parseHostPort('::1'), { host: '::1', port: 5432 })
  t.equal(formatAddress({ host: '::1', port: 5432 }), '[::1]:5432')
  t.match(read({ 'members/a': { ...pg1, conn_url: 'postgres://a:1,b:2/' } }).problems, [
    /names several hosts; the first, a/,
  ])
})

t.test('what cannot be read is one problem line, and the rest stands', async t => {
  const topology = read({
    ...whole,
    leader: 'pg9',
    'members/pg3': 'not json',
    'members/pg4': { role: 'replica', state: 'running' },
    'members/pg5': { ...pg2, conn_url: 'postgres://u:secret@/x', tags: { mekare_weight: -1 } },
    'members/pg6': '[]',
    history: '{}',
    config: '{',
  })
  t.same(topology.term, { leader: 'pg9', revision: '10' }, 'the term stands')
  t.same([...topology.members.keys()], ['pg1', 'pg2'])
  for (const line of [
    /^members\/pg3: not JSON: "not json"$/,
    /^members\/pg4: conn_url is missing/,
    /^members\/pg5: conn_url has no readable host/,
    /^members\/pg6: not a JSON object/,
    /^leader: names "pg9", but there is no such member$/,
    /^history: not a list/,
    /^config: not JSON/,
  ]) {
    t.ok(
      topology.problems.some(problem => line.test(problem)),
      String(line),
    )
  }
  t.notMatch(topology.problems.join(), 'secret')
  t.match(read({ '0/leader': 'a', '1/members/x': '{}' }).problems, [/Citus cluster with groups 0, 1/])
})

t.test('no input throws', async () => {
  const keys = ['leader', 'config', 'status', 'failover', 'sync', 'history', 'failsafe', 'initialize', 'optime/leader']
  const key = fc.oneof(
    fc.constantFrom(...keys),
    fc.string().map(name => `members/${name}`),
    fc.string(),
  )
  const fields = fc.dictionary(
    fc.constantFrom(
      'conn_url',
      'api_url',
      'proxy_url',
      'role',
      'state',
      'timeline',
      'tags',
      'leader',
      'scheduled_at',
      '__proto__',
    ),
    fc.oneof(fc.jsonValue(), fc.webUrl(), fc.constant('postgres://%zz:5432')),
  )
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fields.map(given => JSON.stringify(given)),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(key, value)), pairs => {
      const topology = parseEtcd(entries(Object.fromEntries(pairs)), ctx)
      sameTopology(topology, remember(topology, topology, ms(1)))
    }),
    { numRuns: 500 },
  )
  fc.assert(
    fc.property(fc.anything(), fc.jsonValue(), fc.array(fields), (a, b, c) => {
      const answers = { cluster: { members: c }, config: a, history: b, patroni: new Map([['http://a', a]]) }
      const first = parsePatroni(answers, ctx)
      parsePatroni({ ...answers, cluster: a }, { ...ctx, previous: first })
    }),
    { numRuns: 300 },
  )
})

t.test('a role that is no text is no leader, and breaks nothing', async t => {
  const members = [{ name: 'pg1', role: { toString: null } }]
  const topology = parsePatroni({ cluster: { members }, patroni: new Map() }, ctx)
  t.equal(topology.term, undefined)
})

t.test('with no member key, the failsafe key and the configuration say where to ask', async t => {
  const addresses = [parseHostPort('10.0.0.1:5432'), parseHostPort('10.0.0.9:5432')].filter(a => a !== undefined)
  const topology = read({ config: { pause: true }, failsafe: whole.failsafe }, addresses)
  t.same([...topology.members.keys()], ['pg1', 'pg2', '10.0.0.9:5432'])
  t.match(topology.members.get('pg2'), {
    address: { host: '10.0.0.2', port: 5432 },
    apiUrl: 'http://10.0.0.2:8008',
    role: 'unknown',
    vanishedAt: 5000,
  })
  t.equal(read({ 'members/pg1': pg1, failsafe: whole.failsafe }, addresses).members.size, 1)
})

t.test('a vanished member keeps its last address until it is forgotten', async t => {
  const before = read(whole)
  const after = remember(before, read({ config: {}, failsafe: whole.failsafe }), ms(7000))
  t.match(
    after.members.get('pg2'),
    { address: { port: 5433 }, vanishedAt: 7000 },
    'the failsafe guess does not replace it',
  )
  t.equal(remember(after, read({}), ms(9000)).members.get('pg2')?.vanishedAt, 7000)
  t.equal(remember(after, read(whole), ms(9000)).members.get('pg2')?.vanishedAt, undefined)
  const without = forget(after, 'pg2')
  t.same([...without.members.keys()], ['pg1'])
  t.equal(remember(without, read({}), ms(9000)).members.has('pg2'), false)
  const guessed = read({}, [{ host: '10.0.0.1', port: 5432 }])
  t.same([...remember(guessed, read(whole), ms(1)).members.keys()], ['pg1', 'pg2'], 'known by name, shown once')
})

t.test('positions and the time of reading are not a change; everything else is', async t => {
  const moved = { ...whole, 'members/pg1': { ...pg1, xlog_location: 99_999_999 }, status: { optime: 99_999_999 } }
  t.ok(sameTopology(read(whole), { ...read(moved), readAt: ms(1), revision: '7' }))
  t.notOk(sameTopology(read(whole), read(moved), 'positions'))
  for (const change of [
    { leader: 'pg2' },
    { 'members/pg2': { ...pg2, state: 'stopped' } },
    { failover: { leader: 'pg1' } },
    { config: { pause: true } },
    { sync: '' },
  ]) {
    t.notOk(sameTopology(read(whole), read({ ...whole, ...change })), JSON.stringify(change))
  }
  const due = (wall: number): Topology =>
    parseEtcd(entries({ failover: { leader: 'a', scheduled_at: '2024-05-01T13:00:00Z' } }), {
      ...ctx,
      wall: epochMs(wall),
    })
  t.ok(sameTopology(due(WALL), due(WALL + 3)), 'a schedule read twice is one schedule')
})

t.test('a static list has members, and nobody publishes a leader', async t => {
  const topology = parseStatic([{ host: '10.0.0.1', port: 5432 }], { scope: 'demo', readAt: ms(1) })
  t.equal(topology.leaderless, true)
  t.equal(topology.term, undefined)
  t.match(topology.members.get('10.0.0.1:5432'), { role: 'unknown' })
  t.match(parseStatic([], { scope: 'demo', readAt: ms(1) }).problems, [/static.members is empty/])
})

const rest = (n: number) => `http://10.0.0.${n}:8008`
const listed = (n: number, role: string, timeline = 4) => ({
  name: `pg${n}`,
  role,
  state: role === 'leader' ? 'running' : 'streaming',
  api_url: `${rest(n)}/patroni`,
  host: `10.0.0.${n}`,
  port: 5432,
  timeline,
})
const primary = (timeline: number, more = {}) => ({
  state: 'running',
  role: 'master',
  timeline,
  xlog: { location: 83_886_080 },
  database_system_identifier: '73',
  patroni: { version: '3.0.2', scope: 'demo', name: 'pg1' },
  ...more,
})
const replica = (timeline: number) => ({
  ...primary(timeline),
  role: 'replica',
  xlog: { received_location: 83_886_080, replayed_location: 83_886_000 },
})
const cluster = { members: [listed(1, 'leader'), listed(2, 'sync_standby')], pause: true }
const ask = (
  answers: Omit<RestAnswers, 'patroni'>,
  patroni: readonly (readonly [number, unknown])[],
  previous?: Topology,
) =>
  parsePatroni(
    { ...answers, patroni: new Map(patroni.map(([n, body]) => [rest(n), body])) },
    { ...ctx, ...(previous && { previous }) },
  )

t.test('over REST: /cluster discovers, /patroni decides', async t => {
  const topology = ask({ cluster, history: [[1, 5, 'x']] }, [
    [1, primary(4)],
    [2, replica(4)],
  ])
  t.same(topology.problems, [])
  t.same(topology.term, { leader: 'pg1', revision: 'pg1@4' })
  t.match(topology.members.get('pg1'), { role: 'primary', replayLsn: 83_886_080, apiUrl: rest(1) })
  t.match(topology.members.get('pg2'), { role: 'replica', state: 'streaming', replayLsn: 83_886_000 })
  t.same(topology.sync, { leader: 'pg1', standbys: ['pg2'] })
  t.match(topology, { systemId: '73', settings: { pause: true }, optime: 83_886_080, history: [{ timeline: 1 }] })
})

t.test('over REST: who leads when answers differ', async t => {
  const before = ask({ cluster }, [[1, primary(4)]])
  const both = (a: unknown, b: unknown, previous?: Topology) =>
    ask(
      { cluster },
      [
        [1, a],
        [2, b],
      ],
      previous,
    )
  t.equal(both(primary(4), primary(5), before).term?.revision, 'pg2@5', 'the higher timeline wins')
  const after = both(primary(4), primary(5), before)
  const late = ask({ cluster }, [[1, primary(4)]], after)
  t.equal(late.term?.revision, 'pg2@5', 'a thawed old primary does not win while the new one is silent')
  t.match(late.problems, [/pg1 claims to lead on timeline 4, but timeline 5 has begun/])
  t.equal(both(primary(4), primary(4)).term?.leader, 'pg1', 'on one timeline, whom /cluster names')
  t.equal(both(primary(4, { state: 'stopping' }), replica(4), before).term?.leader, 'pg1', 'the key still names it')
  t.equal(ask({}, [[2, replica(4)]], before).term?.leader, 'pg1', 'silence is not news')
  t.equal(ask({}, [[1, replica(4)]], before).term, undefined, 'its own word is')
  const promoting = ask(
    { cluster: { members: [listed(1, 'replica'), listed(2, 'leader')] } },
    [
      [1, primary(4, { state: 'stopped' })],
      [2, replica(4)],
    ],
    before,
  )
  t.equal(promoting.term?.revision, 'pg2@5', 'promotion begins the next timeline: one leadership is one term')
  t.equal(ask({}, [[2, primary(5)]], promoting).term?.revision, 'pg2@5')
  const rebuilt = ask({ cluster }, [[1, primary(1, { database_system_identifier: '99' })]], after)
  t.equal(rebuilt.term?.revision, 'pg1@1', 'another cluster begins at timeline 1 again')
})

t.test('over REST: standby cluster, schedule, wrong scope, no /cluster yet', async t => {
  const standby = ask({ cluster: { members: [listed(1, 'standby_leader')] } }, [
    [1, { ...replica(4), role: 'standby_leader' }],
  ])
  t.match(standby, { term: { leader: 'pg1' }, settings: { standbyCluster: true } })
  const wanted = { at: '2024-05-01T12:01:00+00:00', from: 'pg1', to: 'pg2' }
  t.same(ask({ cluster: { ...cluster, scheduled_switchover: wanted } }, []).failover, {
    leader: 'pg1',
    candidate: 'pg2',
    dueAt: 65_000,
  })
  const other = ask({ cluster }, [[1, primary(4, { patroni: { scope: 'prod', name: 'pg1' } })]])
  t.match(other.problems, [/scope is demo, but Patroni answers for scope prod/])
  const early = ask({}, [[1, primary(4)]])
  t.match(early.members.get('pg1'), { address: { host: '10.0.0.1', port: 5432 }, role: 'primary' })
  t.equal(early.term?.leader, 'pg1')
})
