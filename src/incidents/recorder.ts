// The flight recorder: builds incidents out of events and keeps the last ones. Input is an event and the time, output the
// next state and the events it makes. Knows no clock, no gate and no session; it only listens.

import type { Event } from '../events/event.js'
import { type EpochMs, type Ms, ms } from '../units/units.js'
import type { Incident, Moment } from './incident.js'

const KEEP = 50
/** An incident nobody wrote after ends this long after the gate reopened. */
const QUIET = ms(10_000)

interface Open {
  readonly incident: Incident
  readonly began: Ms
  /** Set while nothing more is awaited but a first write: since when. */
  readonly settledAt?: Ms
}

export interface RecorderState {
  /** Listener to cluster. Sessions of listeners not in it are not counted. */
  readonly clusterOf: ReadonlyMap<string, string>
  readonly next: number
  /** Under way, by cluster: at most one each. */
  readonly open: ReadonlyMap<string, Open>
  /** Ended ones, oldest first. */
  readonly past: readonly Incident[]
}

/** A recorder that has seen nothing. `clusterOf` names the cluster of each listener whose sessions are to be counted. */
export function newRecorder(clusterOf: ReadonlyMap<string, string>): RecorderState {
  return { clusterOf, next: 1, open: new Map(), past: [] }
}

/** All incidents kept, oldest first; those under way come last and have no `lasted`. */
export function incidentsOf(state: RecorderState): readonly Incident[] {
  return [...state.past, ...[...state.open.values()].map(o => o.incident)]
}

/** Takes an event; gives `incident_ended` when it was the last of an incident. `wall` dates a new incident. */
export function step(state: RecorderState, event: Event, now: Ms, wall: EpochMs): [RecorderState, Event[]] {
  switch (event.kind) {
    case 'first_sign':
      return [moment(begin(state, event.cluster, event.sign, now, wall), event.cluster, 'first_sign', now), []]
    case 'gate_closed':
      return [reclosed(begin(state, event.cluster, event.why, now, wall), event.cluster, now), []]
    case 'leader_key_gone': {
      const begun = begin(state, event.cluster, 'leader key gone', now, wall)
      const named = change(begun, event.cluster, i => ({ ...i, from: i.from ?? event.leader }))
      return [moment(named, event.cluster, 'key_gone', now), []]
    }
    case 'leader_changed':
      return [keyMoved(state, event, now, wall), []]
    case 'gate_opened':
      return [reopened(state, event.cluster, event.member, now), []]
    case 'first_write':
      return end(moment(state, event.cluster, 'first_write', now), event.cluster, now)
    case 'session_held':
      return [counted(state, state.clusterOf.get(event.listen), 'held', 1), []]
    case 'session_refused': {
      if (!BY_INCIDENT.has(event.end)) return [state, []]
      return [counted(state, state.clusterOf.get(event.listen), 'refused', 1), []]
    }
    case 'sessions_cut':
      return [sessionsCut(state, event, now, wall), []]
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

function begin(state: RecorderState, cluster: string, sign: string, now: Ms, wall: EpochMs): RecorderState {
  if (state.open.has(cluster)) return state
  const counts = { held: 0, cut: 0, refused: 0 }
  const incident: Incident = { number: state.next, cluster, startedAt: wall, sign, moments: {}, ...counts }
  const open = new Map(state.open).set(cluster, { incident, began: now, settledAt: now })
  return { ...state, next: state.next + 1, open }
}

function replace(state: RecorderState, cluster: string, next: (open: Open) => Open): RecorderState {
  const open = state.open.get(cluster)
  return open === undefined ? state : { ...state, open: new Map(state.open).set(cluster, next(open)) }
}

function change(state: RecorderState, cluster: string, next: (incident: Incident) => Incident): RecorderState {
  return replace(state, cluster, open => ({ ...open, incident: next(open.incident) }))
}

/** Notes a moment once; its first time stands. While the gate is not closed it also puts the quiet end off. */
function moment(state: RecorderState, cluster: string, which: Moment, now: Ms): RecorderState {
  return replace(state, cluster, open => {
    const { incident, began } = open
    const moments = { [which]: ms(now - began), ...incident.moments }
    const settled = open.settledAt === undefined ? {} : { settledAt: now }
    return { incident: { ...incident, moments }, began, ...settled }
  })
}

/** The gate closed, for the first time or once more: a confirmation that came before no longer counts. */
function reclosed(state: RecorderState, cluster: string, now: Ms): RecorderState {
  return replace(moment(state, cluster, 'gate_closed', now), cluster, ({ incident, began }) => {
    const { confirmed: _, ...moments } = incident.moments
    return { incident: { ...incident, moments }, began }
  })
}

function reopened(state: RecorderState, cluster: string, member: string, now: Ms): RecorderState {
  return replace(moment(state, cluster, 'confirmed', now), cluster, ({ incident, began }) => ({
    incident: { ...incident, to: member },
    began,
    settledAt: now,
  }))
}

type Of<K extends Event['kind']> = Extract<Event, { kind: K }>

/** The leader key of a cluster seen for the first time is no change. Of several moves in one incident the last one counts. */
function keyMoved(state: RecorderState, event: Of<'leader_changed'>, now: Ms, wall: EpochMs): RecorderState {
  const { cluster, from, to } = event
  const sign = `leader key: ${from} → ${to}`
  const begun = from === undefined ? state : begin(state, cluster, sign, now, wall)
  const named = change(begun, cluster, incident => {
    const { key_moved: _, ...moments } = incident.moments
    const before = incident.from ?? from
    return { ...incident, to, moments, ...(before === undefined ? {} : { from: before }) }
  })
  return moment(named, cluster, 'key_moved', now)
}

function sessionsCut(state: RecorderState, event: Of<'sessions_cut'>, now: Ms, wall: EpochMs): RecorderState {
  if (!CUT_BY_INCIDENT.has(event.end)) return state
  const begun = begin(state, event.cluster, `sessions of ${event.member} cut: ${event.end}`, now, wall)
  return counted(begun, event.cluster, 'cut', event.count)
}

function counted(state: RecorderState, cluster: string | undefined, what: 'held' | 'cut' | 'refused', by: number) {
  return cluster === undefined ? state : change(state, cluster, i => ({ ...i, [what]: i[what] + by }))
}

function end(state: RecorderState, cluster: string, at: Ms): [RecorderState, Event[]] {
  const over = state.open.get(cluster)
  if (over === undefined) return [state, []]
  const incident: Incident = { ...over.incident, lasted: ms(at - over.began) }
  const open = new Map(state.open)
  open.delete(cluster)
  return [
    { ...state, open, past: [...state.past, incident].slice(-KEEP) },
    [{ kind: 'incident_ended', cluster, incident }],
  ]
}
