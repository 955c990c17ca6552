// What sessions and newcomers lived through in a leader change: from when they count, and who is counted.

import t from 'tap'
import type { Event } from '../../../src/events/event.js'
import { gapsOf, phasesOf, sharesOf } from '../../../src/incidents/phases.js'
import { incidentsOf } from '../../../src/incidents/state.js'
import {
  answered,
  closed,
  cut,
  demo,
  ended,
  held,
  joined,
  loggedIn,
  moved,
  opened,
  play,
  refused,
  type Step,
  sign,
  WALL,
  wrote,
} from './script.js'

t.test('open sessions count from when the old leader ended them, newcomers from when the gate closed', async t => {
  const before: readonly Step[] = [[0, { ...opened, member: 'pg1' }]]
  const steps: readonly Step[] = [
    [990, ended('pg1', 'backend', { partedAgo: 0 })],
    [1000, sign],
    [1010, closed],
    [1020, ended('pg1', 'client')],
    [1030, ended('pg3', 'backend', { partedAgo: 0 })],
    [1200, ended('pg1', 'backend', { partedAgo: 0 })],
    [1201, ended('pg1', 'backend', { partedAgo: 0 })],
    [2300, moved],
    [2400, opened],
    [2410, wrote],
  ]
  const [incident] = incidentsOf(play([...before, ...steps]).state)
  if (incident === undefined) throw new Error('there is none')
  t.equal(incident.moments.sessions_lost, 200)
  t.strictSame(gapsOf(incident), { anew: 1400, open: 1210 })
  const sum = phasesOf(incident).reduce((total, { at, took }) => total + (at > 200 ? took : 0), 0)
  t.equal(sum, 1210, 'the phases after it add up to it')
  t.strictSame(gapsOf({ ...incident, waited: false }), { anew: 1390, open: 1200 }, 'nobody waited for the first write')
  t.strictSame(gapsOf({ ...incident, moments: {} }), {})
  t.equal(
    incidentsOf(play([...before, [5, closed], [6, cut]]).state)[0]?.moments.sessions_lost,
    1,
    'those we cut count',
  )
})

t.test(
  'sessions that the old leader ended are lost with it, those that died just before the first sign too',
  async t => {
    const before: readonly Step[] = [[0, { ...opened, member: 'pg1' }]]
    const unreachable: Event = { ...closed, because: 'unreachable', why: 'pg1 turns connections away' }
    const after: readonly Step[] = [
      [2300, moved],
      [2400, opened],
      [2410, ended('pg1', 'backend', { partedAgo: 0 })],
      [2420, wrote],
    ]
    const dead: readonly Step[] = [
      [1000, ended('pg1', 'backend', { partedAgo: 20 })],
      [1001, ended('pg1', 'backend_reset', { partedAgo: 1 })],
      [1002, ended('pg3', 'backend', { partedAgo: 0 })],
      [1003, ended('pg1', 'client')],
    ]
    const killed = play([
      ...before,
      ...dead,
      [1800, unreachable],
      [1805, ended('pg1', 'backend', { partedAgo: 10 })],
      ...after,
    ])
    t.strictSame(killed.lines, [
      '1 at 980 [pg1 turns connections away] pg1 → pg2 lasted 1440: sessions_lost 0, gate_closed 820, key_moved 1320, last_no 1400, confirmed 1420, first_write 1440; held 0 lost 3 cut 0 refused 0',
    ])
    t.match(incidentsOf(killed.state).map(gapsOf), [{ anew: 620, open: 1440 }])
    const told = incidentsOf(
      play([...before, [100, unreachable], [101, ended('pg1', 'backend', { partedAgo: 5 })]]).state,
    )
    t.match(told, [{ startedAt: WALL + 100, lost: 1, moments: { sessions_lost: 0 } }], 'told of after the first sign')
    const down: Event = { kind: 'member_down', ...demo, member: 'pg1', why: 'ECONNRESET' }
    const gone: Event = { kind: 'leader_key_gone', ...demo, leader: 'pg1' }
    t.match(play([...before, ...dead, [1900, down], [9000, gone]]).lines, [
      /^1 at 980 \[pg1 down: ECONNRESET\] .*: sessions_lost 0, first_sign 920, key_gone 8020; held 0 lost 2 /,
    ])
    t.match(
      play([...before, ...dead, [1800, sign], [1800, closed]]).lines,
      [/^1 at 1800 .* lost 0 /],
      'no switchover does that',
    )
    t.match(
      play([...before, ...dead, [4002, unreachable]]).lines,
      [/^1 at 4002 .* lost 0 /],
      'long before: another reason',
    )
    const trickle = Array.from({ length: 50 }, (_, i): Step => [i * 500, ended('pg1', 'backend', { partedAgo: 0 })])
    t.match(play([...before, ...trickle, [25_000, unreachable]]).lines, [/^1 at 2\d{4} .* lost [1-7] /], 'nor for ever')
  },
)

t.test(
  'the gap of an open session is from the last answer of the old leader until the first one of the new',
  async t => {
    const before: readonly Step[] = [[0, { ...opened, member: 'pg1' }]]
    const steps: readonly Step[] = [
      [1000, sign],
      [1000, closed],
      [1240, ended('pg1', 'client', { answeredAgo: 60, partedAgo: 10 })],
      [1245, ended('pg1', 'client', { answeredAgo: 63 })],
      [1250, ended('pg1', 'backend', { answeredAgo: 80, partedAgo: 30 })],
      [1260, ended('pg1', 'backend', { answeredAgo: 4000, partedAgo: 5 })],
      [2300, moved],
      [2400, opened],
      [2401, ended('pg1', 'backend', { answeredAgo: 0, partedAgo: 0 })],
      [2410, joined],
      [2425, loggedIn],
      [2475, answered],
      [2476, answered],
    ]
    const played = play([...before, ...steps])
    const [incident] = incidentsOf(played.state)
    if (incident === undefined) throw new Error('there is none')
    t.strictSame(played.ended, ['2475 incident_ended'])
    t.equal(incident.lasted, 1435)
    const { last_answer, sessions_lost, first_write, first_login, first_answer } = incident.moments
    t.strictSame({ last_answer, sessions_lost }, { last_answer: 182, sessions_lost: 220 }, 'of all sessions together')
    t.strictSame(
      { first_write, first_login, first_answer },
      { first_write: 1410, first_login: 1425, first_answer: 1435 },
    )
    t.strictSame(gapsOf(incident), { anew: 1410, open: 1253 })
    t.strictSame(sharesOf(incident), { mekare: 30, patroni: 1405, nobody: 0 }, 'logins and answers are not our time')
    t.strictSame(
      incidentsOf(play([...before, [0, closed], [5, ended('pg1', 'cut_leader_moved', { answeredAgo: 2 })]]).state)[0]
        ?.moments,
      { gate_closed: 0, last_answer: 3 },
      'those we cut count',
    )
  },
)

t.test('sessions of other listeners and malformed startups are not counted', async t => {
  const { lines } = play([
    [0, closed],
    [1, { ...held, listen: 'elsewhere' }],
    [2, { ...refused, end: 'refused_startup' }],
    [3, refused],
  ])
  t.match(lines[0], /lasted undefined: gate_closed 0; held 0 lost 0 cut 0 refused 1/)
})
