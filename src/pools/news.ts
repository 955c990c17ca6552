// What a new snapshot, or the source's silence, changes in a cluster's state, and what of it is worth telling.

import type { Event } from '../events/event.js'
import { formatAddress } from '../topology/address.js'
import { remember } from '../topology/remember.js'
import type { Address, FailoverRequest, Member, SourceNews, Topology } from '../topology/topology.js'
import { type Ms, ms } from '../units/units.js'
import type { ClusterState } from './cluster.js'

/** Takes a snapshot in. Answers stay with the address that gave them: a member that has moved is asked anew. */
export function takeTopology(
  state: ClusterState,
  { topology: published, another }: Extract<SourceNews, { kind: 'topology' }>,
  now: Ms,
): [ClusterState, Event[]] {
  const cluster = state.name
  const previous = state.topology
  const topology = remember(previous, published, now)
  const termStands = previous !== undefined && (another ? agree(state, topology) : sameTerm(previous, topology))
  const { silent, failoverSince, ...rest } = state
  const sign = signIn(previous, topology)
  const lastLeader = topology.term?.leader ?? state.lastLeader
  const kept = <V>(map: ReadonlyMap<string, V>, of: AddressOf = member => member.address) =>
    keepAddressed(map, of, previous, topology)
  const next: ClusterState = {
    ...rest,
    topology,
    words: kept(state.words),
    health: kept(state.health),
    poolers: kept(state.poolers, member => member.pooler),
    termSince: termStands ? state.termSince : now,
    ...(silent ? { heardSince: now } : {}),
    ...(lastLeader === undefined ? {} : { lastLeader }),
    ...(topology.failover ? { failoverSince: sign === 'new' ? now : (failoverSince ?? now) } : {}),
  }
  const events: Event[] = []
  if (silent) events.push({ kind: 'source_answers', cluster, silentFor: ms(now - silent.since) })
  else if (!previous) events.push({ kind: 'source_answers', cluster })
  for (const problem of topology.problems)
    if (!previous?.problems.includes(problem)) events.push({ kind: 'source_problem', cluster, problem })
  events.push(...membersChanged(cluster, previous, topology), ...(termStands ? [] : leaderChanged(state, topology)))
  // A scheduled one is a sign only once it falls due; the gate tells it then.
  if (sign === 'new' && topology.failover && !((topology.failover.dueAt ?? 0) > now))
    events.push({
      kind: 'first_sign',
      cluster,
      sign: `failover key: ${wayOf(topology.failover, topology.term?.leader)}`,
    })
  return [next, events]
}

/** Nobody answers: the snapshot stands. */
export function takeSilence(
  state: ClusterState,
  { since, why }: { readonly since: Ms; readonly why: string },
): [ClusterState, Event[]] {
  const events: Event[] = state.silent ? [] : [{ kind: 'source_silent', cluster: state.name, why }]
  return [{ ...state, silent: { since: state.silent?.since ?? since, why } }, events]
}

/** Whether a failover key stands, and whether it is another than before. */
function signIn(previous: Topology | undefined, { failover }: Topology): 'none' | 'same' | 'new' {
  if (!failover) return 'none'
  return previous?.failover && sameRequest(previous.failover, failover) ? 'same' : 'new'
}

function sameRequest(a: FailoverRequest, b: FailoverRequest): boolean {
  if (a.leader !== b.leader || a.candidate !== b.candidate) return false
  if (a.dueAt === undefined || b.dueAt === undefined) return a.dueAt === b.dueAt
  // The time of day it was written in is read anew with each snapshot.
  return Math.abs(a.dueAt - b.dueAt) < 1000
}

function wayOf(failover: FailoverRequest, leader: string | undefined): string {
  return `${failover.leader ?? leader ?? 'the leader'} → ${failover.candidate ?? 'the best candidate'}`
}

/** The revision alone does not do: it outlives a value that is overwritten, and a restored etcd gives it out again. */
function sameTerm({ term: a }: Topology, { term: b }: Topology): boolean {
  return a?.leader === b?.leader && a?.revision === b?.revision
}

/**
 * Two sources name the same leader at the same address, and the one before spoke until now: no leadership has come between, so
 * what was confirmed stays so. Revisions of two sources cannot be compared.
 */
function agree({ topology: before, silent }: ClusterState, next: Topology): boolean {
  const leader = next.term?.leader
  if (silent || leader === undefined || before?.term?.leader !== leader) return false
  const [old, now] = [before.members.get(leader)?.address, next.members.get(leader)?.address]
  return old !== undefined && now !== undefined && formatAddress(old) === formatAddress(now)
}

function leaderChanged({ name: cluster, topology: previous, lastLeader: from }: ClusterState, next: Topology): Event[] {
  if (previous?.term && !next.term) return [{ kind: 'leader_key_gone', cluster, leader: previous.term.leader }]
  if (!next.term || (previous && sameTerm(previous, next))) return []
  return [{ kind: 'leader_changed', cluster, to: next.term.leader, ...(from === undefined ? {} : { from }) }]
}

function membersChanged(cluster: string, previous: Topology | undefined, next: Topology): Event[] {
  const events: Event[] = []
  for (const { name, address, vanishedAt } of next.members.values()) {
    const before = previous?.members.get(name)
    if (!before || (before.vanishedAt !== undefined && vanishedAt === undefined))
      events.push({ kind: 'member_appeared', cluster, member: name, address: formatAddress(address) })
    else if (before.vanishedAt === undefined && vanishedAt !== undefined)
      events.push({ kind: 'member_vanished', cluster, member: name })
  }
  for (const { name, address } of previous?.members.values() ?? []) {
    if (next.members.has(name)) continue
    const why = `its address ${formatAddress(address)} is another member's now`
    events.push({ kind: 'member_forgotten', cluster, member: name, why })
  }
  return events
}

type AddressOf = (member: Member) => Address | undefined

function keepAddressed<V>(
  map: ReadonlyMap<string, V>,
  of: AddressOf,
  previous: Topology | undefined,
  next: Topology,
): ReadonlyMap<string, V> {
  const where = (topology: Topology | undefined, name: string) => {
    const member = topology?.members.get(name)
    const address = member && of(member)
    return address && formatAddress(address)
  }
  const stays = (name: string) => where(next, name) !== undefined && where(previous, name) === where(next, name)
  return new Map([...map].filter(([name]) => stays(name)))
}
