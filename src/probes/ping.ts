// Whether anybody answers at an address, and nothing else: one request of eight bytes, one byte back, and gone again.
// Needs no user and takes no session.

import type { Socket } from 'node:net'
import type { Address } from '../topology/topology.js'
import type { Ms } from '../units/units.js'
import { firstBytes, GSSENC_REQUEST, type Hold, openTcp, SSL_REQUEST } from './open.js'
import { addressText, tookTooLong, type UnaskedAnswer, unaskedFrom, verdict } from './unasked.js'

/** A request, and the bytes that answer it. */
interface Ping {
  readonly name: string
  readonly request: Uint8Array
  readonly answers: string
}

/**
 * For PostgreSQL 12 and later: leaves no line in its log, where SSLRequest would ("could not accept SSL connection") wherever TLS is on.
 */
export const POSTGRES: Ping = { name: 'GSSENCRequest', request: GSSENC_REQUEST, answers: 'GN' }

/** For poolers: every one knows SSLRequest, and answers it without a server of its own. */
export const POOLER: Ping = { name: 'SSLRequest', request: SSL_REQUEST, answers: 'SN' }

/** Why nobody answered within `timeout`; undefined when somebody did. Never rejects. */
export async function ping(
  address: Address,
  { name, request, answers }: Ping,
  timeout: Ms,
  hold: Hold,
): Promise<UnaskedAnswer | undefined> {
  const where = addressText(address)
  let late = false
  let socket: Socket | undefined
  const deadline = setTimeout(() => {
    late = true
    socket?.destroy()
  }, timeout)
  try {
    const open = await openTcp(address, opened => {
      socket = opened
      hold(opened)
    })
    const reply = await firstBytes(open, request)
    if (reply.length === 1 && answers.includes(reply)) return undefined
    throw verdict('unclear', `${where} answered ${name} with something else than ${[...answers].join(' or ')}`)
  } catch (error) {
    return late ? tookTooLong(where, timeout) : unaskedFrom(error, where)
  } finally {
    socket?.destroy()
    clearTimeout(deadline)
  }
}
