// Who is cut when the gate has moved, and what is told of it.

import t from 'tap'
import type { ClusterInput } from '../../../src/pools/cluster.js'
import { mustCut } from '../../../src/pools/cut.js'
import { createHoldQueue } from '../../../src/pools/hold.js'
import type { Topology } from '../../../src/topology/topology.js'
import { ms } from '../../../src/units/units.js'
import { type Line, member, news, play, primary, RUNNING, silent, topology } from './cluster-script.js'

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
