// Who leads, by Patroni's REST answers alone. A term of this source is `leader@timeline`: each promotion begins a new timeline.

import type { Member, Term, Topology } from './topology.js'
import { asObject, count, position, roleOf } from './values.js'

export interface Claim {
  readonly name: string
  readonly timeline: number
}

export interface Evidence {
  readonly claims: readonly Claim[]
  readonly members: ReadonlyMap<string, Member>
  /** Whom GET /cluster, asked just now, calls the leader. */
  readonly leader: { readonly name: string; readonly timeline?: number } | undefined
  readonly answers: ReadonlyMap<string, unknown>
  readonly previous: Topology | undefined
  readonly problems: string[]
}

/**
 * Members that say now, by GET /patroni, that they lead. The answer counts only with `state: running` and a position:
 * otherwise Patroni speaks from memory (patroni/api.py, get_postgresql_status).
 */
export function claimsOf(members: ReadonlyMap<string, Member>, answers: ReadonlyMap<string, unknown>): Claim[] {
  return [...members.values()].flatMap(({ name, apiUrl }) => {
    const body = apiUrl === undefined ? undefined : asObject(answers.get(apiUrl))
    const timeline = count(body?.timeline)
    if (body?.state !== 'running' || timeline === undefined) return []
    const role = roleOf(body.role)
    const leads =
      role === 'standby_leader' || (role === 'primary' && position(asObject(body.xlog)?.location) !== undefined)
    return leads ? [{ name, timeline }] : []
  })
}

/** The term: the newest claim; else whom GET /cluster names; else the term before, while its leader has not said otherwise. */
export function termOf(evidence: Evidence): Term | undefined {
  const claim = newest(evidence)
  if (claim !== undefined) return { leader: claim.name, revision: `${claim.name}@${claim.timeline}` }
  const { members, previous } = evidence
  const before = previous?.term
  const named = namedLeader(evidence)
  if (named !== undefined) return before?.leader === named.leader ? before : named
  if (before === undefined || evidence.leader !== undefined) return undefined
  const apiUrl = members.get(before.leader)?.apiUrl
  const silent = apiUrl === undefined || asObject(evidence.answers.get(apiUrl)) === undefined
  return silent ? before : undefined
}

// GET /cluster may be a second or two old: a leader of a timeline that has ended since is not named any more. A leader that
// is still a replica is about to be promoted, which begins the next timeline: its term is named by that one from the start.
function namedLeader({ leader, members, previous }: Evidence): Term | undefined {
  const member = leader && members.get(leader.name)
  if (leader === undefined || member === undefined) return undefined
  const timeline = leader.timeline ?? member.timeline ?? 0
  if (timeline > 0 && timeline < timelineOf(previous?.term)) return previous?.term
  return { leader: leader.name, revision: `${leader.name}@${member.role === 'replica' ? timeline + 1 : timeline}` }
}

// A primary that was cut off and comes back still claims its old timeline: time does not run backwards within one cluster.
function newest({ claims, leader, previous, problems }: Evidence): Claim | undefined {
  const floor = timelineOf(previous?.term)
  const current = claims.filter(claim => claim.timeline >= floor)
  for (const { name, timeline } of claims.filter(claim => claim.timeline < floor)) {
    problems.push(`${name} claims to lead on timeline ${timeline}, but timeline ${floor} has begun: not heeded`)
  }
  const top = Math.max(0, ...current.map(claim => claim.timeline))
  const best = current.filter(claim => claim.timeline === top)
  if (best.length <= 1) return best[0]
  problems.push(`${best.map(claim => claim.name).join(' and ')} both claim to lead on timeline ${top}`)
  return best.find(claim => claim.name === leader?.name) ?? best.find(claim => claim.name === previous?.term?.leader)
}

function timelineOf(term: Term | undefined): number {
  return term === undefined ? 0 : (count(term.revision.slice(term.revision.lastIndexOf('@') + 1)) ?? 0)
}
