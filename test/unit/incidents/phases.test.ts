// The phases of an incident: their order, whose they are, and what began it.

import t from 'tap'
import type { Event } from '../../../src/events/event.js'
import { phasesOf, sharesOf } from '../../../src/incidents/phases.js'
import { incidentsOf } from '../../../src/incidents/state.js'
import { ms } from '../../../src/units/units.js'
import { closed, cut, demo, moved, opened, play, type Step, sign, wrote } from './script.js'

t.test('phases are in the order in which they happened, each from the one before', async t => {
  const [incident] = incidentsOf(
    play([
      [0, closed],
      [40, sign],
      [1000, moved],
      [1100, opened],
      [1150, wrote],
    ]).state,
  )
  t.ok(incident)
  t.strictSame(incident && phasesOf(incident).map(p => `${p.name} ${p.at} ${p.took}`), [
    'gate_closed 0 0',
    'first_sign 40 40',
    'key_moved 1000 960',
    'last_no 1080 80',
    'confirmed 1100 20',
    'first_write 1150 50',
  ])
})

t.test(
  "a leader that was down when its key went had been the first sign, and the wait for its lease was Patroni's",
  async t => {
    const down: Event = { kind: 'member_down', ...demo, member: 'pg1', why: 'timeout' }
    const gone: Event = { kind: 'leader_key_gone', ...demo, leader: 'pg1' }
    const steps: readonly Step[] = [
      [1000, down],
      [28_000, gone],
      [28_000, { ...closed, because: 'no_leader_key', why: 'no leader key' }],
      [29_000, moved],
      [30_000, opened],
      [30_010, wrote],
    ]
    const { lines, state } = play(steps)
    t.strictSame(lines, [
      '1 at 1000 [pg1 down: timeout] pg1 → pg2 lasted 29010: first_sign 0, key_gone 27000, gate_closed 27000, key_moved 28000, last_no 28980, confirmed 29000, first_write 29010; held 0 lost 0 cut 0 refused 0',
    ])
    const [incident] = incidentsOf(state)
    t.equal(incident?.cause, 'unreachable')
    t.strictSame(incident && sharesOf(incident), { mekare: 30, patroni: 28_980, nobody: 0 })
    const again = play([[1000, down], [2000, { kind: 'member_up', ...demo, member: 'pg1' }], ...steps.slice(1)])
    t.match(again.lines[0], /^1 at 28000 \[leader key gone\]/, 'it had come back meanwhile')
  },
)

t.test("the time until a first write that nobody had waited for is nobody's", async t => {
  const { state } = play([
    [0, sign],
    [0, closed],
    [1000, moved],
    [1100, opened],
    [6100, { ...wrote, held: ms(0) }],
  ])
  t.match(incidentsOf(state)[0], { cause: 'switchover', waited: false, lasted: 6100 })
  t.strictSame(incidentsOf(state).map(sharesOf), [{ mekare: 20, patroni: 1080, nobody: 5000 }])
})

t.test('what began it is one of a closed list', async t => {
  const cause = (event: Event) => incidentsOf(play([[0, event]]).state)[0]?.cause
  t.equal(cause(sign), 'switchover')
  t.equal(cause(moved), 'key_moved')
  t.equal(cause({ kind: 'leader_key_gone', ...demo, leader: 'pg1' }), 'key_gone')
  t.equal(cause({ ...closed, because: 'in_recovery' }), 'in_recovery')
  t.equal(cause({ ...closed, because: 'two_primaries' }), 'other')
  t.equal(cause({ ...cut, end: 'cut_in_recovery' }), 'in_recovery')
})
