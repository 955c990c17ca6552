// One attempt at one member: who is picked, what the dial tells of it, and whether it is still the right one when it has answered.

import type { DialOutcome } from '../health/answer.js'
import { mustCut } from '../pools/cut.js'
import { pick } from '../pools/pick.js'
import { dialled, type PoolEntry } from '../pools/pool.js'
import type { Ms } from '../units/units.js'
import type { DialFailure } from './dial.js'
import type { Login } from './login.js'
import type { Room } from './room.js'
import type { Session } from './session.js'

/** Whom the pick fell on, and whether nobody else could take the session. */
export interface Choice {
  readonly entry: PoolEntry
  readonly alone: boolean
}

const NOBODY: ReadonlySet<string> = new Set()

export function choose(session: Session, tried: ReadonlySet<string> = NOBODY, room: Room): Choice | undefined {
  const { config, cluster, listener } = session
  if (listener.pausedFor() !== undefined) return undefined
  const entries = listener.cluster.pool(config)
  const picked = pick({
    entries,
    balance: config.balance,
    sessionsOn: member => room.table.on(cluster, member),
    maxSessionsPerMember: config.maxSessionsPerMember,
    tried,
    turn: listener.turn(),
    chance: room.chance(),
  })
  if (picked.kind === 'none') return undefined
  const { entry } = picked
  return { entry, alone: !entries.some(other => other.usable && other !== entry) }
}

/**
 * Evidence for the health of whom it was: the member or the pooler beside it; nothing of an address that is no longer theirs. Without a
 * failure it has answered.
 */
export function tellDialled({ session, entry, room }: Login, failed: DialFailure | undefined, took: Ms): void {
  if (!entry) return
  const { cluster, listen, config, listener } = session
  const member = entry.member.name
  if (failed && !failed.interrupted) room.report({ kind: 'dial_failed', cluster, listen, member, why: failed.why })
  if (failed?.interrupted || !stillThere(session, entry)) return
  const at = room.now()
  const outcome: DialOutcome = failed
    ? { member, at, took, ok: false, reason: failed.reason, why: failed.why }
    : { member, at, took, ok: true }
  listener.cluster.tell({ kind: config.target === 'pooler' ? 'pooler' : 'dialled', outcome })
}

/**
 * How long a member that took the connection may be silent. While another could take the session, no longer than the connection
 * itself; alone it gets the whole startup time: a slow name look-up (log_hostname) is no reason to have nobody.
 */
export const answerTime = ({ config }: Session, alone: boolean): Ms =>
  alone ? config.startupTimeout : config.connectTimeout

/** Rule 1, at the last moment: while the dial was under way the gate, or the member itself, may have moved, or a pause begun. */
export function stillRight(session: Session, entry: PoolEntry): boolean {
  const { config } = session
  const { cluster, pausedFor } = session.listener
  if (pausedFor() !== undefined) return false
  if (!stillThere(session, entry)) return false
  const { gate } = cluster.state()
  if (config.role === 'primary') return gate.kind === 'open' && gate.member === entry.member.name
  return mustCut(cluster.state(), joinedOf(session, entry.member.name)) === undefined
}

/** The member still publishes the address that was dialled. */
function stillThere({ config, listener }: Session, { member, address }: PoolEntry): boolean {
  const known = listener.cluster.state().topology?.members.get(member.name)
  const now = known && dialled(known, config)
  return now !== undefined && now.host === address.host && now.port === address.port
}

export const joinedOf = (session: Session, member: string) => ({
  member,
  role: session.config.role,
  joinedAs: session.joinedAs,
  onPromote: session.config.onPromote,
})
