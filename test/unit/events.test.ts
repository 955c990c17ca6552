// What the log says of events, and how floods are thinned.

import fc from 'fast-check'
import t from 'tap'
import { withoutClient } from '../../src/events/anonymous.js'
import { describe } from '../../src/events/describe.js'
import type { Event } from '../../src/events/event.js'
import { noThrottle, type Told, throttle, untold } from '../../src/events/throttle.js'
import type { Incident } from '../../src/incidents/incident.js'
import { bytes, epochMs, ms } from '../../src/units/units.js'

const demo = { cluster: 'demo' }
const pg1 = { ...demo, member: 'pg1' }
const client = { listen: 'write', client: '10.0.0.7:41234' }
const incident: Incident = {
  number: 3,
  cluster: 'demo',
  startedAt: epochMs(0),
  cause: 'switchover',
  sign: 'failover key: pg1 → pg2',
  from: 'pg1',
  to: 'pg2',
  moments: { gate_closed: ms(0), last_no: ms(1370), confirmed: ms(1400) },
  held: 12,
  lost: 0,
  cut: 5,
  refused: 0,
  lasted: ms(1400),
}
const ended = {
  ...client,
  kind: 'session_ended',
  lasted: ms(2000),
  fromClient: bytes(10),
  fromMember: bytes(2048),
} as const

const SAID: readonly (readonly [Event, string])[] = [
  [
    { kind: 'descriptors_used_up', limit: 1024 },
    'error: no file descriptor is left of 1024: new clients are turned away, sessions go on; raise the limit (LimitNOFILE=, prlimit), or lower session.max',
  ],
  [
    { kind: 'descriptors_left', limit: 1024, lasted: ms(12_000) },
    'info: there are file descriptors again (limit 1024) after 12s',
  ],
  [
    { kind: 'vrrp_changed', name: 'pg', from: 'master', to: 'fault', why: 'fault', detail: 'the proxy has ended' },
    'warn: pg: master → fault (fault): the proxy has ended',
  ],
  [
    { kind: 'vrrp_rival', name: 'pg', address: '10.0.0.2', priority: 90, count: 3 },
    'warn: pg: 10.0.0.2 is master too, with priority 90; it should give way to ours (3 adverts so far)',
  ],
  [
    { kind: 'vrrp_withheld', name: 'pg', holder: 'm' },
    'info: pg: would be master, but the witness names m: it stays a backup',
  ],
  [
    { kind: 'vrrp_witness', names: ['in', 'out'], silent: true, why: 'etcd a: no answer in time' },
    'warn: in, out: the witness is silent, so VRRP alone decides: etcd a: no answer in time',
  ],
  [
    { kind: 'vrrp_dropped', name: 'pg', drop: 'checksum', why: 'wrong checksum from 10.0.0.2' },
    'warn: pg: a packet was dropped (checksum): wrong checksum from 10.0.0.2',
  ],
  [
    { kind: 'vrrp_address', name: 'pg', address: '10.0.0.100/24', done: 'put back' },
    'warn: pg: 10.0.0.100/24 was taken away by someone else, and is put back',
  ],
  [
    { kind: 'vrrp_duplicate', name: 'pg', address: '10.0.0.100', mac: '02:00:00:00:00:01' },
    'warn: pg: 10.0.0.100 is claimed by 02:00:00:00:00:01 too: another host still has it; traffic may go there',
  ],
  [
    { kind: 'vrrp_lowered', name: 'pg', by: 20, why: 'gate closed: demo' },
    'info: pg: priority lowered by 20: gate closed: demo',
  ],
  [{ kind: 'vrrp_started', version: '0.1.0', name: 'gate1' }, 'info: mekare 0.1.0: sidecar started on gate1'],
  [{ kind: 'vrrp_stopped' }, 'info: stopped; no floating address is left'],
  [
    { kind: 'started', version: '0.1.0', name: 'gate1', engine: 'native' },
    'info: mekare 0.1.0 started as gate1, relay engine native',
  ],
  [{ kind: 'stopping', why: 'SIGTERM', sessions: 3 }, 'info: stopping (SIGTERM); open sessions: 3'],
  [{ kind: 'stopped' }, 'info: stopped; no session is left'],
  [{ kind: 'listening', listen: 'write', address: '0.0.0.0:5000' }, 'info: write: listening on 0.0.0.0:5000'],
  [{ kind: 'warned', what: 'look here' }, 'warn: look here'],
  [{ kind: 'source_answers', ...demo }, 'info: demo: the source answers'],
  [{ kind: 'source_answers', ...demo, silentFor: ms(62_000) }, 'info: demo: the source answers again after 1min'],
  [
    { kind: 'source_silent', ...demo, why: 'no etcd member answers' },
    'warn: demo: the source is silent; what it said before still stands: no etcd member answers',
  ],
  [
    { kind: 'source_moved', ...demo, from: 'etcd1', to: 'etcd2', why: 'no answer in 0.7s' },
    'warn: demo: the source left etcd1 for etcd2: no answer in 0.7s',
  ],
  [
    { kind: 'source_moved', ...demo, from: 'etcd1', why: 'no answer in 0.7s' },
    'warn: demo: the source left etcd1 for none yet: no answer in 0.7s',
  ],
  [
    { kind: 'source_problem', ...demo, problem: 'members/pg2: not JSON' },
    'warn: demo: problem in the topology: members/pg2: not JSON',
  ],
  [
    { kind: 'first_sign', ...demo, sign: 'failover key: pg1 → pg2' },
    'warn: demo: first sign of a leader change: failover key: pg1 → pg2',
  ],
  [
    { kind: 'leader_key_gone', ...demo, leader: 'pg1' },
    'warn: demo: the leader key is gone, it named pg1; open sessions stay',
  ],
  [{ kind: 'leader_changed', ...demo, from: 'pg1', to: 'pg2' }, 'info: demo: the leader key names pg2, before it pg1'],
  [{ kind: 'leader_changed', ...demo, to: 'pg2' }, 'info: demo: the leader key names pg2'],
  [{ kind: 'gate_opened', ...pg1, closedFor: ms(1300) }, 'info: demo: gate open to pg1 after 1.3s closed'],
  [
    { kind: 'gate_closed', ...demo, because: 'no_leader_key', why: 'leader key gone' },
    'warn: demo: gate closed to new write sessions: leader key gone',
  ],
  [
    { kind: 'first_write', ...pg1, held: ms(900), plaintext: true },
    'info: demo: first write session joined pg1, held for 900ms',
  ],
  [{ kind: 'first_login', ...pg1, took: ms(12) }, 'info: demo: first login to write at pg1 took 12ms'],
  [{ kind: 'first_answer', ...pg1, ago: ms(40) }, 'info: demo: first answer to a write session from pg1'],
  [
    { kind: 'incident_ended', ...demo, incident },
    `info: demo: incident 3 over, pg1 → pg2 in 1.4s, 30ms of it mekare's (failover key: pg1 → pg2); sessions: 12 held, 0 lost with pg1, 5 cut, 0 refused`,
  ],
  [{ kind: 'member_appeared', ...pg1, address: '10.0.0.1:5432' }, 'info: demo/pg1: appeared, at 10.0.0.1:5432'],
  [
    { kind: 'member_vanished', ...pg1 },
    'warn: demo/pg1: its member key is gone; its last address is kept while it answers',
  ],
  [{ kind: 'member_forgotten', ...pg1, why: 'no answer' }, 'info: demo/pg1: forgotten: no answer'],
  [{ kind: 'member_up', ...pg1 }, 'info: demo/pg1: up'],
  [{ kind: 'member_down', ...pg1, why: 'refused' }, 'warn: demo/pg1: down: refused'],
  [
    { kind: 'proxy_appeared', cluster: 'demo', proxy: 'gate2', version: '0.1.0' },
    'info: demo: the proxy gate2 is registered in etcd too, version 0.1.0',
  ],
  [
    { kind: 'proxy_gone', cluster: 'demo', proxy: 'gate2' },
    'warn: demo: the proxy gate2 is no longer registered in etcd: it has ended, or cannot reach it',
  ],
  [{ kind: 'pooler_up', ...pg1 }, 'info: demo/pg1: its pooler is up'],
  [
    { kind: 'pooler_down', ...pg1, why: '10.0.0.1:6432: ECONNREFUSED; nothing listens there' },
    'warn: demo/pg1: its pooler is down: 10.0.0.1:6432: ECONNREFUSED; nothing listens there',
  ],
  [{ kind: 'member_drained', ...pg1, drained: true }, 'info: demo/pg1: drained: takes no new session'],
  [{ kind: 'member_drained', ...pg1, drained: false }, 'info: demo/pg1: undrained: takes sessions again'],
  [
    { kind: 'pool_changed', ...pg1, listen: 'read', usable: false, why: 'lag 21.0MiB is over maxLag 16.0MiB' },
    'info: demo/pg1: left the pool of read: lag 21.0MiB is over maxLag 16.0MiB',
  ],
  [
    { kind: 'pool_changed', ...pg1, listen: 'read', usable: true, why: 'streaming' },
    'info: demo/pg1: joined the pool of read: streaming',
  ],
  [{ kind: 'probed', ...pg1, took: ms(4), said: 'recovery' }, 'trace: demo/pg1: answered a probe in 4ms'],
  [
    { kind: 'session_refused', ...client, end: 'refused_limit', message: 'session.max 100 is reached' },
    'warn: write: refused 10.0.0.7:41234 (refused_limit): session.max 100 is reached',
  ],
  [{ kind: 'session_held', ...client, why: 'gate closed' }, 'debug: write: holds 10.0.0.7:41234: gate closed'],
  [
    { kind: 'session_joined', ...client, member: 'pg1', heldFor: ms(0), connectTook: ms(2), retries: 0 },
    'debug: write: 10.0.0.7:41234 joined pg1, dialed in 2ms',
  ],
  [
    { kind: 'session_joined', ...client, member: 'pg1', heldFor: ms(1200), connectTook: ms(2), retries: 0 },
    'debug: write: 10.0.0.7:41234 joined pg1, dialed in 2ms, held for 1.2s',
  ],
  [
    { ...ended, member: 'pg1', end: 'client' },
    'debug: write: 10.0.0.7:41234 on pg1 ended after 2s (client), 10B up, 2.0KiB down',
  ],
  [
    { ...ended, end: 'bug', error: 'x is not a function' },
    'error: write: 10.0.0.7:41234 ended after 2s (bug), 10B up, 2.0KiB down: x is not a function',
  ],
  [
    { kind: 'sessions_cut', ...pg1, listen: 'write', count: 40, end: 'cut_leader_moved' },
    'warn: demo/pg1: sessions cut on write: 40 (cut_leader_moved)',
  ],
  [
    { kind: 'dial_failed', ...pg1, listen: 'write', why: 'ECONNREFUSED' },
    'warn: demo/pg1: a dial from write failed: ECONNREFUSED',
  ],
  [
    { kind: 'cancel', listen: 'read', how: 'known', members: 1 },
    'debug: read: a cancel request went to the one member that knows its key',
  ],
  [
    { kind: 'cancel', listen: 'read', how: 'asked', members: 3 },
    'debug: read: a cancel request with an unknown key went to 3 members',
  ],
  [
    { kind: 'cancel', listen: 'read', how: 'limited', members: 0 },
    'warn: read: a cancel request with an unknown key was dropped: too many from its address',
  ],
  [
    { kind: 'cancel', listen: 'read', how: 'nobody', members: 0 },
    'warn: read: a cancel request was dropped: no member to ask',
  ],
]

t.test('every event is one sentence, names first', async t => {
  for (const [event, line] of SAID) {
    const { level, message } = describe(event)
    t.equal(`${level}: ${message}`, line)
  }
})

t.test('fields carry the kind, the data, and the unit in the name', async t => {
  const joined: Event = {
    kind: 'session_joined',
    ...client,
    member: 'pg1',
    heldFor: ms(1200),
    connectTook: ms(2),
    retries: 0,
  }
  t.strictSame(describe(joined).fields, {
    event: 'session_joined',
    ...client,
    member: 'pg1',
    heldForMs: 1200,
    connectTookMs: 2,
    retries: 0,
  })
})

t.test('a name with escape sequences or newlines cannot write to the terminal or forge a line', async t => {
  const { message } = describe({ kind: 'member_up', cluster: 'demo', member: 'pg1\u001b[2J\nerror: all lost' })
  t.equal(message, 'demo/pg1?[2J error: all lost: up')
})

const refused = (end: 'refused_limit' | 'refused_startup', n: number): Event => ({
  kind: 'session_refused',
  listen: 'write',
  client: `10.0.0.7:${n}`,
  end,
  message: 'no',
})

t.test('a flood of equal refusals is told once, then every ten seconds with the count', async t => {
  const transcript: string[] = []
  let state = noThrottle
  const feed = (at: number, event: Event) => {
    const [next, told] = throttle(state, event, ms(at))
    state = next
    for (const line of told) transcript.push(`${at} ${saidShort(line)}`)
  }
  feed(0, refused('refused_limit', 1))
  for (let n = 2; n < 100; n++) feed(n, refused('refused_limit', n))
  feed(50, refused('refused_startup', 1))
  feed(60, { kind: 'member_up', cluster: 'demo', member: 'pg1' })
  feed(10_000, refused('refused_limit', 100))
  feed(10_001, refused('refused_limit', 101))
  feed(10_002, refused('refused_limit', 102))
  feed(30_000, { kind: 'member_up', cluster: 'demo', member: 'pg1' })
  t.strictSame(transcript, [
    '0 refused_limit 10.0.0.7:1 +0',
    '50 refused_startup 10.0.0.7:1 +0',
    '60 member_up +0',
    '10000 refused_limit 10.0.0.7:100 +98',
    '30000 refused_limit 10.0.0.7:102 +1',
    '30000 member_up +0',
  ])
  t.equal(state.size, 0, 'a flood that has ended is forgotten')
})

function saidShort({ event, suppressed }: Told): string {
  return event.kind === 'session_refused'
    ? `${event.end} ${event.client} +${suppressed}`
    : `${event.kind} +${suppressed}`
}

t.test('failed dials of different members or reasons are not one flood; known cancels are never thinned', async t => {
  const dial = (member: string, why: string): Event => ({ kind: 'dial_failed', ...demo, listen: 'read', member, why })
  const cancel: Event = { kind: 'cancel', listen: 'read', how: 'known', members: 1 }
  let state = noThrottle
  let count = 0
  for (const event of [dial('pg1', 'a'), dial('pg2', 'a'), dial('pg1', 'b'), dial('pg1', 'a'), cancel, cancel]) {
    const [next, told] = throttle(state, event, ms(0))
    state = next
    count += told.length
  }
  t.equal(count, 5)
  t.strictSame(untold(state).map(saidShort), ['dial_failed +0'], 'the end of the log tells what was held back')
})

t.test('property: told and suppressed together are all that came, in any order and at any times', async () => {
  const one = fc.record({ wait: fc.nat(6000), limit: fc.boolean() })
  fc.assert(
    fc.property(fc.array(one, { maxLength: 200 }), steps => {
      let [state, now, sum] = [noThrottle, 0, 0]
      const add = (lines: readonly Told[]) => {
        for (const { suppressed } of lines) sum += 1 + suppressed
      }
      for (const { wait, limit } of steps) {
        now += wait
        const [next, told] = throttle(state, refused(limit ? 'refused_limit' : 'refused_startup', 1), ms(now))
        state = next
        add(told)
      }
      add(untold(state))
      return sum === steps.length
    }),
  )
})

t.test('an event without its client names it nowhere, whatever kind of address it had', async t => {
  const refused = (client: string, message: string): Event => ({
    kind: 'session_refused',
    listen: 'write',
    client,
    end: 'refused_limit',
    message,
  })
  t.match(withoutClient(refused('10.0.0.7:41234', '10.0.0.7 and 10.0.0.7:41234')), {
    client: 'a client',
    message: 'a client and a client:41234',
    end: 'refused_limit',
  })
  t.match(withoutClient(refused('[fd00::7]:41234', 'fd00::7 has as many')), { message: 'a client has as many' })
  t.match(withoutClient(refused('unix', 'full')), { client: 'a client', message: 'full' })
  const other: Event = { kind: 'warned', what: '10.0.0.7' }
  t.equal(withoutClient(other), other, 'an event of no client is the same')
})
