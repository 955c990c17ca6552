// A cluster's state as pools, status and explain see it: every verdict with its words.

import type { ListenConfig } from '../config/shape.js'
import type { ProbeOutcome } from '../health/answer.js'
import { type Health, healthWords, slowStartShare } from '../health/health.js'
import { type Lag, lagOf } from '../health/lag.js'
import type { SourceStatus } from '../sources/source.js'
import { formatAddress } from '../topology/address.js'
import type { Address, Member } from '../topology/topology.js'
import { type Bytes, type Ms, ms } from '../units/units.js'
import type { ClusterState } from './cluster.js'
import { type Condition, type PoolEntry, type PoolRules, poolOf } from './pool.js'
import type { CheckStatus, ClusterStatus, MemberStatus, MemberTotals, PoolerStatus, PoolVerdict } from './status.js'

export interface ViewRules {
  readonly slowStart: Ms
  /** The probe interval: positions older than a few of them are no longer fresh. */
  readonly interval: Ms
}

/** The pool of a listener, now. Empty until the source has answered. */
export function poolNow(state: ClusterState, listen: PoolRules, rules: ViewRules, now: Ms): PoolEntry[] {
  const { topology, gate, drained } = state
  if (!topology) return []
  return poolOf(listen, {
    topology,
    gate,
    drained,
    answer: member => state.words.get(member)?.answer?.answer,
    lag: member => lagNow(state, member, rules, now),
    condition: member => conditionOf(state.health.get(member), rules, now),
    pooler: member => conditionOf(state.poolers.get(member), rules, now),
  })
}

function conditionOf(health: Health | undefined, rules: ViewRules, now: Ms): Condition {
  if (!health) return { up: undefined, words: 'not asked yet', share: 1 }
  const up = health.up === 'unknown' ? undefined : health.up
  return { up, words: healthWords(health, now), share: slowStartShare(health, now, rules.slowStart) }
}

/** How far a member is behind the primary, or behind its last known position while there is none. */
export function lagNow(state: ClusterState, member: Member, rules: ViewRules, now: Ms): Lag {
  const { topology, primary, forkAtLeast } = state
  const word = state.words.get(member.name)?.answer
  return lagOf({
    now,
    freshFor: ms(rules.interval * 3),
    history: topology?.history ?? [],
    published: member,
    ...(word?.answer.kind === 'recovery' ? { answer: { at: word.answeredAt, said: word.answer } } : {}),
    ...(primary === undefined ? {} : { primary }),
    ...(topology?.optime === undefined ? {} : { optime: topology.optime }),
    ...(forkAtLeast === undefined ? {} : { forkAtLeast }),
  })
}

export interface StatusInput {
  readonly state: ClusterState
  readonly scope: string
  readonly source: SourceStatus
  readonly rules: ViewRules
  /** Listeners of this cluster by name. */
  readonly listens: ReadonlyMap<string, ListenConfig>
  readonly sessions: (member: string) => { readonly now: number; readonly most: number }
  readonly totals: (member: string) => MemberTotals
}

/** The status document's part on one cluster. */
export function clusterStatus(input: StatusInput, now: Ms): ClusterStatus {
  const { state, source } = input
  const { topology, gate, silent } = state
  const since = ms(now - gate.since)
  const pools = new Map([...input.listens].map(([name, listen]) => [name, poolNow(state, listen, input.rules, now)]))
  const leader = topology?.term?.leader
  const members = [...(topology?.members.values() ?? [])].sort(byName).map(one => memberStatus(one, input, pools, now))
  const timelines = members.flatMap(({ timeline }) => timeline ?? [])
  return {
    name: state.name,
    scope: input.scope,
    ...(leader === undefined ? {} : { leader }),
    leaderFor: ms(now - state.termSince),
    ...(timelines.length === 0 ? {} : { timeline: Math.max(...timelines) }),
    gate:
      gate.kind === 'open'
        ? { kind: 'open', member: gate.member, for: since }
        : { kind: 'closed', why: gate.why, for: since },
    pause: topology?.settings.pause ?? false,
    standbyCluster: topology?.settings.standbyCluster ?? false,
    source: {
      kind: source.kind,
      endpoints: source.endpoints,
      reconnects: source.reconnects,
      ...(silent ? { silentFor: ms(now - silent.since), why: silent.why } : {}),
      ...(source.next === undefined ? {} : { next: source.next }),
      ...(source.answeredAt === undefined ? {} : { age: ms(now - source.answeredAt) }),
    },
    members,
    problems: topology?.problems ?? [],
  }
}

const byName = (a: Member, b: Member) => (a.name < b.name ? -1 : 1)

function memberStatus(
  member: Member,
  { state, rules, totals, ...input }: StatusInput,
  pools: ReadonlyMap<string, readonly PoolEntry[]>,
  now: Ms,
): MemberStatus {
  const { name } = member
  const answer = state.words.get(name)?.answer?.answer
  const { up, words } = conditionOf(state.health.get(name), rules, now)
  const timeline = (answer?.kind === 'unasked' ? undefined : answer?.timeline) ?? member.timeline
  const lag = lagShown(state, member, rules, now)
  const sessions = input.sessions(name)
  const check = checkStatus(state.words.get(name)?.last, now)
  return {
    name,
    address: formatAddress(member.address),
    ...(member.pooler === undefined
      ? {}
      : { pooler: poolerStatus(member.pooler, state.poolers.get(name), rules, now) }),
    role: up === false ? 'no answer' : roleWord(answer?.kind),
    published: { role: member.role, state: member.state },
    healthy: up === true,
    health: words,
    healthFor: ms(now - (state.health.get(name)?.since ?? now)),
    drained: state.drained.has(name),
    vanished: member.vanishedAt !== undefined,
    sessions: sessions.now,
    mostSessions: sessions.most,
    totals: totals(name),
    pools: [...pools].map(([listen, entries]) => verdictOn(name, listen, entries)),
    ...(check === undefined ? {} : { check }),
    ...(timeline === undefined ? {} : { timeline }),
    ...(lag === undefined ? {} : { lag }),
  }
}

function checkStatus(last: ProbeOutcome | undefined, now: Ms): CheckStatus | undefined {
  if (last === undefined) return undefined
  const { via, answer, askedAt, answeredAt } = last
  const said = answer.kind === 'unasked' ? answer.why : roleWord(answer.kind)
  return { via, said, took: ms(answeredAt - askedAt), ago: ms(now - answeredAt) }
}

function poolerStatus(address: Address, health: Health | undefined, rules: ViewRules, now: Ms): PoolerStatus {
  const where = formatAddress(address)
  if (!health) return { address: where }
  const { up, words } = conditionOf(health, rules, now)
  return { address: where, healthy: up === true, health: words }
}

function roleWord(kind: 'primary' | 'recovery' | 'unasked' | undefined): MemberStatus['role'] {
  if (kind === 'primary') return 'primary'
  return kind === 'recovery' ? 'replica' : 'no answer'
}

/** How many bytes a member is behind, where it is known; a primary is behind nobody. */
export function lagShown(state: ClusterState, member: Member, rules: ViewRules, now: Ms): Bytes | undefined {
  if (state.words.get(member.name)?.answer?.answer.kind === 'primary') return undefined
  const lag = lagNow(state, member, rules, now)
  return lag.kind === 'known' ? lag.bytes : undefined
}

function verdictOn(member: string, listen: string, entries: readonly PoolEntry[]): PoolVerdict {
  const entry = entries.find(one => one.member.name === member)
  return { listen, usable: entry?.usable ?? false, share: entry?.share ?? 0, why: entry?.why ?? 'not known' }
}

/** `explain LISTENER`: the gate where it matters, then every member and why it is or is not in the pool. */
export function explainLines(listen: ListenConfig, input: StatusInput, now: Ms): string[] {
  const { gate } = input.state
  const entries = poolNow(input.state, listen, input.rules, now)
  const gateLine = gate.kind === 'open' ? `gate: open to ${gate.member}` : `gate: closed: ${gate.why}`
  return [
    gateLine,
    ...entries.map(({ member, usable, why }) => `${member.name}: ${usable ? 'usable' : 'not usable'}: ${why}`),
  ]
}
