// The members a listener's role may use now, each with the reason why or why not.
// Every verdict's words are what `status`, `explain` and a refusal print.

import type { ListenConfig } from '../config/shape.js'
import type { Answer } from '../health/answer.js'
import type { Lag } from '../health/lag.js'
import type { Address, Member, Topology } from '../topology/topology.js'
import { formatBytes, formatMs } from '../units/units.js'
import type { Gate } from './gate.js'

export interface PoolEntry {
  readonly member: Member
  /** Where a session is dialled: PostgreSQL itself, or the pooler beside it. */
  readonly address: Address
  readonly usable: boolean
  readonly why: string
  /** Its part of new sessions: weight times slow start; 0 only takes what nobody else can. */
  readonly share: number
  readonly joinsAs: 'primary' | 'replica'
}

/** Whether it answers: undefined until it was first asked; in words; and its share after a failure (slow start). */
export interface Condition {
  readonly up: boolean | undefined
  readonly words: string
  readonly share: number
}

export interface PoolView {
  readonly topology: Topology
  readonly gate: Gate
  /** A member's last yes or no. */
  readonly answer: (member: string) => Answer | undefined
  readonly condition: (member: string) => Condition
  /** Of the pooler beside it, which says nothing of the member itself. */
  readonly pooler: (member: string) => Condition
  readonly lag: (member: Member) => Lag
  readonly drained: ReadonlySet<string>
}

export type PoolRules = Pick<ListenConfig, 'role' | 'maxLag' | 'maxLagTime' | 'fallback' | 'target'>

interface Opinion {
  readonly usable: boolean
  readonly why: string
}

const no = (why: string): Opinion => ({ usable: false, why })
const yes = (why: string): Opinion => ({ usable: true, why })

/** The pool of a listener with these rules: every known member, with the verdict on it. */
export function poolOf(rules: PoolRules, view: PoolView): PoolEntry[] {
  const members = [...view.topology.members.values()]
  const entries = members.map(member => entryOf(member, rules, view))
  if (rules.fallback !== 'primary' || rules.role === 'any' || entries.some(entry => entry.usable)) return entries
  return entries.map(entry => (isPrimary(entry.member.name, view) ? fallBack(entry, rules, view) : entry))
}

function entryOf(member: Member, rules: PoolRules, view: PoolView): PoolEntry {
  const joinsAs = isPrimary(member.name, view) ? 'primary' : 'replica'
  return reach(member, opinion(member, rules, view), joinsAs, rules, view)
}

/** The opinion on a member as an entry: through a pooler that is not there or does not answer, nobody gets to a good member either. */
function reach(
  member: Member,
  { usable, why }: Opinion,
  joinsAs: PoolEntry['joinsAs'],
  rules: PoolRules,
  view: PoolView,
): PoolEntry {
  const { address, obstacle, share } = wayTo(member, rules, view)
  return {
    member,
    address,
    usable: usable && obstacle === undefined,
    why: usable ? (obstacle ?? why) : why,
    share: view.condition(member.name).share * member.tags.weight * share,
    joinsAs,
  }
}

/** Where a member's sessions are dialled; undefined: it publishes nothing to dial. */
export function dialled(member: Member, { target }: Pick<PoolRules, 'target'>): Address | undefined {
  return target === 'pooler' ? member.pooler : member.address
}

function wayTo(member: Member, rules: PoolRules, view: PoolView) {
  const address = dialled(member, rules)
  if (address === undefined)
    return { address: member.address, obstacle: 'publishes no proxy_url, and target is pooler', share: 1 }
  if (rules.target === 'postgres') return { address, obstacle: undefined, share: 1 }
  const { up, words, share } = view.pooler(member.name)
  return { address, obstacle: up === false ? `its pooler: ${words}` : undefined, share }
}

function opinion(member: Member, rules: PoolRules, view: PoolView): Opinion {
  switch (rules.role) {
    case 'primary':
      return asPrimary(member, view)
    case 'replica':
      return asReplica(member, rules, view)
    case 'sync':
      return asSync(member, rules, view)
    case 'any':
      return isPrimary(member.name, view) ? asPrimary(member, view) : asReplica(member, rules, view)
    default:
      return rules.role satisfies never
  }
}

/** The gate's member; without a gate's word, what it answered last. */
function isPrimary(name: string, view: PoolView): boolean {
  if (view.gate.kind === 'open') return view.gate.member === name
  return view.answer(name)?.kind === 'primary'
}

function asPrimary({ name }: Member, view: PoolView): Opinion {
  const { gate } = view
  if (gate.kind === 'closed') return no(`the gate is closed: ${gate.why}`)
  if (gate.member !== name) return no(`is not the primary (${gate.member} is)`)
  return view.drained.has(name)
    ? yes('is the primary (drained: writes stay until a switchover)')
    : yes('is the primary')
}

function asSync(member: Member, rules: PoolRules, view: PoolView): Opinion {
  const names = view.topology.sync?.standbys ?? []
  const named = names.some(name => name === '*' || name.toLowerCase() === member.name.toLowerCase())
  if (!named && !isPrimary(member.name, view)) return no('is not named in the sync key')
  return asReplica(member, rules, view)
}

const REPLICA_STATES = new Set(['running', 'streaming', 'in archive recovery', 'unknown'])

function asReplica(member: Member, rules: PoolRules, view: PoolView): Opinion {
  const answer = view.answer(member.name)
  const { up, words } = view.condition(member.name)
  if (view.drained.has(member.name)) return no('drained by an operator')
  if (isPrimary(member.name, view)) return no('is the primary')
  if (up === false) return no(words)
  if (answer?.kind === 'primary') return no('answered as a primary, and has not answered as a replica since')
  if (member.tags.noloadbalance) return no('has the tag noloadbalance')
  if (!REPLICA_STATES.has(member.state) && answer?.kind !== 'recovery') return no(`its state is ${member.state}`)
  if (member.role !== 'replica' && member.role !== 'standby_leader' && answer?.kind !== 'recovery')
    return no(`its role is ${member.role}`)
  if (up === undefined) return no('has not been asked yet')
  return lagOpinion(rules, view.lag(member), member)
}

function lagOpinion(rules: PoolRules, lag: Lag, member: Member): Opinion {
  if (lag.kind === 'diverged') return no(lag.why)
  if (lag.kind === 'unknown') return no(`its lag is not known: ${lag.why}`)
  if (lag.bytes > rules.maxLag) return no(`lag ${formatBytes(lag.bytes)} is over maxLag ${formatBytes(rules.maxLag)}`)
  if (rules.maxLagTime > 0 && lag.delay !== undefined && lag.delay > rules.maxLagTime)
    return no(`lag ${formatMs(lag.delay)} is over maxLagTime ${formatMs(rules.maxLagTime)}`)
  const role = member.role === 'standby_leader' ? 'standby leader' : 'replica'
  return yes(`${role}, ${formatBytes(lag.bytes)} behind`)
}

function fallBack(entry: PoolEntry, rules: PoolRules, view: PoolView): PoolEntry {
  if (view.gate.kind === 'closed') return { ...entry, why: `fallback: the gate is closed: ${view.gate.why}` }
  const opinion = yes('is the primary, and no replica qualifies (fallback: primary)')
  return reach(entry.member, opinion, 'primary', rules, view)
}
