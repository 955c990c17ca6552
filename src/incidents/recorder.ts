// The flight recorder: builds incidents out of events and keeps the last ones. Input is an event and the time, output the
// next state and the events it makes. Knows no clock, no gate and no session; it only listens.

import type { Event } from '../events/event.js'
import type { ClosedBecause } from '../pools/gate.js'
import { type EpochMs, type Ms, ms } from '../units/units.js'
import type { Cause, Incident } from './incident.js'
import { type At, begin, change, counted, led, moment, type RecorderState, replace, upAgain } from './state.js'

/** An incident nobody wrote after ends this long after the gate reopened. */
const QUIET = ms(10_000)

/** Takes an event; gives `incident_ended` when it was the last of an incident. `wall` dates a new incident. */
export function step(state: RecorderState, event: Event, now: Ms, wall: EpochMs): [RecorderState, Event[]] {
  const at = { now, wall }
  switch (event.kind) {
    case 'first_sign': {
      const begun = begin(state, event.cluster, { cause: 'switchover', sign: event.sign }, at)
      return [moment(begun, event.cluster, 'first_sign', now), []]
    }
    case 'gate_closed': {
      const begun = begin(state, event.cluster, { cause: CAUSE_OF[event.because] ?? 'other', sign: event.why }, at)
      return [reclosed(begun, event.cluster, now), []]
    }
    case 'leader_key_gone': {
      const begun = begin(state, event.cluster, { cause: 'key_gone', sign: 'leader key gone' }, at, event.leader)
      const named = change(begun, event.cluster, i => ({ ...i, from: i.from ?? event.leader }))
      return [moment(named, event.cluster, 'key_gone', now), []]
    }
    case 'leader_changed':
      return [led(keyMoved(state, event, at), event.cluster, event.to), []]
    case 'gate_opened':
      return [led(reopened(state, event, now), event.cluster, event.member), []]
    case 'first_write': {
      const waited = change(state, event.cluster, i => ({ ...i, waited: event.held > 0 }))
      return end(moment(waited, event.cluster, 'first_write', now), event.cluster, now)
    }
    case 'session_held':
      return [counted(state, state.clusterOf(event.listen), 'held', 1), []]
    case 'session_refused': {
      if (!BY_INCIDENT.has(event.end)) return [state, []]
      return [counted(state, state.clusterOf(event.listen), 'refused', 1), []]
    }
    case 'session_ended':
      return [LOST.has(event.end) ? lost(state, state.clusterOf(event.listen), event.member, now) : state, []]
    case 'sessions_cut':
      return [lost(sessionsCut(state, event, at), event.cluster, event.member, now), []]
    case 'member_down': {
      const { cluster, member, why } = event
      return [{ ...state, down: [...upAgain(state, event), { cluster, member, why, since: now, wall }] }, []]
    }
    case 'member_up':
    case 'member_forgotten':
      return [{ ...state, down: upAgain(state, event) }, []]
    default:
      return [state, []]
  }
}

/** Ends those incidents whose gate reopened (or never closed) QUIET ago and that nobody wrote after. */
export function tick(state: RecorderState, now: Ms): [RecorderState, Event[]] {
  let current = state
  const events: Event[] = []
  for (const [cluster, { settledAt }] of state.open) {
    if (settledAt === undefined || now - settledAt < QUIET) continue
    const [next, ended] = end(current, cluster, settledAt)
    current = next
    events.push(...ended)
  }
  return [current, events]
}

/** When tick() has work again; undefined: not before the next event. */
export function wakeAt(state: RecorderState): Ms | undefined {
  const due = [...state.open.values()].flatMap(o => (o.settledAt === undefined ? [] : [o.settledAt + QUIET]))
  return due.length === 0 ? undefined : ms(Math.min(...due))
}

/** Refusals and cuts a leader change brings about; malformed startups and the like belong to nobody's incident. */
const BY_INCIDENT: ReadonlySet<string> = new Set(['refused_no_primary', 'refused_no_replica', 'refused_limit'])
const CUT_BY_INCIDENT: ReadonlySet<string> = new Set(['cut_leader_moved', 'cut_in_recovery', 'cut_promoted'])

/** Ends that the old leader brought about. */
const LOST: ReadonlySet<string> = new Set(['backend', 'backend_reset'])

/** An open session of the leader that is being replaced has ended. */
function lost(state: RecorderState, cluster: string | undefined, member: string | undefined, now: Ms): RecorderState {
  if (cluster === undefined || member === undefined) return state
  const incident = state.open.get(cluster)?.incident
  if (incident?.from !== member || incident.moments.confirmed !== undefined) return state
  return incident.moments.sessions_lost === undefined ? moment(state, cluster, 'sessions_lost', now) : state
}

const CAUSE_OF: Readonly<Partial<Record<ClosedBecause, Cause>>> = {
  failover_key: 'switchover',
  no_leader_key: 'key_gone',
  leader_unknown: 'key_moved',
  unconfirmed: 'key_moved',
  unreachable: 'unreachable',
  in_recovery: 'in_recovery',
}

/** The gate closed, for the first time or once more: a confirmation that came before no longer counts. */
function reclosed(state: RecorderState, cluster: string, now: Ms): RecorderState {
  return replace(moment(state, cluster, 'gate_closed', now), cluster, ({ incident, began }) => {
    const { confirmed: _, last_no: __, ...moments } = incident.moments
    return { incident: { ...incident, moments }, began }
  })
}

/** What stood against it until just before the gate reopened was Patroni's; from there on the time was ours. */
function reopened(state: RecorderState, { cluster, member, lastNo }: Of<'gate_opened'>, now: Ms): RecorderState {
  const no = lastNo === undefined ? state : moment(state, cluster, 'last_no', ms(now - lastNo))
  return replace(moment(no, cluster, 'confirmed', now), cluster, ({ incident, began }) => ({
    incident: { ...incident, to: member },
    began,
    settledAt: now,
  }))
}

type Of<K extends Event['kind']> = Extract<Event, { kind: K }>

/** The leader key of a cluster seen for the first time is no change. Of several moves in one incident the last one counts. */
function keyMoved(state: RecorderState, event: Of<'leader_changed'>, at: At): RecorderState {
  const { cluster, from, to } = event
  const why = { cause: 'key_moved', sign: `leader key: ${from} → ${to}` } as const
  const begun = from === undefined ? state : begin(state, cluster, why, at, from)
  const named = change(begun, cluster, incident => {
    const { key_moved: _, ...moments } = incident.moments
    const before = incident.from ?? from
    return { ...incident, to, moments, ...(before === undefined ? {} : { from: before }) }
  })
  return moment(named, cluster, 'key_moved', at.now)
}

function sessionsCut(state: RecorderState, event: Of<'sessions_cut'>, at: At): RecorderState {
  if (!CUT_BY_INCIDENT.has(event.end)) return state
  const cause = event.end === 'cut_in_recovery' ? 'in_recovery' : 'other'
  const begun = begin(state, event.cluster, { cause, sign: `sessions of ${event.member} cut: ${event.end}` }, at)
  return counted(begun, event.cluster, 'cut', event.count)
}

function end(state: RecorderState, cluster: string, at: Ms): [RecorderState, Event[]] {
  const over = state.open.get(cluster)
  if (over === undefined) return [state, []]
  const incident: Incident = { ...over.incident, lasted: ms(at - over.began) }
  const open = new Map(state.open)
  open.delete(cluster)
  return [
    { ...state, open, past: [...state.past, incident].slice(-state.keep) },
    [{ kind: 'incident_ended', cluster, incident }],
  ]
}
