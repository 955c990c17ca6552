// Members that appear, change, go and come back.

import t from 'tap'
import { probePeriod } from '../../../src/pools/cluster.js'
import { ms } from '../../../src/units/units.js'
import { member, news, play, primary, RUNNING, refused, SETTINGS, silent } from './cluster-script.js'

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
