// Events of a leader change with their times, played to the recorder, and an incident as one line. For the transcripts beside it.

import type { Event } from '../../../src/events/event.js'
import { phasesOf } from '../../../src/incidents/phases.js'
import { step, tick } from '../../../src/incidents/recorder.js'
import { incidentsOf, newRecorder } from '../../../src/incidents/state.js'
import { bytes, epochMs, ms } from '../../../src/units/units.js'

export type Step = readonly [at: number, event: Event | 'tick']

export const WALL = 1_800_000_000_000
export const demo = { cluster: 'demo' }
export const client = { listen: 'write', client: '10.0.0.7:1' }
export const sign = { kind: 'first_sign', ...demo, sign: 'failover key: pg1 → pg2' } satisfies Event
export const closed = {
  kind: 'gate_closed',
  ...demo,
  because: 'failover_key',
  why: 'switchover requested',
} satisfies Event
export const moved = { kind: 'leader_changed', ...demo, from: 'pg1', to: 'pg2' } satisfies Event
export const cut = {
  kind: 'sessions_cut',
  ...demo,
  listen: 'write',
  member: 'pg1',
  count: 7,
  end: 'cut_leader_moved',
} satisfies Event
export const held = { kind: 'session_held', ...client, why: 'gate closed' } satisfies Event
export const opened = {
  kind: 'gate_opened',
  ...demo,
  member: 'pg2',
  closedFor: ms(1400),
  lastNo: ms(20),
} satisfies Event
/** In an encrypted session, whose login nobody sees. */
export const wrote = { kind: 'first_write', ...demo, member: 'pg2', held: ms(1200), plaintext: false } satisfies Event
export const joined = { ...wrote, plaintext: true } satisfies Event
export const loggedIn = { kind: 'first_login', ...demo, member: 'pg2', took: ms(12) } satisfies Event
export const answered = { kind: 'first_answer', ...demo, member: 'pg2', ago: ms(40) } satisfies Event
export const refused = {
  kind: 'session_refused',
  ...client,
  end: 'refused_no_primary',
  message: 'no primary',
} satisfies Event

export function play(steps: readonly Step[]) {
  let state = newRecorder(listen => (listen === 'write' ? 'demo' : undefined), 50)
  const ended: string[] = []
  for (const [at, event] of steps) {
    const [next, events] = event === 'tick' ? tick(state, ms(at)) : step(state, event, ms(at), epochMs(WALL + at))
    state = next
    ended.push(...events.map(e => `${at} ${e.kind}`))
  }
  return { state, ended, lines: incidentsOf(state).map(incident => line(incident)) }
}

export function line(incident: ReturnType<typeof incidentsOf>[number]): string {
  const { number, from, to, lasted, startedAt } = incident
  const counts = `held ${incident.held} lost ${incident.lost} cut ${incident.cut} refused ${incident.refused}`
  const said = phasesOf(incident)
    .map(p => `${p.name} ${p.at}`)
    .join(', ')
  return `${number} at ${startedAt - WALL} [${incident.sign}] ${from} → ${to} lasted ${lasted}: ${said}; ${counts}`
}

export type Ended = Extract<Event, { kind: 'session_ended' }>
export type Ago = Partial<Record<'answeredAgo' | 'partedAgo', number>>
export const ended = (member: string, end: Ended['end'], ago: Ago = {}): Event => ({
  kind: 'session_ended',
  ...client,
  ...{ end, member, lasted: ms(1), fromClient: bytes(0), fromMember: bytes(0) },
  ...(ago as Pick<Ended, 'answeredAgo' | 'partedAgo'>),
})

export const change: readonly Step[] = [
  [0, sign],
  [0, closed],
  [1000, moved],
  [1100, opened],
  [1110, wrote],
]
