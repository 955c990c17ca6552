// One client's connection, from accept to end, and how it ends: once, with a reason out of the closed list.

import type { ListenConfig } from '../config/shape.js'
import type { Event, Report } from '../events/event.js'
import { errorResponse } from '../protocol/write.js'
import type { Attached, EndListener, LastWords, RelayEnd } from '../relay/relay.js'
import type { Peer } from '../relay/wire.js'
import type { End, Refusal } from '../sessions/end.js'
import type { Row, SessionState, Table } from '../sessions/table.js'
import { formatAddress } from '../topology/address.js'
import type { Address } from '../topology/topology.js'
import { type Bytes, bytes, type Ms, ms } from '../units/units.js'
import { tellAnswer } from './first-answer.js'
import type { Listener } from './listener.js'
import type { Login } from './login.js'

/**
 * All that is kept of a client while its session lasts, of many thousands at once: a word each, and nothing that can be asked of another
 * or made when it is asked for.
 */
export class Session implements Row, EndListener {
  place = -1
  host: string
  /** The client's port; undefined for a Unix socket. */
  port: number | undefined
  /** The balancer that is to say, or has said, whom it connects for. */
  balancer: string | undefined
  readonly acceptedAt: Ms
  /** When it came into its present state. */
  since: Ms
  state: SessionState = 'startup'
  member: string | undefined
  /** Undefined once the relay has it: an idle session keeps no wire and no buffer. */
  login: Login | undefined
  /** The rules it was placed by: the listener's own until it has joined a member. */
  config: ListenConfig
  joinedAs: 'primary' | 'replica' = 'replica'
  heldFor = ms(0)
  /** When its waiting, all turns together, is over. */
  holdUntil: Ms | undefined
  connectTook: Ms | undefined
  /** Failed dials so far. */
  failures = 0
  /** The address its link leads to, whatever the member's is by now. */
  linkedTo: Address | undefined
  attached: Attached | undefined
  /** What its cancel key is remembered under. */
  cancelKey: string | undefined
  /** The limit it is over, in the words of its refusal: only a cancel is served. */
  denied: string | undefined
  /** Set once it has ended; every hop looks here after it has waited. */
  end: End | undefined
  /** The cut under way, so that the relay's end is told as what it was. */
  cutting: End | undefined
  /** Where a limit hangs on when it last moved a byte: the bytes at the janitor's last look, and when they last changed. */
  seen: { total: number; at: Ms; halfClosedAt: Ms | undefined } | undefined

  constructor(
    readonly id: number,
    { remoteAddress, remotePort }: Peer,
    /** Where it came in: its cluster and its place to wait, whatever a reload makes of the name. */
    readonly listener: Listener,
    private readonly deps: SessionDeps,
  ) {
    this.host = plain(remoteAddress)
    this.port = remotePort
    this.acceptedAt = deps.now()
    this.since = this.acceptedAt
    this.config = listener.rules()
  }

  get listen(): string {
    return this.listener.name
  }

  get cluster(): string {
    return this.listener.cluster.name
  }

  /** `10.0.0.7:41234`, or `unix`. Until a balancer has said whom it connects for, the balancer. */
  get client(): string {
    if (this.host === '') return this.balancer ?? 'unix'
    return formatAddress({ host: this.host, port: this.port ?? 0 })
  }

  /** The balancer it came through, `host:port`. */
  get via(): string | undefined {
    return this.host === '' ? undefined : this.balancer
  }

  /** The relay's end, as the session's. */
  ended({ by, error }: RelayEnd, last: LastWords): void {
    const { member, deps } = this
    if (deps.unanswered.delete(this)) tellAnswer(this, last.first)
    const why = by === 'cut' ? (this.cutting ?? 'relay_failed') : endOf(by, error !== undefined)
    finish(this, why, deps)
    reportEnd(this, why, member, deps, error, last)
  }
}

/** An IPv4 client on a listener of both families shows as ::ffff:10.0.0.7. */
export function plain(address: string | undefined): string {
  return address?.startsWith('::ffff:') ? address.slice(7) : (address ?? '')
}

export interface SessionDeps {
  readonly table: Table<Session>
  readonly report: Report
  readonly now: () => Ms
  /** Too many refused clients have not gone yet, or too few descriptors are left, to let more of them take their time. */
  readonly crowded: () => boolean
  /** Whose cancel key it is, by keyName(). */
  readonly keys: Map<string, Session>
  /** Those that have logged in to write since a leader change of whose answers none is known. */
  readonly unanswered: Set<Session>
}

/** PostgreSQL's error codes for the refusals (Appendix A of its manual); none for what cannot be told a client. */
const SQLSTATE: Record<Refusal, string> = {
  refused_no_primary: '57P03',
  refused_no_replica: '57P03',
  refused_paused: '57P03',
  refused_operator: '57P01',
  refused_limit: '53300',
  refused_address: '28000',
  refused_shutdown: '57P01',
  refused_startup: '08P01',
  refused_timeout: '08P01',
}

/** Answers with a FATAL ErrorResponse, ends the session, and reports it. Does nothing to one that has ended. */
export function refuse(session: Session, end: Refusal, message: string, deps: SessionDeps): void {
  if (session.end) return
  finish(session, end, deps)
  const answer = refusal(session, end, message, deps)
  goodbye(session, answer)
  // Of a flood's last words none is waited for: each would hold a descriptor for seconds.
  if (deps.crowded()) session.login?.socket.destroySoon()
}

/** Reports it, and gives what the client is told. */
export function refusal(
  { listen, client }: Pick<Session, 'listen' | 'client'>,
  end: Refusal,
  message: string,
  { report }: Pick<SessionDeps, 'report'>,
): Uint8Array {
  report({ kind: 'session_refused', listen, client, end, message })
  return errorResponse({ severity: 'FATAL', code: SQLSTATE[end], message })
}

/** Sends this, if anything, and the end; what the client still says goes nowhere. */
function goodbye({ login }: Session, words?: Uint8Array): void {
  login?.socket.end(words)
  login?.socket.resume()
}

/** The session's one end: before it was joined it waits for nothing any more. */
function finish(session: Session, end: End, deps: SessionDeps): void {
  if (session.end) return
  session.end = end
  const { cancelKey } = session
  if (cancelKey !== undefined && deps.keys.get(cancelKey) === session) deps.keys.delete(cancelKey)
  deps.table.move(session, 'closing')
  const { login } = session
  login?.over()
  // Else the login does, when the client's wire is closed.
  if (!login || login.socket.destroyed) deps.table.remove(session)
  session.since = deps.now()
}

/** Ends a session that nothing is said to: the client left, or it never got a member. */
export function drop(session: Session, end: End, deps: SessionDeps, error?: string): void {
  if (session.end) return
  const member = session.member
  finish(session, end, deps)
  reportEnd(session, end, member, deps, error)
  session.login?.socket.destroy()
}

/** Ends a session in order, with nothing said: its request was served. */
export function close(session: Session, end: End, deps: SessionDeps): void {
  if (session.end) return
  finish(session, end, deps)
  reportEnd(session, end, undefined, deps)
  goodbye(session)
}

type SessionEnded = Extract<Event, { kind: 'session_ended' }>
type Writable<T> = { -readonly [K in keyof T]: T[K] }

function endOf(by: 'session' | 'link', failed: boolean): End {
  if (by === 'session') return failed ? 'client_reset' : 'client'
  return failed ? 'backend_reset' : 'backend'
}

function reportEnd(
  session: Session,
  end: End,
  member: string | undefined,
  deps: SessionDeps,
  error?: string,
  { answered, parted }: LastWords = {},
): void {
  const { listen, client, acceptedAt } = session
  const { fromClient, fromMember, queries } = moved(session)
  const lasted = ms(deps.now() - acceptedAt)
  // Field by field: of each session one is made.
  const event: Writable<SessionEnded> = { kind: 'session_ended', listen, client, end, lasted, fromClient, fromMember }
  if (queries !== undefined) event.queries = queries
  if (member !== undefined) event.member = member
  if (error !== undefined) event.error = error
  if (answered !== undefined) event.answeredAgo = answered
  if (parted !== undefined) event.partedAgo = parted
  deps.report(event)
}

/** What the session has moved so far, its startup included, and the queries it has sent, where they are counted. */
export function moved({ attached, login }: Session): { fromClient: Bytes; fromMember: Bytes; queries?: number } {
  const counts = attached?.counts()
  if (!counts) return { fromClient: bytes(login?.socket.bytesRead ?? 0), fromMember: bytes(0) }
  const { fromSession, fromLink, queries } = counts
  const passed = { fromClient: bytes(fromSession), fromMember: bytes(fromLink) }
  return queries === undefined ? passed : { queries, ...passed }
}

/** Cuts a joined session; its end is told when the relay has closed both sides. */
export function cut(session: Session, end: End): void {
  if (session.cutting) return
  session.cutting = end
  if (session.attached) session.attached.cut()
  else session.login?.interrupt()
}
