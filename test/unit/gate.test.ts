import fc from 'fast-check'
import t from 'tap'
import type { Answer } from '../../src/health/answer.js'
import { type ClusterInput, type ClusterState, newCluster, probePeriod, step } from '../../src/pools/cluster.js'
import { mustCut } from '../../src/pools/cut.js'
import { gateWords } from '../../src/pools/gate.js'
import { createHoldQueue } from '../../src/pools/hold.js'
import type { Topology } from '../../src/topology/topology.js'
import { ms } from '../../src/units/units.js'
import {
  ALL,
  dialFailed,
  type Line,
  member,
  news,
  outcome,
  play,
  primary,
  RULES,
  RUNNING,
  recovery,
  refused,
  SETTINGS,
  silent,
  timeout,
  topology,
  withMember,
} from './cluster-script.js'

t.test('the gate', async t => {
  t.test('is closed until the leader confirms that it is out of recovery', async t => {
    t.equal(play([[10, news({ leader: 'pg1' })]]).gate, 'closed unconfirmed')
    t.equal(
      play([
        [10, news({ leader: 'pg1' })],
        [20, ['pg1', recovery()]],
      ]).gate,
      'closed in_recovery',
    )
    t.equal(play(RUNNING).gate, 'open pg1')
  })

  t.test('does not take an answer that was asked for before the leader key moved', async t => {
    const moved: Line[] = [...RUNNING, [30, ['pg2', primary(200, 2)]], [40, news({ leader: 'pg2' })]]
    t.equal(play(moved).gate, 'closed unconfirmed')
    t.equal(play([...moved, [50, ['pg2', primary(200, 2)]]]).gate, 'open pg2')
  })

  t.test('stays open when the leader cannot be asked, and closes when it turns connections away', async t => {
    t.equal(play([...RUNNING, [30, ['pg1', timeout]], [40, ['pg1', timeout]]]).gate, 'open pg1')
    const away = play([...RUNNING, [30, ['pg1', refused]]])
    t.equal(away.gate, 'closed unreachable')
    t.equal(play([[50, ['pg1', primary()]]], away.state).gate, 'open pg1')
  })

  t.test("closes on a session's failed dial until the leader confirms anew", async t => {
    const { state, gate } = play([...RUNNING, [30, dialFailed('pg1', 30)]])
    t.equal(gate, 'closed unreachable')
    t.equal(play([[30, ['pg1', primary()]]], state).gate, 'closed unreachable', 'an answer asked for before is too old')
    t.equal(play([[40, ['pg1', primary()]]], state).gate, 'open pg1')
  })

  t.test('closes to new sessions when the leader key is gone, and cuts nobody', async t => {
    const { state, gate } = play([...RUNNING, [30, news({})]])
    t.equal(gate, 'closed no_leader_key')
    t.equal(mustCut(state, { member: 'pg1', role: 'primary', joinedAs: 'primary', onPromote: 'cut' }), undefined)
  })

  t.test('closes at the failover key, and reopens when it is emptied while the leader still confirms', async t => {
    const asked = play([...RUNNING, [30, news({ leader: 'pg1', failover: { leader: 'pg1', candidate: 'pg2' } })]])
    t.equal(asked.gate, 'closed failover_key')
    t.same(
      asked.events.slice(-2).map(e => e.kind),
      ['first_sign', 'gate_closed'],
    )
    const again = play([[40, news({ leader: 'pg1' })]], asked.state)
    t.equal(again.gate, 'open pg1')
    t.match(again.events.at(-1), { kind: 'gate_opened', closedFor: 10, lastNo: 0 }, 'the key stood until now')
  })

  t.test('tells with its opening how long before that the new primary was asked and was none yet', async t => {
    const { events } = play([
      ...RUNNING,
      [30, news({ leader: 'pg1', failover: { leader: 'pg1', candidate: 'pg2' } })],
      [60, news({ leader: 'pg2' })],
      [70, ['pg2', recovery()]],
      [90, ['pg2', recovery()]],
      [110, ['pg2', primary(100, 2)]],
    ])
    t.match(events.at(-1), { kind: 'gate_opened', member: 'pg2', closedFor: 80, lastNo: 21 })
  })

  t.test('waits with a scheduled failover until it falls due', async t => {
    const lines: Line[] = [...RUNNING, [30, news({ leader: 'pg1', failover: { leader: 'pg1', dueAt: ms(500) } })]]
    t.equal(play(lines).gate, 'open pg1')
    t.equal(play([...lines, [501, { kind: 'tick' }]]).gate, 'closed failover_key')
  })

  t.test('passes over a failover key nobody acts on, once the leader confirms after its TTL', async t => {
    const lines: Line[] = [...RUNNING, [30, news({ leader: 'pg1', failover: { leader: 'pg1' } })]]
    t.equal(play([...lines, [30_040, { kind: 'tick' }]]).gate, 'closed failover_key', 'time alone does not open it')
    t.equal(play([...lines, [30_040, ['pg1', primary()]]]).gate, 'open pg1')
  })

  t.test('never opens to another cluster that answers at a reused address', async t => {
    t.equal(
      play([
        [10, news({ leader: 'pg1' })],
        [20, ['pg1', primary(100, 1, '6666')]],
      ]).gate,
      'closed system_id',
    )
  })

  t.test('opens to neither while the key is back with a former primary and the newer one still answers', async t => {
    const both: Line[] = [
      ...RUNNING,
      [30, news({ leader: 'pg2' })],
      [40, ['pg2', primary(200, 2)]],
      [50, news({ leader: 'pg1' })],
      [60, ['pg1', primary(150, 1)]],
    ]
    const { state, gate } = play(both)
    t.equal(gate, 'closed two_primaries')
    t.equal(play([[70, ['pg2', recovery(200, 2)]]], state).gate, 'open pg1', 'Patroni has demoted one of them')
  })

  t.test('says that a leader key names nobody, and that a standby cluster takes no writes', async t => {
    t.equal(play([[10, news({ leader: 'pg9' })]]).gate, 'closed leader_unknown')
    t.equal(
      play([...RUNNING, [30, news({ leader: 'pg1', settings: { ...SETTINGS, standbyCluster: true } })]]).gate,
      'closed standby_cluster',
    )
  })

  t.test('follows a term that is demoted and promoted again under one leader key', async t => {
    const demoted = play([...RUNNING, [30, ['pg1', recovery()]]])
    t.equal(demoted.gate, 'closed in_recovery')
    t.equal(
      mustCut(demoted.state, { member: 'pg1', role: 'primary', joinedAs: 'primary', onPromote: 'cut' }),
      'cut_in_recovery',
    )
    t.equal(play([[40, ['pg1', primary(300, 2)]]], demoted.state).gate, 'open pg1')
  })
})

t.test('while no etcd member answers', async t => {
  const lost: Line[] = [...RUNNING, [30, silent(30)]]

  t.test('the gate stays open to the primary that still confirms, and to one that cannot be asked', async t => {
    t.equal(play(lost).gate, 'open pg1')
    t.equal(play([...lost, [40, ['pg1', timeout]]]).gate, 'open pg1')
  })

  t.test('a demoted primary closes it with the cause, and its sessions are cut', async t => {
    const { state, gate } = play([...lost, [40, ['pg1', recovery()]]])
    t.equal(gate, 'closed no_primary')
    t.match(
      gateWords(state.gate, ms(40)),
      /no etcd or Patroni endpoint answers .*without failsafe_mode Patroni demotes/,
    )
    t.equal(
      mustCut(state, { member: 'pg1', role: 'primary', joinedAs: 'primary', onPromote: 'cut' }),
      'cut_in_recovery',
    )
  })

  t.test('of two primaries the higher timeline wins, and one timeline for both opens to nobody', async t => {
    t.equal(play([...lost, [40, ['pg2', primary(900, 2)]]]).gate, 'open pg2')
    t.equal(play([...lost, [40, ['pg2', primary(900, 1)]]]).gate, 'closed two_primaries')
  })

  t.test('all keys gone for half a second after it closes the gate and cuts nobody', async t => {
    const back = play([...lost, [60_000, news({ names: [] })]])
    t.equal(back.gate, 'closed no_leader_key')
    t.same([...(back.state.topology?.members.keys() ?? [])], ALL, 'addresses are kept')
    t.equal(mustCut(back.state, { member: 'pg1', role: 'primary', joinedAs: 'primary', onPromote: 'cut' }), undefined)
    const again = play(
      [
        [60_400, news({ leader: 'pg1' })],
        [60_420, ['pg1', primary()]],
      ],
      back.state,
    )
    t.equal(again.gate, 'open pg1')
  })
})

t.test('without a leader key that speaks', async t => {
  t.test("in Patroni's pause the one confirmed primary is the primary, for a fresh proxy too", async t => {
    const settings = { ...SETTINGS, pause: true }
    t.equal(play([[10, news({ settings })]]).gate, 'closed no_primary')
    t.equal(
      play([
        [10, news({ settings })],
        [20, ['pg1', primary()]],
        [21, ['pg2', recovery()]],
      ]).gate,
      'open pg1',
    )
  })

  t.test('a static list finds its primary by asking, and follows a promotion by hand', async t => {
    const lines: Line[] = [
      [10, news({ leaderless: true })],
      [20, ['pg1', primary()]],
      [21, ['pg2', recovery()]],
    ]
    t.equal(play(lines).gate, 'open pg1')
    const gone = play([...lines, [30, ['pg1', refused]]])
    t.equal(gone.gate, 'closed no_primary')
    t.equal(play([[40, ['pg2', primary(200, 2)]]], gone.state).gate, 'open pg2')
  })
})

t.test('sessions are cut', async t => {
  const write = (name: string) => ({
    member: name,
    role: 'primary' as const,
    joinedAs: 'primary' as const,
    onPromote: 'cut' as const,
  })
  const read = (name: string, onPromote: 'cut' | 'keep' = 'cut') => ({
    member: name,
    role: 'replica' as const,
    joinedAs: 'replica' as const,
    onPromote,
  })

  t.test('on the write port when the leader key moves, at once, not when the new one confirms', async t => {
    const { state } = play([...RUNNING, [30, news({ leader: 'pg2' })]])
    t.equal(mustCut(state, write('pg1')), 'cut_leader_moved')
    const { state: confirmed } = play([[40, ['pg2', primary(200, 2)]]], state)
    t.equal(mustCut(confirmed, write('pg2')), undefined)
    t.equal(mustCut(confirmed, write('pg1')), 'cut_leader_moved')
  })

  t.test('on the read port when their replica is promoted, unless onPromote says keep', async t => {
    const { state } = play([...RUNNING, [30, news({ leader: 'pg2' })], [40, ['pg2', primary(200, 2)]]])
    t.equal(mustCut(state, read('pg2')), 'cut_promoted')
    t.equal(mustCut(state, read('pg2', 'keep')), undefined)
    t.equal(mustCut(state, read('pg3')), undefined)
  })
})

t.test('a member', async t => {
  t.test(
    'whose key has vanished keeps its address while it answers, and is forgotten when it no longer does',
    async t => {
      const vanished = play([...RUNNING, [30, news({ leader: 'pg1', names: ['pg1', 'pg2'] })]])
      t.ok(vanished.state.topology?.members.has('pg3'))
      const gone = play(
        [
          [40, ['pg3', refused]],
          [50, ['pg3', refused]],
        ],
        vanished.state,
      )
      t.notOk(gone.state.topology?.members.has('pg3'))
      t.ok(gone.events.some(e => e.kind === 'member_forgotten'))
    },
  )

  t.test(
    'is asked every 20 ms by SQL, 100 ms by REST, while its answer could open the gate; 500 ms after 10 s',
    async t => {
      const { state } = play([...RUNNING, [30, news({ leader: 'pg2' })]])
      t.equal(probePeriod(state, 'pg2', 'sql', ms(1000), ms(40)), 20)
      t.equal(probePeriod(state, 'pg2', 'rest', ms(1000), ms(40)), 100)
      t.equal(probePeriod(state, 'pg3', 'sql', ms(1000), ms(40)), 1000)
      t.equal(probePeriod(state, 'pg2', 'sql', ms(1000), ms(10_040)), 500)
      const back = play(
        [
          [20_000, silent(20_000)],
          [30_000, news({ leader: 'pg2' })],
        ],
        state,
      )
      t.equal(
        probePeriod(back.state, 'pg2', 'sql', ms(1000), ms(30_010)),
        20,
        'often again once the source has come back',
      )
    },
  )
})

/** Any order of anything: what must hold of the gate after each step, whatever was said before. */
t.test('no order of events opens the gate towards a member that is not a confirmed leader', async () => {
  const name = fc.constantFrom(...ALL)
  const answer = fc.constantFrom<Answer>(
    primary(),
    primary(200, 2),
    primary(100, 1, '6666'),
    recovery(),
    timeout,
    refused,
  )
  const input = fc.oneof(
    fc.record({
      kind: fc.constant('news' as const),
      leader: fc.option(name, { nil: undefined }),
      rev: fc.integer({ min: 1, max: 4 }),
      failover: fc.boolean(),
      names: fc.subarray(ALL),
    }),
    fc.record({ kind: fc.constant('silent' as const) }),
    fc.record({ kind: fc.constant('probed' as const), name, answer, age: fc.integer({ min: 0, max: 30 }) }),
    fc.record({ kind: fc.constant('dialled' as const), name }),
    fc.record({ kind: fc.constant('tick' as const) }),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), input), { maxLength: 80 }), steps => {
      let state = newCluster('demo', ms(0))
      let now = 0
      for (const [by, one] of steps) {
        now += by
        const [next] = step(state, inputOf(one, now), RULES, ms(now))
        state = next
        if (!holds(state)) return false
      }
      return true
    }),
    { numRuns: 400 },
  )

  type Made = typeof input extends fc.Arbitrary<infer T> ? T : never
  function inputOf(made: Made, now: number): ClusterInput {
    switch (made.kind) {
      case 'news': {
        const term =
          made.leader === undefined ? {} : { term: { leader: made.leader, revision: `${made.leader}-${made.rev}` } }
        const failover = made.failover ? { failover: {} } : {}
        return { kind: 'topology', topology: topology({ names: made.names, ...term, ...failover }) }
      }
      case 'silent':
        return silent(now)
      case 'probed':
        return { kind: 'probed', outcome: outcome(made.name, made.answer, Math.max(0, now - made.age - 1)) }
      case 'dialled':
        return dialFailed(made.name, now)
      default:
        return { kind: 'tick' }
    }
  }

  function holds(state: ClusterState): boolean {
    const { gate, topology: known, words } = state
    if (gate.kind === 'closed') return true
    const word = words.get(gate.member)
    const said = word?.answer
    if (said?.answer.kind !== 'primary' || said.answer.systemId !== known?.systemId) return false
    if (word?.turnedAway && word.turnedAway.at >= said.askedAt) return false
    // With the source speaking, only the leader of the term known, confirmed since that term was seen, is ever opened to.
    if (!state.silent) return known?.term?.leader === gate.member && said.askedAt >= state.termSince
    // Without it, never to one that another confirmed primary outranks by timeline.
    const mine = said.answer.timeline ?? 0
    return [...words].every(([other, { answer: theirs, last }]) => {
      const outranks =
        theirs?.answer.kind === 'primary' &&
        theirs.answer.systemId === known?.systemId &&
        (theirs.answer.timeline ?? 0) > mine
      const stands =
        outranks && last?.answer.kind === 'primary' && theirs.askedAt >= state.termSince && known?.members.has(other)
      const away = words.get(other)?.turnedAway
      return !stands || (away !== undefined && away.at >= theirs.askedAt)
    })
  }
})

t.test('evidence that is not the member’s word', async t => {
  const dial = (name: string, at: number, reason: 'timeout' | 'unclear' | 'unreachable'): ClusterInput => ({
    kind: 'dialled',
    outcome: { member: name, at: ms(at), ok: false, took: ms(1), reason, why: reason },
  })

  t.test(
    'closes nothing: our own want of descriptors, or one time-out while the probe still hears the primary',
    async t => {
      t.equal(play([...RUNNING, [30, dial('pg1', 30, 'unclear')]]).gate, 'open pg1')
      t.equal(play([...RUNNING, [30, dial('pg1', 30, 'timeout')]]).gate, 'open pg1')
      t.equal(play([...RUNNING, [30, ['pg1', timeout]], [40, dial('pg1', 40, 'timeout')]]).gate, 'closed unreachable')
    },
  )

  t.test('of an old address does not count for a new one under the same name', async t => {
    const moved = withMember('pg1', { address: { host: '10.9.9.9', port: 5432 } })
    const { gate, state } = play([...RUNNING, [30, moved]])
    t.equal(gate, 'closed unconfirmed')
    t.equal(play([[40, ['pg1', primary()]]], state).gate, 'open pg1')
  })
})

t.test('members that come and go', async t => {
  t.test('in a pause without keys, a primary that restarts is not forgotten', async t => {
    const settings = { ...SETTINGS, pause: true }
    const paused = play([...RUNNING, [30, news({ settings, names: [] })], [31, ['pg1', primary()]]])
    t.equal(paused.gate, 'open pg1')
    const down = play(
      [
        [40, ['pg1', refused]],
        [60, ['pg1', refused]],
        [80, ['pg1', refused]],
      ],
      paused.state,
    )
    t.ok(down.state.topology?.members.has('pg1'))
    t.equal(play([[100, ['pg1', primary()]]], down.state).gate, 'open pg1')
  })

  t.test('a renamed one is kept once, and the old name is told to be gone', async t => {
    const members = new Map([
      ['pgA', member('pgA', { address: member('pg2').address })],
      ['pg1', member('pg1')],
    ])
    const { state, events } = play([...RUNNING, [30, news({ leader: 'pg1', members })]])
    t.same([...(state.topology?.members.keys() ?? [])].sort(), ['pg1', 'pg3', 'pgA'])
    t.ok(events.some(e => e.kind === 'member_forgotten' && e.member === 'pg2'))
  })

  t.test('one taken out of the cluster is not opened to in a silence, however high its timeline', async t => {
    const out = play([
      ...RUNNING,
      [30, news({ leader: 'pg1', names: ['pg1', 'pg2'] })],
      [40, ['pg3', primary(900, 2)]],
      [50, silent(50)],
    ])
    t.equal(out.gate, 'open pg1')
  })
})

t.test('a failover key left behind', async t => {
  const asked: Line[] = [...RUNNING, [30, news({ leader: 'pg1', failover: { leader: 'pg1', candidate: 'pg2' } })]]

  t.test('when etcd falls silent in the middle, gives way to the successor’s own word', async t => {
    t.equal(play([...asked, [40, silent(40)], [50, ['pg2', primary(200, 2)]]]).gate, 'open pg2')
  })

  t.test('is told once, whoever leads meanwhile; a scheduled one is told when it falls due', async t => {
    const again: Line[] = [
      [40, news({ failover: { candidate: 'pg2' } })],
      [50, news({ leader: 'pg2', failover: { candidate: 'pg2' } })],
    ]
    const told = play([...RUNNING, [30, news({ leader: 'pg1', failover: { candidate: 'pg2' } })], ...again]).events
    t.equal(told.filter(e => e.kind === 'first_sign').length, 1)
    const scheduled = play([...RUNNING, [30, news({ leader: 'pg1', failover: { leader: 'pg1', dueAt: ms(500) } })]])
    t.notOk(scheduled.events.some(e => e.kind === 'first_sign'))
    t.ok(play([[501, { kind: 'tick' }]], scheduled.state).events.some(e => e.kind === 'first_sign'))
  })
})

t.test('more on who is cut, and what is told', async t => {
  t.test('a read session that fell back to the primary is cut like a write session when the key moves', async t => {
    const { state } = play([...RUNNING, [30, news({ leader: 'pg2' })]])
    const fallen = { member: 'pg1', role: 'replica' as const, joinedAs: 'primary' as const, onPromote: 'keep' as const }
    t.equal(mustCut(state, fallen), 'cut_leader_moved')
  })

  t.test('a leader change across a gap without a key names the leader before it', async t => {
    const { events } = play([...RUNNING, [30, news({})], [40, news({ leader: 'pg2' })]])
    t.same(events.filter(e => e.kind === 'leader_changed').at(-1), {
      kind: 'leader_changed',
      cluster: 'demo',
      from: 'pg1',
      to: 'pg2',
    })
  })

  t.test('a key overwritten in place is another term, and its leader is asked anew', async t => {
    const ghost: Line[] = [
      [30, news({ term: { leader: 'pg9', revision: 'r-pg1' } })],
      [40, news({ leader: 'pg1' })],
    ]
    t.equal(play([...RUNNING, ...ghost]).gate, 'closed unconfirmed')
  })

  t.test('a source that takes another’s place leaves the gate open where both name one leader', async t => {
    const another = (more: Partial<Topology>): ClusterInput => ({
      kind: 'topology',
      topology: topology({ leader: 'pg1', ...more }),
      another: true,
    })
    const revision = { term: { leader: 'pg1', revision: 'another count' } }
    const same = play([...RUNNING, [30, another(revision)]])
    t.equal(same.gate, 'open pg1')
    t.same(
      same.events.slice(play(RUNNING).events.length).map(({ kind }) => kind),
      [],
      'and nothing has happened',
    )
    t.equal(
      play([...RUNNING, [30, silent(30)], [40, another(revision)]]).gate,
      'closed unconfirmed',
      'not after a silence',
    )
    const moved = { members: new Map([['pg1', member('pg1', { address: { host: '10.9.9.9', port: 5432 } })]]) }
    t.equal(
      play([...RUNNING, [30, another({ ...revision, ...moved })]]).gate,
      'closed unconfirmed',
      'nor at another address',
    )
    t.equal(
      play([...RUNNING, [30, another({ term: { leader: 'pg2', revision: 'x' } })]]).gate,
      'closed unconfirmed',
      'nor with another leader',
    )
  })

  t.test('the hold queue knows when to wake with very many in it', async t => {
    const queue = createHoldQueue(() => ({ maxHeld: 1_000_000, releaseRate: 100 }))
    for (let id = 1; id <= 200_000; id++)
      queue.enter({ id, since: ms(0), until: ms(1000 + id), notBefore: ms(0) }, false)
    t.equal(queue.wakeAt(false), 1001)
    t.same(
      queue.expire(ms(1002)).map(one => one.id),
      [1, 2],
    )
    t.equal(queue.wakeAt(false), 1003)
  })
})
