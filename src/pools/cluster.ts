// One cluster as the router sees it: what the source says, what members answered, the gate. A pure machine:
// inputs and the time go in, the next state and the events worth telling come out.

import type { ListenRole } from '../config/shape.js'
import type { Event } from '../events/event.js'
import type { DialOutcome, ProbeOutcome, Via } from '../health/answer.js'
import { type Health, type HealthRules, onDial, onProbe, unknownHealth } from '../health/health.js'
import { forget } from '../topology/remember.js'
import type { SourceNews, Topology } from '../topology/topology.js'
import { type Lsn, type Ms, ms } from '../units/units.js'
import { type Gate, judge, turn, urgentPeriod, type Word } from './gate.js'
import { takeSilence, takeTopology } from './news.js'

export interface ClusterState {
  readonly name: string
  readonly topology?: Topology
  readonly silent?: { readonly since: Ms; readonly why: string }
  readonly termSince: Ms
  /** The last name the leader key held, kept while there is no key. */
  readonly lastLeader?: string
  /** When the source last spoke again after a silence. */
  readonly heardSince?: Ms
  readonly failoverSince?: Ms
  readonly words: ReadonlyMap<string, Word>
  readonly health: ReadonlyMap<string, Health>
  /** Of the poolers beside members, where sessions are dialled through them. */
  readonly poolers: ReadonlyMap<string, Health>
  readonly drained: ReadonlySet<string>
  readonly gate: Gate
  /** The newest position a primary told, and the one before it. */
  readonly primary?: PrimaryPosition
  /** How far the present primary had replayed when it last answered in recovery: its timeline forked there or later. */
  readonly forkAtLeast?: Lsn
  /** What is yet to come of the first sessions to write since the gate opened: that one joins, that a login ends, an answer. */
  readonly awaited?: 'write' | 'login' | 'answer'
}

export interface PrimaryPosition {
  readonly member: string
  readonly lsn: Lsn
  readonly at: Ms
  readonly timeline?: number
  readonly earlier?: { readonly lsn: Lsn; readonly at: Ms }
}

export type ClusterInput =
  | SourceNews
  | { readonly kind: 'probed'; readonly outcome: ProbeOutcome }
  | { readonly kind: 'dialled'; readonly outcome: DialOutcome }
  /** What a dial of, or a knock at, the pooler beside a member came to: nothing about the member itself. */
  | { readonly kind: 'pooler'; readonly outcome: DialOutcome }
  | {
      readonly kind: 'joined'
      readonly role: ListenRole
      readonly member: string
      readonly heldFor: Ms
      /** Its login can be followed. */
      readonly plaintext: boolean
    }
  /** So long after it joined. */
  | { readonly kind: 'logged_in'; readonly role: ListenRole; readonly member: string; readonly took: Ms }
  /** One to write got its first answer so long ago. */
  | { readonly kind: 'answered'; readonly member: string; readonly ago: Ms }
  | { readonly kind: 'drain'; readonly member: string; readonly on: boolean }
  | { readonly kind: 'tick' }

export type ClusterRules = HealthRules

/** A cluster of which nothing is known yet: its gate is closed. */
export function newCluster(name: string, now: Ms): ClusterState {
  return {
    name,
    termSince: now,
    words: new Map(),
    health: new Map(),
    poolers: new Map(),
    drained: new Set(),
    gate: {
      kind: 'closed',
      because: 'no_topology',
      why: 'waiting for the first answer of the source',
      since: now,
      ask: [],
    },
  }
}

/** What every session brings. */
const PER_SESSION: ReadonlySet<ClusterInput['kind']> = new Set(['dialled', 'joined', 'logged_in', 'answered'])

/** One step. Events come in the order in which they came about. */
export function step(state: ClusterState, input: ClusterInput, rules: ClusterRules, now: Ms): [ClusterState, Event[]] {
  const [next, events] = take(state, input, rules, now)
  // Sessions by the thousand that are as well as those before them: what time alone brings about, ticks do.
  if (next === state && PER_SESSION.has(input.kind)) return [state, []]
  const [forgotten, lost] = forgetSilent(next)
  const [turned, told] = turnGate(forgotten, input.kind, now)
  return [turned, [...events, ...lost, ...told]]
}

function take(state: ClusterState, input: ClusterInput, rules: ClusterRules, now: Ms): [ClusterState, Event[]] {
  switch (input.kind) {
    case 'topology':
      return takeTopology(state, input, now)
    case 'silent':
      return takeSilence(state, input)
    case 'probed':
      return takeProbe(state, input.outcome, rules)
    case 'dialled':
      return takeDial(state, input.outcome, rules)
    case 'pooler':
      return takePooler(state, input.outcome, rules)
    case 'joined':
      return takeJoin(state, input)
    case 'logged_in':
      return takeLogin(state, input)
    case 'answered':
      return takeAnswer(state, input)
    case 'drain':
      return takeDrain(state, input)
    case 'tick':
      return [state, []]
    default:
      return input satisfies never
  }
}

/** Nothing falls due by time alone: the gate stands open, and no failover was asked for. */
export const isCalm = ({ gate, silent, topology }: ClusterState): boolean =>
  gate.kind === 'open' && silent === undefined && topology?.failover === undefined

function takeProbe(state: ClusterState, outcome: ProbeOutcome, rules: ClusterRules): [ClusterState, Event[]] {
  const { member, answer, answeredAt, askedAt } = outcome
  if (!state.topology?.members.has(member)) return [state, []]
  const before = state.words.get(member) ?? {}
  const away = answer.kind === 'unasked' && (answer.reason === 'refused' || answer.reason === 'starting')
  const word: Word = {
    ...before,
    last: outcome,
    ...(answer.kind === 'unasked' ? {} : { answer: onKnownTimeline(outcome, before.answer) }),
    ...(away ? { turnedAway: { at: answeredAt, why: answer.why } } : {}),
    ...(answer.kind === 'primary' ? {} : { noAt: askedAt }),
  }
  const [next, events] = withHealth(state, member, health => onProbe(health, outcome, rules), answeredAt)
  const took = ms(answeredAt - askedAt)
  const probed: Event = { kind: 'probed', cluster: state.name, member, took, said: answer.kind }
  const told = { ...next, words: new Map(next.words).set(member, word) }
  return [withPosition(told, outcome, before.answer), [probed, ...events]]
}

/**
 * A replica whose walreceiver has just ended, as in every switchover, tells the timeline of its last restartpoint, which may be
 * several terms old. A member never goes back to an older timeline: the newest one it told stands.
 */
function onKnownTimeline(outcome: ProbeOutcome, before?: ProbeOutcome): ProbeOutcome {
  const [said, known] = [outcome.answer, before?.answer]
  if (said.kind !== 'recovery' || known === undefined || known.kind === 'unasked') return outcome
  if (said.systemId !== known.systemId || (known.timeline ?? 0) <= (said.timeline ?? 0)) return outcome
  return { ...outcome, answer: { ...said, timeline: known.timeline ?? 0 } }
}

/** Only the word of the gate's member, or of the leader, is the position others are measured against. */
function withPosition(
  state: ClusterState,
  { member, answer, answeredAt: at }: ProbeOutcome,
  before?: ProbeOutcome,
): ClusterState {
  const gateMember = state.gate.kind === 'open' ? state.gate.member : undefined
  if (answer.kind !== 'primary' || member !== (gateMember ?? state.topology?.term?.leader)) return state
  const { primary } = state
  const earlier = primary?.member === member ? { earlier: { lsn: primary.lsn, at: primary.at } } : {}
  const timeline = answer.timeline === undefined ? {} : { timeline: answer.timeline }
  const fork = before?.answer.kind === 'recovery' ? before.answer.replayLsn : undefined
  return {
    ...state,
    primary: { member, lsn: answer.lsn, at, ...timeline, ...earlier },
    ...(fork === undefined ? {} : { forkAtLeast: fork }),
  }
}

function takeDial(state: ClusterState, outcome: DialOutcome, rules: ClusterRules): [ClusterState, Event[]] {
  const { member, ok, at, why } = outcome
  if (!state.topology?.members.has(member)) return [state, []]
  const [next, events] = withHealth(state, member, health => onDial(health, outcome, rules), at)
  if (ok || !turnedAwayBy(outcome, next.words.get(member))) return [next, events]
  const word: Word = { ...next.words.get(member), turnedAway: { at, why: why ?? 'connection failed' } }
  return [{ ...next, words: new Map(next.words).set(member, word) }, events]
}

function takePooler(state: ClusterState, outcome: DialOutcome, rules: ClusterRules): [ClusterState, Event[]] {
  const { member, at } = outcome
  const { name: cluster, topology, poolers } = state
  if (topology?.members.get(member)?.pooler === undefined) return [state, []]
  const before = poolers.get(member) ?? unknownHealth(at)
  const after = onDial(before, outcome, rules)
  const events: Event[] = []
  if (after.up !== before.up && after.up === true) events.push({ kind: 'pooler_up', cluster, member })
  if (after.up !== before.up && after.up === false)
    events.push({ kind: 'pooler_down', cluster, member, why: after.why ?? 'no answer' })
  return [{ ...state, poolers: new Map(poolers).set(member, after) }, events]
}

/** A dial that merely could not be made says no more than a probe that could not ask: only both together close the gate. */
function turnedAwayBy({ reason }: DialOutcome, word: Word | undefined): boolean {
  if (reason === 'refused' || reason === 'starting') return true
  return (reason === 'timeout' || reason === 'unreachable') && word?.last?.answer.kind === 'unasked'
}

function withHealth(
  state: ClusterState,
  member: string,
  change: (health: Health) => Health,
  now: Ms,
): [ClusterState, Event[]] {
  const before = state.health.get(member) ?? unknownHealth(now)
  const after = change(before)
  if (after === before) return [state, []]
  const events: Event[] = []
  if (after.up !== before.up && after.up === true) events.push({ kind: 'member_up', cluster: state.name, member })
  if (after.up !== before.up && after.up === false)
    events.push({ kind: 'member_down', cluster: state.name, member, why: after.why ?? 'no answer' })
  return [{ ...state, health: new Map(state.health).set(member, after) }, events]
}

function takeJoin(
  state: ClusterState,
  { role, member, heldFor: held, plaintext }: Extract<ClusterInput, { kind: 'joined' }>,
): [ClusterState, Event[]] {
  if (role !== 'primary' || state.awaited !== 'write') return [state, []]
  return [
    awaiting(state, plaintext ? 'login' : undefined),
    [{ kind: 'first_write', cluster: state.name, member, held, plaintext }],
  ]
}

function takeLogin(
  state: ClusterState,
  { role, member, took }: Extract<ClusterInput, { kind: 'logged_in' }>,
): [ClusterState, Event[]] {
  if (role !== 'primary' || state.awaited !== 'login') return [state, []]
  return [awaiting(state, 'answer'), [{ kind: 'first_login', cluster: state.name, member, took }]]
}

function takeAnswer(
  state: ClusterState,
  { member, ago }: Extract<ClusterInput, { kind: 'answered' }>,
): [ClusterState, Event[]] {
  if (state.awaited !== 'answer') return [state, []]
  return [awaiting(state, undefined), [{ kind: 'first_answer', cluster: state.name, member, ago }]]
}

function awaiting({ awaited: _, ...state }: ClusterState, next: ClusterState['awaited']): ClusterState {
  return next === undefined ? state : { ...state, awaited: next }
}

function takeDrain(state: ClusterState, { member, on }: { member: string; on: boolean }): [ClusterState, Event[]] {
  const drained = new Set(state.drained)
  if (on) drained.add(member)
  else drained.delete(member)
  return [{ ...state, drained }, [{ kind: 'member_drained', cluster: state.name, member, drained: on }]]
}

/** A member whose key has vanished is kept while its address answers, and forgotten when it no longer does. */
function forgetSilent(state: ClusterState): [ClusterState, Event[]] {
  // Without a leader key, or without a source, nobody but the members themselves will tell of them again.
  if (state.silent || !state.topology?.term) return [state, []]
  let { topology } = state
  const events: Event[] = []
  for (const member of state.topology?.members.values() ?? []) {
    const health = state.health.get(member.name)
    if (!topology || member.vanishedAt === undefined || health?.up !== false) continue
    topology = forget(topology, member.name)
    events.push({ kind: 'member_forgotten', cluster: state.name, member: member.name, why: health.why ?? 'no answer' })
  }
  if (!topology || events.length === 0) return [state, []]
  const known = topology.members
  const kept = <V>(map: ReadonlyMap<string, V>) => new Map([...map].filter(([name]) => known.has(name)))
  return [
    { ...state, topology, words: kept(state.words), health: kept(state.health), poolers: kept(state.poolers) },
    events,
  ]
}

function turnGate(state: ClusterState, by: ClusterInput['kind'], now: Ms): [ClusterState, Event[]] {
  const before = state.gate
  const gate = turn(before, judge({ current: before, ...state }, now), now)
  if (gate === before) return [state, []]
  const cluster = state.name
  if (gate.kind === 'open') {
    if (before.kind === 'open' && before.member === gate.member) return [{ ...state, gate }, []]
    return [{ ...state, gate, awaited: 'write' }, [opened(state, gate.member, by, now)]]
  }
  const news = before.kind === 'open' || before.because !== gate.because
  const due = news && gate.because === 'failover_key' && state.topology?.failover?.dueAt !== undefined
  const sign: Event[] = due ? [{ kind: 'first_sign', cluster, sign: gate.why }] : []
  return [
    { ...state, gate },
    news ? [...sign, { kind: 'gate_closed', cluster, because: gate.because, why: gate.why }] : [],
  ]
}

/** A gate that opens by an answer was forbidden by the answer before it, one that opens by other news until this very moment. */
function opened(
  { name: cluster, gate, words }: ClusterState,
  member: string,
  by: ClusterInput['kind'],
  now: Ms,
): Event {
  if (gate.kind === 'open') return { kind: 'gate_opened', cluster, member, closedFor: ms(0) }
  const noAt = by === 'probed' ? words.get(member)?.noAt : now
  const lastNo = noAt !== undefined && noAt >= gate.since ? { lastNo: ms(now - noAt) } : {}
  return { kind: 'gate_opened', cluster, member, closedFor: ms(now - gate.since), ...lastNo }
}

/** How long until a member is asked again: often while its answer could open the gate, else the configured interval. */
export function probePeriod(state: ClusterState, member: string, via: Via, interval: Ms, now: Ms): Ms {
  const { gate } = state
  if (gate.kind === 'open' || !gate.ask.includes(member)) return interval
  const since = Math.max(gate.since, state.termSince, state.heardSince ?? 0)
  return ms(Math.min(interval, urgentPeriod(via, ms(now - since))))
}
