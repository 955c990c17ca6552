// The flight recorder, as transcripts: events with their times go in, incidents come out.

import t from 'tap'
import type { Event } from '../../src/events/event.js'
import { phasesOf } from '../../src/incidents/phases.js'
import { incidentsOf, newRecorder, step, tick, wakeAt } from '../../src/incidents/recorder.js'
import { epochMs, ms } from '../../src/units/units.js'

type Step = readonly [at: number, event: Event | 'tick']

const WALL = 1_800_000_000_000
const demo = { cluster: 'demo' }
const client = { listen: 'write', client: '10.0.0.7:1' }
const sign: Event = { kind: 'first_sign', ...demo, sign: 'failover key: pg1 → pg2' }
const closed: Event = { kind: 'gate_closed', ...demo, why: 'switchover requested' }
const moved: Event = { kind: 'leader_changed', ...demo, from: 'pg1', to: 'pg2' }
const cut: Event = { kind: 'sessions_cut', ...demo, listen: 'write', member: 'pg1', count: 7, end: 'cut_leader_moved' }
const held: Event = { kind: 'session_held', ...client, why: 'gate closed' }
const opened: Event = { kind: 'gate_opened', ...demo, member: 'pg2', closedFor: ms(1400) }
const wrote: Event = { kind: 'first_write', ...demo, member: 'pg2', held: ms(1200) }
const refused: Event = { kind: 'session_refused', ...client, end: 'refused_no_primary', message: 'no primary' }

function play(steps: readonly Step[]) {
  let state = newRecorder(new Map([['write', 'demo']]))
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
  const counts = `held ${incident.held} cut ${incident.cut} refused ${incident.refused}`
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
    '1 at 1000 [failover key: pg1 → pg2] pg1 → pg2 lasted 1410: first_sign 0, gate_closed 0, key_moved 1300, confirmed 1400, first_write 1410; held 2 cut 7 refused 0',
  ])
})

t.test('a dead primary: the key goes first, who waits too long is refused and counted', async t => {
  const { lines } = play([
    [0, { kind: 'leader_key_gone', ...demo, leader: 'pg1' }],
    [0, { ...closed, why: 'leader key gone' }],
    [10, held],
    [45_010, refused],
    [46_000, moved],
    [46_000, cut],
    [46_500, opened],
    [46_510, wrote],
  ])
  t.strictSame(lines, [
    '1 at 0 [leader key gone] pg1 → pg2 lasted 46510: gate_closed 0, key_gone 0, key_moved 46000, confirmed 46500, first_write 46510; held 1 cut 7 refused 1',
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
  t.match(lines[0], /lasted 500: gate_closed 0, confirmed 500;/)
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

t.test('a failover key that is emptied again closes and reopens to the same member', async t => {
  const { lines } = play([
    [0, sign],
    [0, closed],
    [300, { ...opened, member: 'pg1' }],
    [350, { ...wrote, member: 'pg1' }],
  ])
  t.match(lines[0], /undefined → pg1 lasted 350: first_sign 0, gate_closed 0, confirmed 300, first_write 350;/)
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
  t.match(lines[0], /lasted 31001: gate_closed 0, key_moved 30000, confirmed 31000, first_write 31001;/)
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
    t.match(lines[0], /pg1 → pg3 lasted 960: gate_closed 0, key_moved 900, confirmed 950, first_write 960;/)
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
  t.match(lines[0], /lasted undefined: gate_closed 0; held 0 cut 0 refused 1/)
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
    'confirmed 1100 100',
    'first_write 1150 50',
  ])
})
