// Decides whether write sessions may join, and whom: from what the source says and what members answered.
// Knows no sockets and no clock: the same view always gives the same verdict.

import type { ProbeOutcome } from '../health/answer.js'
import type { Term, Topology } from '../topology/topology.js'
import { formatMs, type Ms, ms } from '../units/units.js'

export type ClosedBecause =
  | 'no_topology'
  | 'standby_cluster'
  | 'failover_key'
  | 'no_leader_key'
  | 'leader_unknown'
  | 'unconfirmed'
  | 'unreachable'
  | 'in_recovery'
  | 'system_id'
  | 'no_primary'
  | 'two_primaries'

/** `open(term, member)` or `closed(why, since)`. */
export type Gate =
  | { readonly kind: 'open'; readonly term: Term; readonly member: string; readonly since: Ms }
  | {
      readonly kind: 'closed'
      readonly because: ClosedBecause
      readonly why: string
      readonly since: Ms
      /** Members whose answer could open it: asked often. */
      readonly ask: readonly string[]
    }

export type Verdict =
  | { readonly kind: 'open'; readonly term: Term; readonly member: string }
  | { readonly kind: 'closed'; readonly because: ClosedBecause; readonly why: string; readonly ask: readonly string[] }

/** What is known of one member's word. Times are monotonic. */
export interface Word {
  /** Its last answer that was a yes or a no. */
  readonly answer?: ProbeOutcome
  /** Its last answer of any kind. */
  readonly last?: ProbeOutcome
  /** When it last turned a connection away (refused, reset, 57P03), by a probe or a session's dial, and how. */
  readonly turnedAway?: { readonly at: Ms; readonly why: string }
  /** When it was last asked and did not answer as a primary. */
  readonly noAt?: Ms
}

export interface GateView {
  readonly topology?: Topology
  readonly silent?: { readonly since: Ms; readonly why: string }
  /** When the leader key last changed, to another or to none: only answers asked for since then confirm. */
  readonly termSince: Ms
  /** When the failover key now standing was first seen. */
  readonly failoverSince?: Ms
  readonly words: ReadonlyMap<string, Word>
  readonly current: Gate
}

const closed = (because: ClosedBecause, why: string, ask: readonly string[] = []): Verdict => ({
  kind: 'closed',
  because,
  why,
  ask,
})

/** What the gate should be now. Rules 1 to 3 and 5 of the design: confirmation is a state, and could-not-ask is never a no. */
export function judge(view: GateView, now: Ms): Verdict {
  const { topology } = view
  if (!topology)
    return closed(
      'no_topology',
      view.silent ? `no source answers: ${view.silent.why}` : 'waiting for the first answer of the source',
    )
  if (topology.settings.standbyCluster)
    return closed('standby_cluster', 'this is a standby cluster: it has a standby leader and takes no writes')
  const pending = failoverPending(view, topology, now)
  if (pending) return pending
  const { term } = topology
  if (view.silent || !term) return judgeByAnswers(view, topology)
  return judgeLeader(view, topology, term)
}

/**
 * The failover key is the first sign of a switchover: Patroni writes it before the old primary stops.
 * One that outlives the TTL was never acted on, and is passed over once the leader confirms anew.
 */
function failoverPending(view: GateView, topology: Topology, now: Ms): Verdict | undefined {
  const { failover, term } = topology
  if (!failover || view.failoverSince === undefined || (failover.dueAt !== undefined && failover.dueAt > now)) return
  if (term && failover.leader && failover.leader !== term.leader) return
  if (term && failover.candidate === term.leader) return
  const since = Math.max(view.failoverSince, failover.dueAt ?? 0)
  if (isOver(view, topology, ms(since), now)) return
  const leader = term?.leader
  const way = `${failover.leader ?? leader ?? 'the leader'} → ${failover.candidate ?? 'the best candidate'}`
  const ask = leader === undefined || view.silent ? [...topology.members.keys()] : [leader]
  return closed('failover_key', `a switchover was asked for (failover key: ${way})`, ask)
}

/** A key that nobody acted on, or whose successor has spoken while no source could tell that the key is gone. */
function isOver(view: GateView, { term, settings, members }: Topology, since: Ms, now: Ms): boolean {
  const answers = [...members.keys()].flatMap(name => view.words.get(name)?.answer ?? [])
  const isPrimary = ({ answer }: ProbeOutcome) => answer.kind === 'primary'
  const staleAt = since + settings.ttl
  const stale = answers.some(one => one.askedAt > staleAt && (one.member === term?.leader || isPrimary(one)))
  if (now > staleAt && stale) return true
  return (
    view.silent !== undefined &&
    answers.some(one => isPrimary(one) && one.member !== term?.leader && one.askedAt >= since)
  )
}

function judgeLeader(view: GateView, topology: Topology, term: Term): Verdict {
  const { leader } = term
  if (!topology.members.has(leader))
    return closed('leader_unknown', `the leader key names ${leader}, of which there is no member key`)
  const word = view.words.get(leader) ?? {}
  const no = objection(leader, word, topology, view) ?? newerPrimary(leader, topology, view)
  return no ?? { kind: 'open', term, member: leader }
}

/**
 * A leader key may go back to a former primary that was frozen: Patroni 3.0.2 puts it without a comparison when its lease has
 * run out. While the newer primary still answers as one, writes go to neither; Patroni demotes one of them.
 */
function newerPrimary(leader: string, topology: Topology, view: GateView): Verdict | undefined {
  const own = timelineOf(leader, view)
  const newer = [...topology.members.keys()].find(name => {
    const { answer, last, turnedAway } = view.words.get(name) ?? {}
    if (name === leader || last?.answer.kind !== 'primary' || !answer || foreign(name, answer, topology)) return false
    return timelineOf(name, view) > own && !(turnedAway && turnedAway.at >= answer.askedAt)
  })
  if (newer === undefined) return undefined
  const why = `${leader} holds the leader key on timeline ${own}, but ${newer} answers as a primary on timeline ${timelineOf(newer, view)}`
  return closed('two_primaries', why, [leader, newer])
}

/** Why this member's word does not confirm it as primary of what stands since termSince; undefined when it does. */
function objection(name: string, word: Word, topology: Topology, view: GateView): Verdict | undefined {
  const { answer, turnedAway } = word
  const asked = answer?.askedAt ?? ms(-1)
  if (answer?.answer.kind === 'recovery' && asked >= view.termSince)
    return closed('in_recovery', `${name} holds the leader key but answers that it is in recovery`, [name])
  if (turnedAway && turnedAway.at >= asked)
    return closed('unreachable', `${name} holds the leader key but turns connections away: ${turnedAway.why}`, [name])
  if (answer?.answer.kind !== 'primary' || asked < view.termSince)
    return closed(
      'unconfirmed',
      `${name} holds the leader key but has not confirmed that it is out of recovery${lastWord(word)}`,
      [name],
    )
  return foreign(name, answer, topology)
}

function lastWord({ last }: Word): string {
  return last?.answer.kind === 'unasked' ? `: ${last.answer.why}` : ''
}

/** A member of another cluster may answer on a reused address: it is never a primary of this one. */
function foreign(name: string, { answer }: ProbeOutcome, topology: Topology): Verdict | undefined {
  if (answer.kind === 'unasked' || !answer.systemId || !topology.systemId) return
  if (answer.systemId === topology.systemId) return
  const why = `${name} has system identifier ${answer.systemId}, the cluster has ${topology.systemId}: another cluster answers at its address`
  return closed('system_id', why, [name])
}

/**
 * Nobody names the leader with authority: no key (Patroni paused, or a source without leaders), or no etcd member answers.
 * The members' own answers decide: the one that is a primary; of two, the one on the higher timeline.
 */
function judgeByAnswers(view: GateView, topology: Topology): Verdict {
  const { term, settings } = topology
  if (!term && !settings.pause && !topology.leaderless && !view.silent)
    return closed('no_leader_key', 'there is no leader key')
  const primaries = [...topology.members.values()]
    .filter(
      ({ name, vanishedAt }) =>
        (!leaderIsListed(topology) || vanishedAt === undefined) && answersPrimary(name, view, topology),
    )
    .map(({ name }) => name)
  const best = highestTimeline(primaries, view)
  if (best === 'tie')
    return closed('two_primaries', `${primaries.join(' and ')} all answer as primary on one timeline`, primaries)
  if (best !== undefined) return { kind: 'open', term: best === term?.leader ? term : termOf(best, view), member: best }
  return closed('no_primary', `no member answers as primary${circumstance(view, topology)}`, [
    ...topology.members.keys(),
  ])
}

/** A member the source had dropped while it still listed the leader is none of this cluster any more, whatever it answers. */
function leaderIsListed({ term, members }: Topology): boolean {
  const leader = term && members.get(term.leader)
  return leader !== undefined && leader.vanishedAt === undefined
}

function circumstance(view: GateView, topology: Topology): string {
  const why = view.silent && `no etcd or Patroni endpoint answers (${view.silent.why})`
  if (why)
    return topology.settings.failsafeMode
      ? `, and ${why}`
      : `, and ${why}; without failsafe_mode Patroni demotes its primary then`
  return topology.settings.pause ? ', and Patroni is paused' : ''
}

/** A primary by its own word: nothing newer takes it back, and it belongs to this cluster. */
function answersPrimary(name: string, view: GateView, topology: Topology): boolean {
  const { answer, last, turnedAway } = view.words.get(name) ?? {}
  if (answer?.answer.kind !== 'primary' || foreign(name, answer, topology)) return false
  if (turnedAway && turnedAway.at >= answer.askedAt) return false
  const standing = view.current.kind === 'open' && view.current.member === name
  const named = topology.term?.leader === name && answer.askedAt >= view.termSince
  return standing || named || (last?.answer.kind === 'primary' && answer.askedAt >= view.termSince)
}

function timelineOf(name: string, view: GateView): number {
  const answer = view.words.get(name)?.answer?.answer
  return answer?.kind === 'primary' ? (answer.timeline ?? 0) : 0
}

function highestTimeline(names: readonly string[], view: GateView): string | 'tie' | undefined {
  const [first, second] = [...names].sort((a, b) => timelineOf(b, view) - timelineOf(a, view))
  if (first === undefined || second === undefined) return first
  return timelineOf(first, view) > timelineOf(second, view) ? first : 'tie'
}

function termOf(member: string, view: GateView): Term {
  return { leader: member, revision: `${member}@${timelineOf(member, view)}` }
}

/** Turns the gate to the verdict; `since` is kept while nothing a client would notice has changed. */
export function turn(gate: Gate, verdict: Verdict, now: Ms): Gate {
  if (verdict.kind === 'open') {
    const same = gate.kind === 'open' && gate.member === verdict.member && gate.term.revision === verdict.term.revision
    return same ? gate : { ...verdict, since: now }
  }
  if (gate.kind === 'open') return { ...verdict, since: now }
  return sameClosed(gate, verdict) ? gate : { ...verdict, since: gate.since }
}

function sameClosed(gate: Verdict, verdict: Verdict): boolean {
  if (gate.kind === 'open' || verdict.kind === 'open') return false
  return gate.because === verdict.because && gate.why === verdict.why && gate.ask.join() === verdict.ask.join()
}

/** How often a member whose answer could open the gate is asked: 20 ms by SQL, 100 ms by REST, 500 ms once that lasted 10 s. */
export function urgentPeriod(via: 'sql' | 'rest', urgentFor: Ms): Ms {
  if (urgentFor > 10_000) return ms(500)
  return ms(via === 'sql' ? 20 : 100)
}

/** What a refused client is told of a closed gate. */
export function gateWords(gate: Gate, now: Ms): string {
  if (gate.kind === 'open') return `open to ${gate.member} for ${formatMs(ms(now - gate.since))}`
  return `closed for ${formatMs(ms(now - gate.since))}: ${gate.why}`
}
