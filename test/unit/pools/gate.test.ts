// The gate in scripts: when it opens and closes, with etcd and without, and what does not move it.

import t from 'tap'
import type { ClusterInput } from '../../../src/pools/cluster.js'
import { mustCut } from '../../../src/pools/cut.js'
import { gateWords } from '../../../src/pools/gate.js'
import { ms } from '../../../src/units/units.js'
import {
  ALL,
  dialFailed,
  type Line,
  news,
  play,
  primary,
  RUNNING,
  recovery,
  refused,
  SETTINGS,
  silent,
  timeout,
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

t.test(
  'after the gate has opened the first write, its login and its answer are told once each, of sessions to write alone',
  async t => {
    const to = { member: 'pg1', took: ms(5), heldFor: ms(0), plaintext: true } as const
    const joined = (role: 'primary' | 'replica', plaintext = true): ClusterInput => ({
      kind: 'joined',
      ...to,
      role,
      plaintext,
    })
    const loggedIn: ClusterInput = { kind: 'logged_in', ...to, role: 'primary' }
    const answered: ClusterInput = { kind: 'answered', member: 'pg1', ago: ms(3) }
    const told = (...inputs: readonly ClusterInput[]) => {
      const { events } = play([...RUNNING, ...inputs.map((input, i): Line => [100 + i, input])])
      return events.map(({ kind }) => kind).filter(kind => kind.startsWith('first_'))
    }
    const all = ['first_write', 'first_login', 'first_answer']
    t.strictSame(told(answered, loggedIn, joined('replica'), joined('primary'), loggedIn, answered), all)
    t.strictSame(told(joined('primary'), joined('primary'), loggedIn, loggedIn, answered, answered), all)
    t.strictSame(told(joined('primary', false), loggedIn, answered), ['first_write'], 'an encrypted one shows no login')
  },
)
