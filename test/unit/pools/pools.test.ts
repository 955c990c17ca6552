// Who is in a pool and why not, whom a new session gets, and how held ones are let through.

import fc from 'fast-check'
import t from 'tap'
import type { ListenConfig } from '../../../src/config/shape.js'
import type { ClusterState } from '../../../src/pools/cluster.js'
import { createHoldQueue, type HoldRules } from '../../../src/pools/hold.js'
import { type PickView, pick, whyNone } from '../../../src/pools/pick.js'
import type { PoolEntry } from '../../../src/pools/pool.js'
import { poolNow } from '../../../src/pools/view.js'
import { bytes, lsn, ms } from '../../../src/units/units.js'
import {
  type Line,
  member,
  news,
  play,
  primary,
  RUNNING,
  recovery,
  refused,
  VIEW,
  withMember,
} from './cluster-script.js'

const READ: ListenConfig = {
  cluster: 'demo',
  address: { kind: 'tcp', host: '127.0.0.1', port: 5001 },
  role: 'replica',
  balance: 'least-connections',
  holdFor: ms(5000),
  maxHeld: 10,
  releaseRate: 200,
  maxLag: bytes(1000),
  maxLagTime: ms(0),
  fallback: 'none',
  onPromote: 'cut',
  target: 'postgres',
  max: 'auto',
  maxPerAddress: 0,
  maxSessionsPerMember: 0,
  startupTimeout: ms(10_000),
  connectTimeout: ms(2000),
  connectRetries: 2,
  idleTimeout: ms(0),
  halfCloseTimeout: ms(60_000),
  drainTimeout: ms(30_000),
  deadAfter: ms(15_000),
  allow: [],
  proxyProtocol: 'off',
  proxyFrom: [],
}

const verdicts = (state: ClusterState, listen: Partial<ListenConfig> = {}, at = 100) =>
  Object.fromEntries(
    poolNow(state, { ...READ, ...listen }, VIEW, ms(at)).map(e => [
      e.member.name,
      `${e.usable ? 'yes' : 'no'}: ${e.why}`,
    ]),
  )

t.test('the replica pool', async t => {
  t.test('takes healthy replicas and says of the primary what it is', async t => {
    t.same(verdicts(play(RUNNING).state), {
      pg1: 'no: is the primary',
      pg2: 'yes: replica, 0B behind',
      pg3: 'yes: replica, 0B behind',
    })
  })

  t.test(
    'leaves out the lagging, the tagged, the drained, the stopped and the silent, each with its reason',
    async t => {
      const far = play([...RUNNING, [30, ['pg1', primary(5100)]], [31, ['pg2', recovery(100)]]])
      t.equal(verdicts(far.state).pg2, 'no: lag 4.9KiB is over maxLag 1000B')
      const tags = { noloadbalance: true, nofailover: false, nosync: false, weight: 1 }
      t.equal(
        verdicts(play([...RUNNING, [30, withMember('pg2', { tags })]]).state).pg2,
        'no: has the tag noloadbalance',
      )
      const drained = play([...RUNNING, [30, { kind: 'drain', member: 'pg2', on: true }]])
      t.equal(verdicts(drained.state).pg2, 'no: drained by an operator')
      const down = play([...RUNNING, [30, ['pg2', refused]], [40, ['pg2', refused]]])
      t.match(verdicts(down.state).pg2, /^no: no answer for .*connection refused/)
      const former = play([...RUNNING, [30, news({ leader: 'pg2' })], [40, ['pg2', primary(200, 2)]]])
      t.match(verdicts(former.state).pg1, /^no: answered as a primary, and has not answered as a replica since/)
      const unasked = play(RUNNING.slice(0, 2))
      t.equal(verdicts(unasked.state).pg2, 'no: has not been asked yet')
    },
  )

  t.test('lets a replica on the old timeline serve up to the fork point, and not past it', async t => {
    const history = [{ timeline: 1, forkLsn: lsn(150), reason: 'no recovery target specified' }]
    const moved = (at: number): Line[] => [
      ...RUNNING,
      [30, news({ leader: 'pg2', history })],
      [40, ['pg2', primary(200, 2)]],
      [41, ['pg3', recovery(at, 1)]],
    ]
    t.match(verdicts(play(moved(150)).state).pg3, /^yes/)
    t.match(verdicts(play(moved(160)).state).pg3, /^no: replayed to 0\/A0, but timeline 1 ended at 0\/96/)
  })

  t.test(
    'believes the newest timeline a replica told, not that of its last restartpoint between two walreceivers',
    async t => {
      const history = [{ timeline: 1, forkLsn: lsn(150), reason: 'no recovery target specified' }]
      const { state } = play([
        ...RUNNING,
        [30, news({ leader: 'pg2', history })],
        [40, ['pg2', primary(200, 2)]],
        [41, ['pg3', recovery(200, 2)]],
        [50, ['pg3', recovery(200, 1)]],
      ])
      t.equal(verdicts(state).pg3, 'yes: replica, 0B behind')
    },
  )

  t.test('falls back to the primary only where that is asked for, and only through an open gate', async t => {
    const alone = play([
      [10, news({ leader: 'pg1', names: ['pg1'] })],
      [20, ['pg1', primary()]],
    ])
    t.match(verdicts(alone.state).pg1, /^no/)
    t.match(verdicts(alone.state, { fallback: 'primary' }).pg1, /^yes: is the primary, and no replica qualifies/)
    const shut = play([[30, news({ names: ['pg1'] })]], alone.state)
    t.match(verdicts(shut.state, { fallback: 'primary' }).pg1, /^no: fallback: the gate is closed/)
  })

  t.test('of role sync takes those the sync key names, whatever the case', async t => {
    const { state } = play([...RUNNING, [30, news({ leader: 'pg1', sync: { leader: 'pg1', standbys: ['PG3'] } })]])
    t.same(verdicts(state, { role: 'sync' }), {
      pg1: 'no: is the primary',
      pg2: 'no: is not named in the sync key',
      pg3: 'yes: replica, 0B behind',
    })
  })

  t.test('of role any takes the primary too; target pooler needs a proxy_url', async t => {
    const { state } = play(RUNNING)
    t.match(verdicts(state, { role: 'any' }).pg1, /^yes: is the primary/)
    t.equal(verdicts(state, { target: 'pooler' }).pg2, 'no: publishes no proxy_url, and target is pooler')
  })

  t.test('through poolers leaves out a member whose pooler is dead, and only there', async t => {
    const pooler = (n: string) => ({ host: `10.0.0.${n}`, port: 6432 })
    const members = new Map(['pg1', 'pg2', 'pg3'].map(name => [name, member(name, { pooler: pooler(name.slice(2)) })]))
    const knock = (at: number, name: string, ok: boolean): Line => {
      const outcome = { member: name, at: ms(at), took: ms(1), ok, ...(ok ? {} : { why: 'ECONNREFUSED' }) }
      return [at, { kind: 'pooler', outcome }]
    }
    const pooled = { target: 'pooler' } as const
    const lines: Line[] = [...RUNNING, [30, news({ leader: 'pg1', members })], knock(40, 'pg2', true)]
    const up = play(lines)
    t.equal(verdicts(up.state, pooled).pg2, 'yes: replica, 0B behind')
    t.equal(verdicts(up.state, pooled).pg3, 'yes: replica, 0B behind', 'one that nobody has asked yet may be tried')
    const down = play([knock(50, 'pg2', false), knock(60, 'pg2', false)], up.state)
    t.equal(verdicts(down.state, pooled).pg2, 'no: its pooler: no answer for 50ms: ECONNREFUSED')
    t.equal(verdicts(down.state).pg2, 'yes: replica, 0B behind', 'who dials PostgreSQL has it')
    t.equal(down.state.health.get('pg2')?.up, true, 'and the member is up')
    t.same(
      down.events.map(({ kind }) => kind),
      ['pooler_down'],
      'told once',
    )
    const none = play([knock(70, 'pg3', false), knock(80, 'pg3', false)], down.state)
    t.match(verdicts(none.state, { ...pooled, fallback: 'primary' }).pg1, /^yes: is the primary, and no replica qual/)
    const dead = play([knock(90, 'pg1', false), knock(100, 'pg1', false)], none.state)
    t.match(verdicts(dead.state, { ...pooled, fallback: 'primary' }).pg1, /^no: its pooler: /)
    t.match(verdicts(dead.state, { ...pooled, role: 'primary' }).pg1, /^no: its pooler: /)
    t.equal(dead.gate, 'open pg1', 'the gate asks PostgreSQL')
    const elsewhere = play([[110, withMember('pg2', { pooler: { host: '10.0.0.2', port: 6433 } })]], dead.state)
    t.match(verdicts(elsewhere.state, pooled).pg2, /^yes/, 'a pooler that has moved is another one')
  })

  t.test('gives a member back from failure a small share that grows', async t => {
    const back = play([
      ...RUNNING,
      [30, ['pg2', refused]],
      [40, ['pg2', refused]],
      [1000, ['pg2', recovery()]],
      [2000, ['pg2', recovery()]],
    ])
    const share = (at: number) => poolNow(back.state, READ, VIEW, ms(at)).find(e => e.member.name === 'pg2')?.share ?? 0
    t.ok(share(2000) < 0.15)
    t.ok(share(7000) > 0.5 && share(7000) < 0.6)
    t.equal(share(13_000), 1)
  })
})

const entry = (name: string, share = 1, usable = true): PoolEntry => ({
  member: member(name),
  address: { host: name, port: 5432 },
  usable,
  why: usable ? 'replica' : 'drained by an operator',
  share,
  joinsAs: 'replica',
})

const view = (more: Partial<PickView>): PickView => ({
  entries: [entry('pg2'), entry('pg3')],
  balance: 'least-connections',
  sessionsOn: () => 0,
  maxSessionsPerMember: 0,
  tried: new Set(),
  turn: 0,
  chance: 0.5,
  ...more,
})

const picked = (more: Partial<PickView>) => {
  const result = pick(view(more))
  return result.kind === 'member' ? result.entry.member.name : result.why
}

t.test('a pick', async t => {
  t.test('takes the member with fewest sessions for its weight, in turn where they are even', async t => {
    const on: Record<string, number> = { pg2: 3, pg3: 1 }
    t.equal(picked({ sessionsOn: name => on[name] ?? 0 }), 'pg3')
    t.equal(picked({ sessionsOn: name => on[name] ?? 0, entries: [entry('pg2', 4), entry('pg3', 1)] }), 'pg2')
    t.not(picked({ turn: 1 }), picked({ turn: 2 }))
  })

  t.test('of weight 0 only takes what nobody else can', async t => {
    const entries = [entry('pg2', 0), entry('pg3', 1)]
    t.equal(picked({ entries, sessionsOn: name => (name === 'pg3' ? 99 : 0) }), 'pg3')
    t.equal(picked({ entries, tried: new Set(['pg3']) }), 'pg2')
  })

  t.test('spreads round-robin by weight', async t => {
    const entries = [entry('pg2', 1), entry('pg3', 3)]
    const names = Array.from({ length: 400 }, (_, turn) => picked({ balance: 'round-robin', entries, turn }))
    const share = names.filter(name => name === 'pg3').length / names.length
    t.ok(share > 0.7 && share < 0.8, `${share}`)
  })

  t.test('of two at random takes the less loaded, for any chance', async () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), chance => {
        const entries = [entry('pg2'), entry('pg3'), entry('pg4')]
        const name = picked({ balance: 'random-two', entries, chance, sessionsOn: n => (n === 'pg4' ? 9 : 0) })
        return name === 'pg2' || name === 'pg3'
      }),
    )
  })

  t.test('says of each member why not, and names the limit when all are full', async t => {
    const entries = [entry('pg2', 1, false)]
    t.equal(picked({ entries }), 'pg2: drained by an operator')
    t.equal(whyNone([]), 'no member is known')
    t.equal(picked({ maxSessionsPerMember: 1, sessionsOn: () => 1 }), 'every usable member has maxSessionsPerMember 1')
  })
})

t.test('the hold queue', async t => {
  const rules: HoldRules = { maxHeld: 3, releaseRate: 100 }
  const waiting = (id: number, until = 1000, notBefore = 0) => ({
    id,
    since: ms(0),
    until: ms(until),
    notBefore: ms(notBefore),
  })

  t.test('lets through in order, at the rate, with a small burst after a pause', async t => {
    const queue = createHoldQueue(() => ({ ...rules, maxHeld: 100 }))
    for (let id = 1; id <= 20; id++) queue.enter(waiting(id, 10_000), false)
    const ids: number[] = []
    const taken = (now: number) => {
      for (let one = queue.release(ms(now)); one; one = queue.release(ms(now))) ids.push(one.id)
      return ids.length
    }
    t.equal(taken(0), 6, 'the burst: 50 ms of 100 a second, and the one that is due')
    t.equal(taken(5), 6)
    t.equal(taken(10), 7)
    t.equal(taken(60), 12)
    t.same(
      ids,
      [...ids].sort((a, b) => a - b),
    )
  })

  t.test('takes those back first who come from a failed dial, but not before their time', async t => {
    const queue = createHoldQueue(() => rules)
    queue.enter(waiting(1), false)
    queue.enter(waiting(2, 1000, 500), true)
    t.equal(queue.release(ms(100))?.id, 1)
    t.equal(queue.release(ms(100)), undefined)
    t.equal(queue.wakeAt(true), 500)
    t.equal(queue.release(ms(500))?.id, 2)
  })

  t.test('refuses one over maxHeld, but never one that comes back; expiry takes whoever has waited enough', async t => {
    const queue = createHoldQueue(() => rules)
    for (const id of [1, 2, 3]) t.ok(queue.enter(waiting(id, id * 100), false))
    t.notOk(queue.enter(waiting(4), false))
    t.ok(queue.enter(waiting(5), true))
    t.same(
      queue.expire(ms(200)).map(one => one.id),
      [1, 2],
    )
    t.equal(queue.size(), 2)
  })

  t.test('joins or answers every held client, whatever the order of entering, leaving, opening and time', async () => {
    const action = fc.oneof(
      fc.record({ kind: fc.constant('enter' as const), hold: fc.integer({ min: 0, max: 300 }), back: fc.boolean() }),
      fc.record({ kind: fc.constant('leave' as const), id: fc.integer({ min: 0, max: 30 }) }),
      fc.record({ kind: fc.constant('release' as const) }),
      fc.record({ kind: fc.constant('pass' as const), by: fc.integer({ min: 0, max: 100 }) }),
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), actions => {
        const queue = createHoldQueue(() => ({ maxHeld: 10, releaseRate: 100 }))
        const inside = new Set<number>()
        let now = 0
        let id = 0
        for (const step of actions) {
          if (step.kind === 'enter' && queue.enter(waiting(++id, now + step.hold), step.back)) inside.add(id)
          if (step.kind === 'leave') {
            queue.leave(step.id)
            inside.delete(step.id)
          }
          if (step.kind === 'pass') now += step.by
          if (step.kind === 'release') {
            const one = queue.release(ms(now))
            if (one && !inside.delete(one.id)) return false
          }
          for (const one of queue.expire(ms(now))) if (!inside.delete(one.id)) return false
        }
        for (const one of queue.drain()) if (!inside.delete(one.id)) return false
        return inside.size === 0 && queue.size() === 0 && queue.wakeAt(true) === undefined
      }),
    )
  })
})
