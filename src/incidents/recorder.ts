// The flight recorder: builds incidents out of events and keeps the last ones. Input is an event and the time, output the
// next state and the events it makes. Knows no clock, no gate and no session; it only listens.

import type { Event } from '../events/event.js'
import type { ClosedBecause } from '../pools/gate.js'
import { type EpochMs, type Ms, ms } from '../units/units.js'
import type { Cause, Incident } from './incident.js'
import {
  type At,
  begin,
  change,
  counted,
  endedByMember,
  led,
  moment,
  type Open,
  type RecorderState,
  replace,
  TOLD_WITHIN,
  upAgain,
} from './state.js'

/** An incident nobody wrote after ends this long after the gate reopened. */
const QUIET = ms(10_000)
/** So long after the first login: one that asks for nothing is not waited for. */
const UNASKED = ms(1000)

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
      const written = moment(waited, event.cluster, 'first_write', now)
      return event.plaintext ? [written, []] : end(written, event.cluster, now)
    }
    case 'first_login': {
      if (state.open.get(event.cluster)?.incident.moments.first_write === undefined) return [state, []]
      return [moment(state, event.cluster, 'first_login', now), []]
    }
    case 'first_answer': {
      if (state.open.get(event.cluster)?.incident.moments.first_login === undefined) return [state, []]
      const answeredAt = ms(now - event.ago)
      return end(moment(state, event.cluster, 'first_answer', answeredAt), event.cluster, answeredAt)
    }
    case 'session_held':
      return [counted(state, state.clusterOf(event.listen), 'held', 1), []]
    case 'session_refused': {
      if (!BY_INCIDENT.has(event.end)) return [state, []]
      return [counted(state, state.clusterOf(event.listen), 'refused', 1), []]
    }
    case 'session_ended':
      return [sessionEnded(state, event, now), []]
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

/** When an incident of which nothing but a first write is awaited ends without. */
function quietEnd({ incident, settledAt }: Open): Ms | undefined {
  if (settledAt === undefined) return undefined
  return ms(settledAt + (incident.moments.first_login === undefined ? QUIET : UNASKED))
}

/** Ends those incidents whose gate reopened (or never closed) QUIET ago and that nobody wrote after, or that nobody asked after. */
export function tick(state: RecorderState, now: Ms): [RecorderState, Event[]] {
  let current = state
  const events: Event[] = []
  for (const [cluster, open] of state.open) {
    const due = quietEnd(open)
    if (due === undefined || now < due) continue
    const [next, ended] = end(current, cluster, open.settledAt ?? due)
    current = next
    events.push(...ended)
  }
  return [current, events]
}

/** When tick() has work again; undefined: not before the next event. */
export function wakeAt(state: RecorderState): Ms | undefined {
  const due = [...state.open.values()].flatMap(open => quietEnd(open) ?? [])
  return due.length === 0 ? undefined : ms(Math.min(...due))
}

/** Refusals and cuts a leader change brings about; malformed startups and the like belong to nobody's incident. */
const BY_INCIDENT: ReadonlySet<string> = new Set(['refused_no_primary', 'refused_no_replica', 'refused_limit'])
/** Whoever closed first: a member that ends a session says so before, and a client may be quick. */
const UNCUT: ReadonlySet<string> = new Set(['backend', 'backend_reset', 'client', 'client_reset'])
const CUT_BY_INCIDENT: ReadonlySet<string> = new Set(['cut_leader_moved', 'cut_in_recovery', 'cut_promoted'])

/** When its member began to end it, if it did, and last answered it is told once it is over. An answer counts whoever ended it. */
function sessionEnded(state: RecorderState, event: Of<'session_ended'>, now: Ms): RecorderState {
  const { listen, member, partedAgo, answeredAgo } = event
  const cluster = state.clusterOf(listen)
  if (cluster === undefined || member === undefined) return state
  const died = partedAgo !== undefined && UNCUT.has(event.end) ? ms(now - partedAgo) : undefined
  if (!state.open.has(cluster)) return died === undefined ? state : endedByMember(state, { cluster, member }, died)
  const mourned = died === undefined ? state : countedLost(state, cluster, member, died)
  const parted = partedAgo === undefined ? mourned : lost(mourned, cluster, member, ms(now - partedAgo))
  if (answeredAgo === undefined) return parted
  return ofOldLeader(parted, cluster, member, ms(now - answeredAgo), (moments, last_answer) => ({
    ...moments,
    last_answer: ms(Math.max(last_answer, moments.last_answer ?? 0)),
  }))
}

/** A session of the leader that is being replaced was ended by it. One that died with it may be told of just after the incident began. */
function countedLost(state: RecorderState, cluster: string, member: string, died: Ms): RecorderState {
  return replace(state, cluster, open => {
    const { incident, began } = open
    const { from, cause, moments } = incident
    const late = cause !== 'switchover' && began - died <= TOLD_WITHIN
    const since = late ? Math.max(0, died - began) : died - began
    if (from !== member || since < 0 || since > (moments.confirmed ?? since)) return open
    const first = { sessions_lost: ms(Math.min(since, moments.sessions_lost ?? since)) }
    return { ...open, incident: { ...incident, moments: { ...moments, ...first }, lost: incident.lost + 1 } }
  })
}

/** Open sessions of the leader that is being replaced have begun to end. */
function lost(state: RecorderState, cluster: string, member: string, at: Ms): RecorderState {
  return ofOldLeader(state, cluster, member, at, (moments, sessions_lost) => ({
    ...moments,
    sessions_lost: ms(Math.min(sessions_lost, moments.sessions_lost ?? sessions_lost)),
  }))
}

type Moments = Incident['moments']

/** Changes the moments by one of the leader that is being replaced, if it came between the beginning and the new one's word. */
function ofOldLeader(
  state: RecorderState,
  cluster: string,
  member: string,
  at: Ms,
  next: (moments: Moments, since: Ms) => Moments,
): RecorderState {
  return replace(state, cluster, open => {
    const { incident, began } = open
    const since = ms(at - began)
    const { from, moments } = incident
    if (from !== member || since < 0 || since > (moments.confirmed ?? since)) return open
    return { ...open, incident: { ...incident, moments: next(moments, since) } }
  })
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
    const { confirmed: _, last_no: __, first_write: ___, first_login: ____, ...moments } = incident.moments
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
