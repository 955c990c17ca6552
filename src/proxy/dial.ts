// Opens a link to a member and asks it the client's first question. A dial has succeeded when the member has answered
// as one that takes sessions; everything else is a failed dial, and evidence for health.

import { connect } from 'node:net'
import type { Unasked } from '../health/answer.js'
import { createBackendScanner } from '../protocol/backend.js'
import type { Wire, Wires } from '../relay/wire.js'
import { formatAddress } from '../topology/address.js'
import type { Address } from '../topology/topology.js'
import { formatMs, type Ms, ms } from '../units/units.js'
import { READ_AHEAD } from './inbound.js'
import { begin, type WaitEnded, type WaitSlot } from './wait.js'

export type DialFailure = {
  readonly kind: 'failed'
  readonly reason: Unasked
  readonly why: string
  /** Given up by us: no evidence against the member. */
  readonly interrupted: boolean
  /** This process has none to open a link with. */
  readonly noDescriptor?: true
}
/** A link, and what the member has answered so far, not yet passed on. */
export type Dialled = { readonly kind: 'linked'; readonly link: Wire; readonly answer: Buffer }

/** What the first bytes ask, and so what the answer must look like: encryption is answered by one byte; direct TLS is not waited for. */
export type Question = 'encryption' | 'startup' | 'direct_tls'

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

const failedFor = (where: string, error: Coded): DialFailure => {
  const why = `${where}: ${error.code ?? error.message}`
  if (error.code === 'EMFILE' || error.code === 'ENFILE')
    return { ...failure('unclear', why, true), noDescriptor: true }
  return failure(REASONS[error.code ?? ''] ?? 'unclear', why)
}

const failure = (reason: Unasked, why: string, interrupted = false): DialFailure => ({
  kind: 'failed',
  reason,
  why,
  interrupted,
})

const late = (ended: WaitEnded, where: string, why: string): DialFailure =>
  ended === 'overdue' ? failure('timeout', `${where}: ${why}`) : failure('unclear', `${where}: given up`, true)

export interface Patience {
  readonly slot: WaitSlot
  readonly now: () => Ms
}

const byNode = (address: Address): Wire =>
  connect({ ...address, allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 5000 })

/** Connects within `timeout`, by `wires` where they can. The link allows half-open, has no delay, and is paused. */
export function open(
  address: Address,
  wires: Wires | undefined,
  timeout: Ms,
  { slot, now }: Patience,
): Promise<Wire | DialFailure> {
  return new Promise(resolve => {
    const link = wires?.connect(address) ?? byNode(address)
    const where = formatAddress(address)
    const done = (result: Wire | DialFailure) => {
      slot.wait = undefined
      link.off('connect', onConnect)
      if (result === link) link.off('error', onError)
      else link.destroy()
      resolve(result)
    }
    const onConnect = () => done(link)
    const onError = (error: Coded) => done(failedFor(where, error))
    // The first listener stays: between two owners nobody else hears an error, and it shows again as an end.
    link
      .on('error', () => {})
      .on('error', onError)
      .once('connect', onConnect)
    begin(slot, ms(now() + timeout), why => done(late(why, where, `no connection within ${formatMs(timeout)}`)))
  })
}

/** Sends the question over an open link and waits for the first answer; on failure the link is gone. */
export function ask(
  link: Wire,
  question: Question,
  first: Uint8Array,
  timeout: Ms,
  { slot, now }: Patience,
): Promise<Dialled | DialFailure> {
  if (question === 'direct_tls') {
    link.write(first)
    return Promise.resolve({ kind: 'linked', link, answer: Buffer.alloc(0) })
  }
  return new Promise(resolve => {
    const where = formatAddress({ host: link.remoteAddress ?? '', port: link.remotePort ?? 0 })
    let answer: Buffer = Buffer.alloc(0)
    const done = (result: Dialled | DialFailure) => {
      slot.wait = undefined
      link.pause()
      link.off('data', onData).off('end', onEnd).off('close', onEnd)
      if (result.kind === 'failed') link.destroy()
      else link.off('error', onError)
      resolve(result)
    }
    const onData = (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk])
      const verdict = question === 'encryption' ? 'good' : judgeAnswer(answer)
      if (verdict === 'good') done({ kind: 'linked', link, answer })
      else if (verdict !== 'more') done(failure('starting', `${where}: ${verdict}`))
    }
    const onEnd = () => done(failure('refused', `${where}: closed the connection without an answer`))
    const onError = (error: Coded) => done(failedFor(where, error))
    link.on('error', onError).on('data', onData).on('end', onEnd).on('close', onEnd)
    begin(slot, ms(now() + timeout), why =>
      done(late(why, where, `accepted the connection but gave no answer within ${formatMs(timeout)}`)),
    )
    link.write(first)
    link.resume()
  })
}

/**
 * The first message that says anything decides (a notice or NegotiateProtocolVersion does not). 57P03 (cannot_connect_now:
 * starting up, shutting down) makes the dial a failed one, in the server's words; other errors are the client's to read.
 */
function judgeAnswer(answer: Buffer): 'good' | 'more' | string {
  const seen = createBackendScanner().feed(answer)
  const found = seen.find(one => one.kind !== 'passed' || (one.type !== 'v' && one.type !== 'N'))
  if (!found) return answer.length > READ_AHEAD ? 'good' : 'more'
  return found.kind === 'error' && found.code === '57P03' ? found.message : 'good'
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
