// The flight recorder, as transcripts: events with their times go in, incidents come out.

import t from 'tap'
import { wakeAt } from '../../../src/incidents/recorder.js'
import { incidentsOf } from '../../../src/incidents/state.js'
import { wayWords } from '../../../src/incidents/words.js'
import {
  answered,
  closed,
  cut,
  demo,
  held,
  joined,
  loggedIn,
  moved,
  opened,
  play,
  refused,
  type Step,
  sign,
  wrote,
} from './script.js'

t.test('a planned switchover, from the failover key to the first write', async t => {
  const { ended, lines } = play([
    [1000, sign],
    [1000, closed],
    [1200, held],
    [1300, held],
    [2300, moved],
    [2300, cut],
    [2400, opened],
    [2410, wrote],
    [2420, held],
  ])
  t.strictSame(ended, ['2410 incident_ended'])
  t.strictSame(lines, [
    '1 at 1000 [failover key: pg1 → pg2] pg1 → pg2 lasted 1410: first_sign 0, gate_closed 0, key_moved 1300, sessions_lost 1300, last_no 1380, confirmed 1400, first_write 1410; held 2 lost 0 cut 7 refused 0',
  ])
})

t.test('nobody logs in, or asks: the incident ends without; a gate that closes first voids what was', async t => {
  const begun: readonly Step[] = [
    [0, closed],
    [500, opened],
    [510, joined],
  ]
  const quiet = play([...begun, [10_509, 'tick'], [10_510, 'tick']])
  t.strictSame(quiet.ended, ['10510 incident_ended'])
  t.match(quiet.lines, [/lasted 510: .* first_write 510;/])
  const idle = play([...begun, [530, loggedIn], [1529, 'tick'], [1530, 'tick']])
  t.strictSame(idle.ended, ['1530 incident_ended'])
  t.match(idle.lines, [/lasted 530: .* first_login 530;/])
  const again = play([...begun, [515, closed], [520, answered], [600, opened], [610, joined], [620, loggedIn]])
  t.match(again.lines, [/lasted undefined: .*confirmed 600, first_write 610, first_login 620;/])
})

t.test('a dead primary: the key goes first, who waits too long is refused and counted', async t => {
  const { lines } = play([
    [0, { kind: 'leader_key_gone', ...demo, leader: 'pg1' }],
    [0, { ...closed, because: 'no_leader_key', why: 'leader key gone' }],
    [10, held],
    [45_010, refused],
    [46_000, moved],
    [46_000, cut],
    [46_500, opened],
    [46_510, wrote],
  ])
  t.strictSame(lines, [
    '1 at 0 [leader key gone] pg1 → pg2 lasted 46510: key_gone 0, gate_closed 0, key_moved 46000, sessions_lost 46000, last_no 46480, confirmed 46500, first_write 46510; held 1 lost 0 cut 7 refused 1',
  ])
})

t.test('nobody writes: the incident ends ten seconds after the gate reopened, and lasted until it did', async t => {
  const { ended, lines, state } = play([
    [0, closed],
    [500, opened],
    [10_499, 'tick'],
    [10_500, 'tick'],
  ])
  t.strictSame(ended, ['10500 incident_ended'])
  t.match(lines[0], /lasted 500: gate_closed 0, last_no 480, confirmed 500;/)
  t.equal(wakeAt(state), undefined)
})

t.test('wakeAt tells when the quiet end is due, and nothing while the gate is closed', async t => {
  t.equal(wakeAt(play([[0, closed]]).state), undefined)
  t.equal(
    wakeAt(
      play([
        [0, closed],
        [500, opened],
      ]).state,
    ),
    10_500,
  )
})

t.test('who led is known from the first sign on; who stays is told to stay', async t => {
  const before: readonly Step[] = [[0, { ...opened, member: 'pg1' }]]
  t.match(play([...before, [100, sign]]).lines[0], /pg1 → undefined lasted undefined/)
  const { state } = play([...before, [100, sign], [100, closed], [200, { ...opened, member: 'pg1' }], [201, wrote]])
  t.strictSame(incidentsOf(state).map(wayWords), ['pg1 stays'])
})

t.test('a failover key that is emptied again closes and reopens to the same member', async t => {
  const { lines } = play([
    [0, sign],
    [0, closed],
    [300, { ...opened, member: 'pg1' }],
    [350, { ...wrote, member: 'pg1' }],
  ])
  t.match(
    lines[0],
    /undefined → pg1 lasted 350: first_sign 0, gate_closed 0, last_no 280, confirmed 300, first_write 350;/,
  )
})

t.test('a gate that closes once more before a write stays one incident; its first confirmation is void', async t => {
  const { lines, ended } = play([
    [0, closed],
    [100, opened],
    [200, closed],
    [20_000, 'tick'],
    [30_000, moved],
    [31_000, opened],
    [31_001, wrote],
  ])
  t.strictSame(ended, ['31001 incident_ended'])
  t.match(lines[0], /lasted 31001: gate_closed 0, key_moved 30000, last_no 30980, confirmed 31000, first_write 31001;/)
})

t.test(
  'of two moves of the leader key in one incident the last one counts, and the first leader is where it came from',
  async t => {
    const { lines } = play([
      [0, closed],
      [100, moved],
      [900, { kind: 'leader_changed', ...demo, from: 'pg2', to: 'pg3' }],
      [950, { ...opened, member: 'pg3' }],
      [960, { ...wrote, member: 'pg3' }],
    ])
    t.match(
      lines[0],
      /pg1 → pg3 lasted 960: gate_closed 0, key_moved 900, last_no 930, confirmed 950, first_write 960;/,
    )
  },
)

t.test('a start is no incident: first leader, first opening, first write', async t => {
  const { lines } = play([
    [0, { kind: 'leader_changed', ...demo, to: 'pg1' }],
    [10, { ...opened, member: 'pg1' }],
    [20, { ...wrote, member: 'pg1' }],
    [30, held],
    [40, { ...cut, end: 'cut_shutdown' }],
  ])
  t.strictSame(lines, [])
})

t.test('two clusters have an incident each, numbered in order; under way ones come last', async t => {
  const { lines } = play([
    [0, closed],
    [5, { ...closed, cluster: 'other' }],
    [100, opened],
    [110, wrote],
  ])
  t.equal(lines.length, 2)
  t.match(lines[0], /^1 at 0/)
  t.match(lines[1], /^2 at 5 .* lasted undefined/)
})

t.test('the last fifty are kept', async t => {
  const steps = Array.from({ length: 60 }, (_, i): Step[] => [
    [i * 10, closed],
    [i * 10 + 1, opened],
    [i * 10 + 2, wrote],
  ])
  const kept = incidentsOf(play(steps.flat()).state)
  t.equal(kept.length, 50)
  t.equal(kept[0]?.number, 11)
  t.equal(kept.at(-1)?.number, 60)
})
