// What the flight recorder knows, and the strokes its rules are made of: an incident begins, gets a moment, is counted for, ends.
// Knows no event.

import { type EpochMs, epochMs, type Ms, ms } from '../units/units.js'
import type { Incident, Moment } from './incident.js'

export interface Open {
  readonly incident: Incident
  readonly began: Ms
  /** Set while nothing more is awaited but a first write: since when. */
  readonly settledAt?: Ms
}

/** A member that went down, and when: of a leader that is then replaced, it was the first sign. */
interface Down extends Named {
  readonly why: string
  readonly since: Ms
  readonly wall: EpochMs
}

interface Named {
  readonly cluster: string
  readonly member: string
}

/** Sessions that one member ended itself, one soon after the other. Of a leader that is then replaced, they died with it. */
interface Burst extends Named {
  readonly first: Ms
  readonly last: Ms
  readonly count: number
}

/** Between two ends of one burst, at most. */
const APART = ms(1000)
/** Between a leader's death and what tells of it, at most: a probe each second, its time limit, and what a busy machine adds. */
export const TOLD_WITHIN = ms(3000)

export interface RecorderState {
  /** Listener to cluster, now. Sessions of listeners it does not know are not counted. */
  readonly clusterOf: (listen: string) => string | undefined
  /** How many ended ones are kept. */
  readonly keep: number
  readonly down: readonly Down[]
  /** The latest of each member, while it may be a sign. */
  readonly bursts: readonly Burst[]
  /** By cluster: who was the primary, or named by the leader key, last. */
  readonly leaders: ReadonlyMap<string, string>
  readonly next: number
  /** Under way, by cluster: at most one each. */
  readonly open: ReadonlyMap<string, Open>
  /** Ended ones, oldest first. */
  readonly past: readonly Incident[]
}

/**
 * A recorder that knows those of `past`, oldest first, and numbers on from there. `clusterOf` names the cluster of each listener
 * whose sessions are to be counted; `keep` is how many ended incidents stay.
 */
export function newRecorder(
  clusterOf: RecorderState['clusterOf'],
  keep: number,
  past: readonly Incident[] = [],
): RecorderState {
  const next = Math.max(0, ...past.map(({ number }) => number)) + 1
  return { clusterOf, keep, down: [], bursts: [], leaders: new Map(), next, open: new Map(), past: past.slice(-keep) }
}

/** All incidents kept, oldest first; those under way come last and have no `lasted`. */
export function incidentsOf(state: RecorderState): readonly Incident[] {
  return [...state.past, ...[...state.open.values()].map(o => o.incident)]
}

export type Why = Pick<Incident, 'cause' | 'sign'>
export interface At {
  readonly now: Ms
  readonly wall: EpochMs
}

const isOf =
  ({ cluster, member }: Named) =>
  (one: Named) =>
    one.cluster === cluster && one.member === member

export const upAgain = (state: RecorderState, event: Named) => state.down.filter(down => !isOf(event)(down))

/** A member has ended one of its sessions at that time. */
export function endedByMember(state: RecorderState, { cluster, member }: Named, at: Ms): RecorderState {
  const isMine = isOf({ cluster, member })
  const others = state.bursts.filter(burst => !isMine(burst) && at - burst.last <= TOLD_WITHIN)
  const known = state.bursts.find(isMine)
  const goesOn = known !== undefined && at - known.last <= APART && at - known.first <= TOLD_WITHIN
  const { first, last, count } = goesOn ? known : { first: at, last: at, count: 0 }
  const burst = { first: ms(Math.min(first, at)), last: ms(Math.max(last, at)), count: count + 1 }
  return { ...state, bursts: [...others, { cluster, member, ...burst }] }
}

/**
 * Begins one unless it is under way. Where the old leader, if it is told, has been down, that was the first sign of it; where it had
 * just ended its sessions, unasked, the incident began with that.
 */
export function begin(
  state: RecorderState,
  cluster: string,
  why: Why,
  { now, wall }: At,
  leader?: string,
): RecorderState {
  if (state.open.has(cluster)) return state
  const down = leader === undefined ? undefined : state.down.find(isOf({ cluster, member: leader }))
  const first: Why & Pick<Incident, 'startedAt' | 'moments'> = down
    ? {
        cause: 'unreachable',
        sign: `${down.member} down: ${down.why}`,
        startedAt: down.wall,
        moments: { first_sign: ms(0) },
      }
    : { ...why, startedAt: wall, moments: {} }
  const from = state.leaders.get(cluster)
  const known = from === undefined ? {} : { from }
  const incident: Incident = { number: state.next, cluster, ...known, ...first, held: 0, lost: 0, cut: 0, refused: 0 }
  const begun = diedWith(state, { incident, began: down?.since ?? now, settledAt: now })
  return { ...state, next: state.next + 1, open: new Map(state.open).set(cluster, begun) }
}

/** An incident that begins, with the sessions that the leader's death had ended already. A switchover ends none before its sign. */
function diedWith({ bursts }: RecorderState, open: Open): Open {
  const { incident, began } = open
  const { cluster, from, cause } = incident
  if (from === undefined || cause === 'switchover') return open
  const burst = bursts.find(isOf({ cluster, member: from }))
  if (burst === undefined || began - burst.last > TOLD_WITHIN) return open
  const earlier = Math.max(0, began - burst.first)
  const moments = Object.entries(incident.moments).map(([name, at]) => [name, ms(at + earlier)])
  return {
    ...open,
    began: ms(began - earlier),
    incident: {
      ...incident,
      startedAt: epochMs(incident.startedAt - earlier),
      moments: { sessions_lost: ms(Math.max(0, burst.first - began)), ...Object.fromEntries(moments) },
      lost: burst.count,
    },
  }
}

export function replace(state: RecorderState, cluster: string, next: (open: Open) => Open): RecorderState {
  const open = state.open.get(cluster)
  return open === undefined ? state : { ...state, open: new Map(state.open).set(cluster, next(open)) }
}

export function change(state: RecorderState, cluster: string, next: (incident: Incident) => Incident): RecorderState {
  return replace(state, cluster, open => ({ ...open, incident: next(open.incident) }))
}

/** Notes a moment once; its first time stands. While the gate is not closed it also puts the quiet end off. */
export function moment(state: RecorderState, cluster: string, which: Moment, now: Ms): RecorderState {
  return replace(state, cluster, open => {
    const { incident, began } = open
    const moments = { ...incident.moments, [which]: incident.moments[which] ?? ms(now - began) }
    const settled = open.settledAt === undefined ? {} : { settledAt: now }
    return { incident: { ...incident, moments }, began, ...settled }
  })
}

export function counted(
  state: RecorderState,
  cluster: string | undefined,
  what: 'held' | 'lost' | 'cut' | 'refused',
  by: number,
) {
  return cluster === undefined ? state : change(state, cluster, i => ({ ...i, [what]: i[what] + by }))
}

export function led(state: RecorderState, cluster: string, leader: string): RecorderState {
  return { ...state, leaders: new Map(state.leaders).set(cluster, leader) }
}
