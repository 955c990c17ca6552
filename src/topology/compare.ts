// Whether two snapshots say the same. Knows what moves all the time without being news: positions, and the moment of reading.

import type { Topology } from './topology.js'

/** How far two readings of one schedule may lie apart: each converts the time of day anew. */
const SAME_DUE = 1000

/** True when nothing changed but the moment of reading, the revision, and (unless `positions` is asked for) LSNs. */
export function sameTopology(a: Topology, b: Topology, also?: 'positions'): boolean {
  return a === b || (sameDue(a, b) && fingerprint(a, also) === fingerprint(b, also))
}

function sameDue(a: Topology, b: Topology): boolean {
  const [x, y] = [a.failover?.dueAt, b.failover?.dueAt]
  return x === undefined || y === undefined ? x === y : Math.abs(x - y) < SAME_DUE
}

// Order of keys in the source says nothing, so maps are sorted.
function fingerprint(topology: Topology, also?: 'positions'): string {
  const { scope, systemId, term, leaderless, failover, sync, history, optime, settings, failsafe, problems } = topology
  const members = [...topology.members.values()].map(member => ({
    ...member,
    address: [member.address.host, member.address.port],
    pooler: member.pooler && [member.pooler.host, member.pooler.port],
    receiveLsn: also && member.receiveLsn,
    replayLsn: also && member.replayLsn,
    vanishedAt: member.vanishedAt !== undefined,
  }))
  const byName = (x: { name: string }, y: { name: string }) => (x.name < y.name ? -1 : 1)
  return JSON.stringify([
    [scope, systemId, term?.leader, term?.revision, leaderless, failover?.leader, failover?.candidate],
    [sync?.leader, sync?.standbys, history, also && optime, settings, [...failsafe].sort(), problems],
    members.sort(byName).map(member => Object.entries(member).sort(([x], [y]) => (x < y ? -1 : 1))),
  ])
}
