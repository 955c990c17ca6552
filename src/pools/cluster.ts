// One cluster as the router sees it: what the source says, what members answered, the gate. A pure machine:
// inputs and the time go in, the next state and the events worth telling come out.

import type { ListenRole } from '../config/shape.js'
import type { Event } from '../events/event.js'
import type { DialOutcome, ProbeOutcome, Via } from '../health/answer.js'
import { type Health, type HealthRules, onDial, onProbe, unknownHealth } from '../health/health.js'
import type { End } from '../sessions/end.js'
import { forget, remember } from '../topology/remember.js'
import type { FailoverRequest, SourceNews, Topology } from '../topology/topology.js'
import { type Lsn, type Ms, ms } from '../units/units.js'
import { type Gate, judge, turn, urgentPeriod, type Word } from './gate.js'

export interface ClusterState {
  readonly name: string
  readonly topology?: Topology
  readonly silent?: { readonly since: Ms; readonly why: string }
  readonly termSince: Ms
  readonly failoverSince?: Ms
  readonly words: ReadonlyMap<string, Word>
  readonly health: ReadonlyMap<string, Health>
  readonly drained: ReadonlySet<string>
  readonly gate: Gate
  /** The newest position a primary told, and the one before it. */
  readonly primary?: PrimaryPosition
  /** How far the present primary had replayed when it last answered in recovery: its timeline forked there or later. */
  readonly forkAtLeast?: Lsn
  /** The gate has opened and no write session has joined since. */
  readonly firstWriteDue: boolean
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
  | { readonly kind: 'joined'; readonly role: ListenRole; readonly member: string; readonly heldFor: Ms }
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
    drained: new Set(),
    gate: {
      kind: 'closed',
      because: 'no_topology',
      why: 'waiting for the first answer of the source',
      since: now,
      ask: [],
    },
    firstWriteDue: false,
  }
}

/** One step. Events come in the order in which they came about. */
export function step(state: ClusterState, input: ClusterInput, rules: ClusterRules, now: Ms): [ClusterState, Event[]] {
  const [next, events] = take(state, input, rules, now)
  const [forgotten, lost] = forgetSilent(next)
  const [turned, told] = turnGate(forgotten, now)
  return [turned, [...events, ...lost, ...told]]
}

function take(state: ClusterState, input: ClusterInput, rules: ClusterRules, now: Ms): [ClusterState, Event[]] {
  switch (input.kind) {
    case 'topology':
      return takeTopology(state, input.topology, now)
    case 'silent':
      return takeSilence(state, input)
    case 'probed':
      return takeProbe(state, input.outcome, rules)
    case 'dialled':
      return takeDial(state, input.outcome, rules)
    case 'joined':
      return takeJoin(state, input)
    case 'drain':
      return takeDrain(state, input)
    case 'tick':
      return [state, []]
    default:
      return input satisfies never
  }
}

function takeTopology(state: ClusterState, published: Topology, now: Ms): [ClusterState, Event[]] {
  const cluster = state.name
  const previous = state.topology
  const topology = remember(previous, published, now)
  const { silent, failoverSince, ...rest } = state
  const events: Event[] = []
  if (silent) events.push({ kind: 'source_answers', cluster, silentFor: ms(now - silent.since) })
  else if (!previous) events.push({ kind: 'source_answers', cluster })
  for (const problem of topology.problems)
    if (!previous?.problems.includes(problem)) events.push({ kind: 'source_problem', cluster, problem })
  events.push(...membersChanged(cluster, previous, topology), ...leaderChanged(cluster, previous, topology))
  const sign = pendingSign(topology)
  const signNew = sign !== undefined && sign !== (previous && pendingSign(previous))
  if (signNew) events.push({ kind: 'first_sign', cluster, sign })
  const moved = previous?.term?.revision !== topology.term?.revision
  return [
    {
      ...rest,
      topology,
      termSince: moved || !previous ? now : state.termSince,
      ...(sign === undefined ? {} : { failoverSince: signNew ? now : (failoverSince ?? now) }),
    },
    events,
  ]
}

function pendingSign({ failover, term }: Topology): string | undefined {
  return failover && `failover key: ${wayOf(failover, term?.leader)}`
}

function wayOf(failover: FailoverRequest, leader: string | undefined): string {
  const when = failover.dueAt === undefined ? '' : ', scheduled'
  return `${failover.leader ?? leader ?? 'the leader'} → ${failover.candidate ?? 'the best candidate'}${when}`
}

function leaderChanged(cluster: string, previous: Topology | undefined, next: Topology): Event[] {
  const from = previous?.term?.leader
  const to = next.term?.leader
  if (previous?.term && !next.term) return [{ kind: 'leader_key_gone', cluster, leader: previous.term.leader }]
  if (to === undefined || previous?.term?.revision === next.term?.revision) return []
  return [{ kind: 'leader_changed', cluster, to, ...(from === undefined ? {} : { from }) }]
}

function membersChanged(cluster: string, previous: Topology | undefined, next: Topology): Event[] {
  const events: Event[] = []
  for (const [name, member] of next.members) {
    const before = previous?.members.get(name)
    const address = `${member.address.host}:${member.address.port}`
    if (!before || (before.vanishedAt !== undefined && member.vanishedAt === undefined))
      events.push({ kind: 'member_appeared', cluster, member: name, address })
    else if (before.vanishedAt === undefined && member.vanishedAt !== undefined)
      events.push({ kind: 'member_vanished', cluster, member: name })
  }
  return events
}

function takeSilence(state: ClusterState, { since, why }: { since: Ms; why: string }): [ClusterState, Event[]] {
  const events: Event[] = state.silent ? [] : [{ kind: 'source_silent', cluster: state.name, why }]
  return [{ ...state, silent: { since: state.silent?.since ?? since, why } }, events]
}

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
  }
  const [next, events] = withHealth(state, member, health => onProbe(health, outcome, rules), answeredAt)
  const took: Event = { kind: 'probed', cluster: state.name, member, took: ms(answeredAt - askedAt) }
  const told = { ...next, words: new Map(next.words).set(member, word) }
  return [withPosition(told, outcome, before.answer), [took, ...events]]
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
  if (ok) return [next, events]
  const word: Word = { ...next.words.get(member), turnedAway: { at, why: why ?? 'connection failed' } }
  return [{ ...next, words: new Map(next.words).set(member, word) }, events]
}

function withHealth(
  state: ClusterState,
  member: string,
  change: (health: Health) => Health,
  now: Ms,
): [ClusterState, Event[]] {
  const before = state.health.get(member) ?? unknownHealth(now)
  const after = change(before)
  const events: Event[] = []
  if (after.up !== before.up && after.up === true) events.push({ kind: 'member_up', cluster: state.name, member })
  if (after.up !== before.up && after.up === false)
    events.push({ kind: 'member_down', cluster: state.name, member, why: after.why ?? 'no answer' })
  return [{ ...state, health: new Map(state.health).set(member, after) }, events]
}

function takeJoin(
  state: ClusterState,
  { role, member, heldFor }: Extract<ClusterInput, { kind: 'joined' }>,
): [ClusterState, Event[]] {
  if (role !== 'primary' || !state.firstWriteDue) return [state, []]
  return [{ ...state, firstWriteDue: false }, [{ kind: 'first_write', cluster: state.name, member, held: heldFor }]]
}

function takeDrain(state: ClusterState, { member, on }: { member: string; on: boolean }): [ClusterState, Event[]] {
  const drained = new Set(state.drained)
  if (on) drained.add(member)
  else drained.delete(member)
  return [{ ...state, drained }, [{ kind: 'member_drained', cluster: state.name, member, drained: on }]]
}

/** A member whose key has vanished is kept while its address answers, and forgotten when it no longer does. */
function forgetSilent(state: ClusterState): [ClusterState, Event[]] {
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
  return [{ ...state, topology, words: kept(state.words), health: kept(state.health) }, events]
}

function turnGate(state: ClusterState, now: Ms): [ClusterState, Event[]] {
  const gate = turn(state.gate, judge({ ...state, current: state.gate }, now), now)
  const before = state.gate
  const cluster = state.name
  if (gate.kind === 'open') {
    if (before.kind === 'open' && before.member === gate.member) return [{ ...state, gate }, []]
    const closedFor = before.kind === 'closed' ? ms(now - before.since) : ms(0)
    return [{ ...state, gate, firstWriteDue: true }, [{ kind: 'gate_opened', cluster, member: gate.member, closedFor }]]
  }
  const news = before.kind === 'open' || before.because !== gate.because
  return [{ ...state, gate }, news ? [{ kind: 'gate_closed', cluster, why: gate.why }] : []]
}

/** As what a joined session sees its member: decides what a promotion or demotion does to it. */
export interface Joined {
  readonly member: string
  readonly role: ListenRole
  readonly joinedAs: 'primary' | 'replica'
  readonly onPromote: 'cut' | 'keep'
}

/**
 * Why a joined session must be cut, if it must. A write session: when the leader key has moved to another member, or its member
 * answers "in recovery"; never because a key is merely gone. A replica's session: when the replica has become a primary.
 */
export function mustCut(state: ClusterState, joined: Joined): End | undefined {
  const answer = state.words.get(joined.member)?.answer?.answer
  if (joined.role !== 'primary') {
    const couldWrite = joined.joinedAs === 'replica' && joined.role !== 'any' && answer?.kind === 'primary'
    return couldWrite && joined.onPromote === 'cut' ? 'cut_promoted' : undefined
  }
  const named = state.silent ? undefined : state.topology?.term?.leader
  if (named !== undefined && named !== joined.member) return 'cut_leader_moved'
  if (state.gate.kind === 'open' && state.gate.member !== joined.member) return 'cut_leader_moved'
  return answer?.kind === 'recovery' ? 'cut_in_recovery' : undefined
}

/** How long until a member is asked again: often while its answer could open the gate, else the configured interval. */
export function probePeriod(state: ClusterState, member: string, via: Via, interval: Ms, now: Ms): Ms {
  const { gate } = state
  if (gate.kind === 'open' || !gate.ask.includes(member)) return interval
  const since = Math.max(gate.since, state.termSince)
  return ms(Math.min(interval, urgentPeriod(via, ms(now - since))))
}
