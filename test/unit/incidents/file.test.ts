// The file of incidents: what is written is read as it was, and what is none is refused.

import t from 'tap'
import { mergeIncidents, readIncidents, writeIncidents } from '../../../src/incidents/file.js'
import type { Incident } from '../../../src/incidents/incident.js'
import { phasesOf } from '../../../src/incidents/phases.js'
import { step } from '../../../src/incidents/recorder.js'
import { incidentsOf, newRecorder } from '../../../src/incidents/state.js'
import { epochMs, ms } from '../../../src/units/units.js'
import { change, closed, play, WALL } from './script.js'

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
