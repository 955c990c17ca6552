// Which joined sessions may not go on, and why. Reads a cluster's state; ends nothing itself.

import type { ListenRole } from '../config/shape.js'
import type { End } from '../sessions/end.js'
import type { ClusterState } from './cluster.js'

/** As what a joined session sees its member: decides what a promotion or demotion does to it. */
export interface Joined {
  readonly member: string
  readonly role: ListenRole
  readonly joinedAs: 'primary' | 'replica'
  readonly onPromote: 'cut' | 'keep'
}

/**
 * Why a joined session must be cut, if it must. One that joined a primary, on whatever port: when the leader key has moved to another member, or its member
 * answers "in recovery"; never because a key is merely gone. A replica's session: when the replica has become a primary.
 */
export function mustCut(state: ClusterState, joined: Joined): End | undefined {
  const answer = state.words.get(joined.member)?.answer?.answer
  if (joined.role !== 'primary' && joined.joinedAs !== 'primary') {
    const couldWrite = joined.role !== 'any' && answer?.kind === 'primary'
    return couldWrite && joined.onPromote === 'cut' ? 'cut_promoted' : undefined
  }
  const named = state.silent ? undefined : state.topology?.term?.leader
  if (named !== undefined && named !== joined.member) return 'cut_leader_moved'
  if (state.gate.kind === 'open' && state.gate.member !== joined.member) return 'cut_leader_moved'
  return answer?.kind === 'recovery' ? 'cut_in_recovery' : undefined
}
