// Members that the source no longer lists keep their last address, marked, until somebody decides that they are gone.

import type { Ms } from '../units/units.js'
import { formatAddress } from './address.js'
import type { Member, Topology } from './topology.js'

/**
 * The next snapshot, with members of the previous one that it lacks (or knows only from a last resort) kept at their last
 * address and `vanishedAt` set. Nothing is ever dropped here: see forget().
 */
export function remember(previous: Topology | undefined, next: Topology, now: Ms): Topology {
  if (previous === undefined) return next
  const kept = [...previous.members.values()].filter(
    member => isGone(next.members.get(member.name)) && !isTaken(member, next),
  )
  if (kept.length === 0) return next
  const members = new Map(next.members)
  for (const member of kept) members.set(member.name, { ...member, vanishedAt: member.vanishedAt ?? now })
  return { ...next, members: withoutDoubles(members) }
}

/** The topology without that member: nobody answers at its last address any more. */
export function forget(topology: Topology, name: string): Topology {
  if (!topology.members.has(name)) return topology
  const members = new Map(topology.members)
  members.delete(name)
  return { ...topology, members }
}

/** A renamed member: the server at its address goes by another name now. */
function isTaken({ address }: Member, next: Topology): boolean {
  const where = formatAddress(address)
  return [...next.members.values()].some(one => one.vanishedAt === undefined && formatAddress(one.address) === where)
}

function isGone(member: Member | undefined): boolean {
  return member === undefined || member.vanishedAt !== undefined
}

// An address of last resort that belongs to a member known by name would be probed, counted and shown twice.
function withoutDoubles(members: Map<string, Member>): Map<string, Member> {
  const isNamed = (member: Member) => member.name !== formatAddress(member.address)
  const known = new Set([...members.values()].filter(isNamed).map(member => formatAddress(member.address)))
  return new Map([...members].filter(([name, member]) => member.vanishedAt === undefined || !known.has(name)))
}
