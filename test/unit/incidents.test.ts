// The flight recorder, as transcripts: events with their times go in, incidents come out.

import t from 'tap'
import type { Event } from '../../src/events/event.js'
import { mergeIncidents, readIncidents, writeIncidents } from '../../src/incidents/file.js'
import type { Incident } from '../../src/incidents/incident.js'
import { gapsOf, phasesOf, sharesOf } from '../../src/incidents/phases.js'
import { step, tick, wakeAt } from '../../src/incidents/recorder.js'
import { incidentsOf, newRecorder } from '../../src/incidents/state.js'
import { wayWords } from '../../src/incidents/words.js'
import { bytes, epochMs, ms } from '../../src/units/units.js'

type Step = readonly [at: number, event: Event | 'tick']

const WALL = 1_800_000_000_000
const demo = { cluster: 'demo' }
const client = { listen: 'write', client: '10.0.0.7:1' }
const sign: Event = { kind: 'first_sign', ...demo, sign: 'failover key: pg1 → pg2' }
const closed: Event = { kind: 'gate_closed', ...demo, because: 'failover_key', why: 'switchover requested' }
const moved: Event = { kind: 'leader_changed', ...demo, from: 'pg1', to: 'pg2' }
const cut: Event = { kind: 'sessions_cut', ...demo, listen: 'write', member: 'pg1', count: 7, end: 'cut_leader_moved' }
const held: Event = { kind: 'session_held', ...client, why: 'gate closed' }
const opened: Event = { kind: 'gate_opened', ...demo, member: 'pg2', closedFor: ms(1400), lastNo: ms(20) }
/** In an encrypted session, whose login nobody sees. */
const wrote: Event = { kind: 'first_write', ...demo, member: 'pg2', held: ms(1200), plaintext: false }
const joined: Event = { ...wrote, plaintext: true }
const loggedIn: Event = { kind: 'first_login', ...demo, member: 'pg2', took: ms(12) }
const answered: Event = { kind: 'first_answer', ...demo, member: 'pg2', ago: ms(40) }
const refused: Event = { kind: 'session_refused', ...client, end: 'refused_no_primary', message: 'no primary' }

function play(steps: readonly Step[]) {
  let state = newRecorder(listen => (listen === 'write' ? 'demo' : undefined), 50)
  const ended: string[] = []
  for (const [at, event] of steps) {
    const [next, events] = event === 'tick' ? tick(state, ms(at)) : step(state, event, ms(at), epochMs(WALL + at))
    state = next
    ended.push(...events.map(e => `${at} ${e.kind}`))
  }
  return { state, ended, lines: incidentsOf(state).map(incident => line(incident)) }
}

function line(incident: ReturnType<typeof incidentsOf>[number]): string {
  const { number, from, to, lasted, startedAt } = incident
  const counts = `held ${incident.held} lost ${incident.lost} cut ${incident.cut} refused ${incident.refused}`
  const said = phasesOf(incident)
    .map(p => `${p.name} ${p.at}`)
    .join(', ')
  return `${number} at ${startedAt - WALL} [${incident.sign}] ${from} → ${to} lasted ${lasted}: ${said}; ${counts}`
}

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

type Ended = Extract<Event, { kind: 'session_ended' }>
type Ago = Partial<Record<'answeredAgo' | 'partedAgo', number>>
const ended = (member: string, end: Ended['end'], ago: Ago = {}): Event => ({
  kind: 'session_ended',
  ...client,
  ...{ end, member, lasted: ms(1), fromClient: bytes(0), fromMember: bytes(0) },
  ...(ago as Pick<Ended, 'answeredAgo' | 'partedAgo'>),
})

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

t.test('sessions of other listeners and malformed startups are not counted', async t => {
  const { lines } = play([
    [0, closed],
    [1, { ...held, listen: 'elsewhere' }],
    [2, { ...refused, end: 'refused_startup' }],
    [3, refused],
  ])
  t.match(lines[0], /lasted undefined: gate_closed 0; held 0 lost 0 cut 0 refused 1/)
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

const change: readonly Step[] = [
  [0, sign],
  [0, closed],
  [1000, moved],
  [1100, opened],
  [1110, wrote],
]

t.test('incidents outlive a restart: what is written is read as it was, and numbers go on', async t => {
  const past = incidentsOf(play(change).state)
  const read = readIncidents(writeIncidents(past))
  t.strictSame(read, { ok: true, incidents: past, dropped: 0 })
  t.strictSame(read.ok && read.incidents.map(phasesOf), past.map(phasesOf), 'the order of moments too')
  const [state] = step(
    newRecorder(() => undefined, 50, past),
    closed,
    ms(0),
    epochMs(WALL),
  )
  t.strictSame(
    incidentsOf(state).map(({ number }) => number),
    [1, 2],
  )
})

t.test('an incident that a restart broke off says so, and lasted as far as it was seen', async t => {
  const read = readIncidents(writeIncidents(incidentsOf(play(change.slice(0, 3)).state)))
  t.match(read, { incidents: [{ lasted: 1000, interrupted: true, moments: { key_moved: 1000 } }] })
})

t.test('a file of another kind is refused with the reason; entries that are no incidents are left out', async t => {
  t.strictSame(readIncidents(''), { ok: false, why: 'is not JSON' })
  t.strictSame(readIncidents('{"incidents": 7}'), { ok: false, why: 'holds no list of incidents' })
  t.strictSame(readIncidents('[]'), { ok: false, why: 'holds no list of incidents' })
  const good = incidentsOf(play(change).state)[0]
  const odd = {
    ...good,
    number: 2,
    cause: 'of a later version',
    moments: { ...good?.moments, later: 5, key_gone: -1 },
    held: 'x',
  }
  const text = JSON.stringify({
    version: 9,
    incidents: [good, null, [], { number: 'x' }, { ...good, moments: 3 }, odd],
  })
  t.match(readIncidents(text), {
    ok: true,
    dropped: 4,
    incidents: [good, { cause: 'other', held: 0, moments: good?.moments ?? {} }],
  })
})

t.test('two routers write one file: each keeps what the other wrote, and the end that one of them saw', async t => {
  const one = (startedAt: number, more: Partial<Incident> = {}): Incident => {
    const [seen] = incidentsOf(play(change).state)
    if (seen === undefined) throw new Error('no incident')
    return { ...seen, startedAt: epochMs(startedAt), ...more }
  }
  const cutShort = one(5, { interrupted: true, lasted: ms(10) })
  t.strictSame(mergeIncidents([one(5), one(1)], [cutShort, one(9)], 50), [one(1), one(5), one(9)])
  t.strictSame(mergeIncidents([cutShort], [one(5)], 50), [one(5)])
  t.strictSame(mergeIncidents([one(1), one(2)], [one(3)], 2), [one(2), one(3)])
  t.strictSame(mergeIncidents([one(1)], [one(1, { cluster: 'other' })], 50).length, 2)
})
