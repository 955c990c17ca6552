// One attempt at one member: the dial, what it tells of the member, and whether it is still the right one when it has answered.

import type { DialOutcome } from '../health/answer.js'
import { mustCut } from '../pools/cut.js'
import { dialled, type PoolEntry } from '../pools/pool.js'
import type { Wire } from '../relay/wire.js'
import { formatAddress } from '../topology/address.js'
import { type Ms, ms } from '../units/units.js'
import { ask, type DialFailure, type Dialled, open, type Question } from './dial.js'
import type { Room } from './room.js'
import type { Session } from './session.js'

/** A first packet that wants a member, with its bytes. */
export interface Request {
  readonly kind: 'ssl' | 'gssenc' | 'startup' | 'direct_tls'
  readonly packet: Buffer
}

/** A link that has answered the request, and whom it leads to. */
export interface Linked {
  readonly link: Wire
  readonly answer: Buffer
  readonly entry: PoolEntry
}

/** Whom the pick fell on, and whether nobody else could take the session. */
export interface Choice {
  readonly entry: PoolEntry
  readonly alone: boolean
}

/** One try at one member, with the client's first packet. What came of it is told as evidence. */
export async function dial(
  session: Session,
  choice: Choice,
  request: Request,
  room: Room,
): Promise<Dialled | DialFailure> {
  const { config } = session
  const { entry } = choice
  const member = entry.member.name
  const startedAt = room.now()
  room.table.move(session, 'dialing', member)
  session.joinedAs = entry.joinsAs
  const patience = { slot: session, now: room.now }
  const link = await open(entry.address, room.engine.wires, config.connectTimeout, patience)
  const result =
    'kind' in link ? link : await ask(link, questionOf(request), request.packet, answerTime(session, choice), patience)
  const took = ms(room.now() - startedAt)
  session.connectTook = took
  tellDialled(session, entry, result, took, room)
  return result
}

/** Evidence for the health of whom it was: the member or the pooler beside it; nothing of an address that is no longer theirs. */
function tellDialled(session: Session, entry: PoolEntry, result: Dialled | DialFailure, took: Ms, room: Room): void {
  const { cluster, listen, config, listener } = session
  const member = entry.member.name
  const failed = result.kind === 'failed' && !result.interrupted
  if (failed) room.report({ kind: 'dial_failed', cluster, listen, member, why: result.why })
  if (!stillThere(session, entry)) return
  const outcome = { member, at: room.now(), took }
  const kind = config.target === 'pooler' ? 'pooler' : 'dialled'
  const tell = (told: DialOutcome) => listener.cluster.tell({ kind, outcome: told })
  if (failed) tell({ ok: false, reason: result.reason, why: result.why, ...outcome })
  else if (result.kind === 'linked') tell({ ok: true, ...outcome })
}

/**
 * How long a member that took the connection may be silent. While another could take the session, no longer than the connection
 * itself; alone it gets the whole startup time: a slow name look-up (log_hostname) is no reason to have nobody.
 */
const answerTime = ({ config }: Session, { alone }: Choice): Ms =>
  alone ? config.startupTimeout : config.connectTimeout

function questionOf(request: Request): Question {
  if (request.kind === 'startup' || request.kind === 'direct_tls') return request.kind
  return 'encryption'
}

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
  return now !== undefined && formatAddress(now) === formatAddress(address)
}

export const joinedOf = (session: Session, member: string) => ({
  member,
  role: session.config.role,
  joinedAs: session.joinedAs,
  onPromote: session.config.onPromote,
})

/** The next packet over the link that answered `N`; when the member turns it away now, the session is placed anew. */
export async function askAgain(
  session: Session,
  { link, entry }: Linked,
  request: Request,
  room: Room,
): Promise<Linked | undefined> {
  const patience = { slot: session, now: room.now }
  const askedAt = room.now()
  const result = await ask(link, questionOf(request), request.packet, session.config.startupTimeout, patience)
  if (!session.end && result.kind === 'linked' && stillRight(session, entry)) return { ...result, entry }
  link.destroy()
  if (result.kind === 'failed' && !result.interrupted) session.failures++
  tellDialled(session, entry, result, ms(room.now() - askedAt), room)
  return undefined
}
