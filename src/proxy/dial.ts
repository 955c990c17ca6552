// Opens a link to a member and asks it the client's first question. A dial has succeeded when the member has answered
// as one that takes sessions; everything else is a failed dial, and evidence for health.

import { connect } from 'node:net'
import type { Unasked } from '../health/answer.js'
import { type BackendSeen, createBackendScanner } from '../protocol/backend.js'
import type { Wire, Wires } from '../relay/wire.js'
import { formatAddress } from '../topology/address.js'
import type { Address } from '../topology/topology.js'
import type { Ms } from '../units/units.js'
import { NOTHING, READ_AHEAD } from './inbound.js'
import type { Login } from './login.js'
import { NodeWire } from './node-wire.js'

export type DialFailure = {
  readonly reason: Unasked
  readonly why: string
  /** Given up by us: no evidence against the member. */
  readonly interrupted: boolean
  /** This process has none to open a link with. */
  readonly noDescriptor?: true
}

const REASONS: Record<string, Unasked> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'refused',
  EPIPE: 'refused',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENOTFOUND: 'unreachable',
  EAI_AGAIN: 'unreachable',
  ETIMEDOUT: 'timeout',
}

type Coded = Error & { readonly code?: string }

export function failedFor(where: string, error: Coded): DialFailure {
  const why = `${where}: ${error.code ?? error.message}`
  if (error.code === 'EMFILE' || error.code === 'ENFILE')
    return { ...failure('unclear', why), interrupted: true, noDescriptor: true }
  return failure(REASONS[error.code ?? ''] ?? 'unclear', why)
}

export const failure = (reason: Unasked, why: string): DialFailure => ({ reason, why, interrupted: false })

/** Where a login's link leads to. */
export const placeOf = ({ entry }: Login): string => (entry ? formatAddress(entry.address) : '')

const byNode = (address: Address): Wire =>
  new NodeWire(
    connect({ ...address, allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 5000 }),
  )

/** Begins to connect, by `wires` where they can. The link allows half-open, has no delay, and is paused. */
export const open = (address: Address, wires: Wires | undefined): Wire => wires?.connect(address) ?? byNode(address)

/** Sends the client's packet over an open link, and reads what comes. */
export function ask(login: Login): void {
  const { link, packet, request } = login
  login.answer = NOTHING
  login.settled = false
  login.scanner = request === 'startup' ? createBackendScanner() : undefined
  link?.write(packet)
  if (request !== 'direct_tls') link?.resume()
}

/**
 * Of the answer, of which so many bytes are here with these. Encryption is answered by one byte. To a startup the first message that says
 * anything decides (a notice or NegotiateProtocolVersion does not). 57P03 (cannot_connect_now: starting up, shutting down) makes the dial
 * a failed one, in the server's words; other errors are the client's to read.
 */
export function judge(login: Login, bytes: Buffer, length: number): 'good' | 'more' | { readonly refused: string } {
  const seen = login.scanner?.feed(bytes)
  if (!seen) return 'good'
  note(login, seen)
  const found = seen.find(one => one.kind !== 'passed' || (one.type !== 'v' && one.type !== 'N'))
  if (!found) return length > READ_AHEAD ? 'good' : 'more'
  return found.kind === 'error' && found.code === '57P03' ? { refused: found.message } : 'good'
}

/** Keeps what a login is to know of a member's startup: the cancel key, and that there is nothing more to learn. */
export function note(login: Login, seen: readonly BackendSeen[]): void {
  for (const one of seen) {
    if (one.kind === 'passed') continue
    login.settled = true
    if (one.kind === 'key') login.key = one
  }
}

/** Sends a CancelRequest to one member and waits until it has closed the connection, or was silent for `timeout`. Never fails. */
export function sendCancel(address: Address, request: Uint8Array, timeout: Ms): Promise<void> {
  return new Promise(resolve => {
    const socket = connect({ ...address, noDelay: true })
    const done = () => {
      socket.destroy()
      resolve()
    }
    socket.setTimeout(timeout, done)
    socket.on('error', done).on('close', done)
    socket.once('connect', () => socket.write(request))
    socket.resume()
  })
}
