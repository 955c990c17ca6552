// Writes the few messages a router says itself: its refusals, and what a probe or a cancel opens with.
// Knows layouts. Never decides what to say.

import { CANCEL_HEAD_BYTES, CANCEL_MINOR, PROTOCOL_MAJOR, REQUEST_BYTES, REQUEST_MAJOR, SSL_MINOR } from './codes.js'
import { viewOf, writeString } from './text.js'

export interface ErrorFields {
  readonly severity: 'ERROR' | 'FATAL' | 'PANIC'
  /** SQLSTATE, five characters. */
  readonly code: string
  readonly message: string
  readonly detail?: string
  readonly hint?: string
}

/** ErrorResponse, with the fields S, V, C, M and, where given, D and H ("Error and Notice Message Fields"). */
export function errorResponse(error: ErrorFields): Uint8Array {
  const fields = [`S${error.severity}`, `V${error.severity}`, `C${error.code}`, `M${error.message}`]
  if (error.detail !== undefined) fields.push(`D${error.detail}`)
  if (error.hint !== undefined) fields.push(`H${error.hint}`)
  return message('E', concat([...fields.map(writeString), new Uint8Array(1)]))
}

/** A message with its type, one ASCII letter, and its length in front. */
export function message(type: string, body: Uint8Array): Uint8Array {
  const head = new Uint8Array(5)
  head[0] = type.charCodeAt(0)
  viewOf(head).setUint32(1, 4 + body.length)
  return concat([head, body])
}

/** CancelRequest: the process ID and the secret as BackendKeyData gave them, 4 to 256 bytes. */
export function cancelRequest(processId: number, secret: Uint8Array): Uint8Array {
  const packet = opening(REQUEST_MAJOR, CANCEL_MINOR, CANCEL_HEAD_BYTES + secret.length)
  viewOf(packet).setInt32(REQUEST_BYTES, processId)
  packet.set(secret, CANCEL_HEAD_BYTES)
  return packet
}

/** SSLRequest. */
export const sslRequest = (): Uint8Array => opening(REQUEST_MAJOR, SSL_MINOR, REQUEST_BYTES)

/** StartupMessage of protocol 3.`minor`. Names must not be empty: an empty one would end the list. */
export function startupMessage(parameters: ReadonlyMap<string, string>, minor = 0): Uint8Array {
  const pairs = concat([...parameters].flatMap(([name, value]) => [writeString(name), writeString(value)]))
  const packet = opening(PROTOCOL_MAJOR, minor, REQUEST_BYTES + pairs.length + 1)
  packet.set(pairs, REQUEST_BYTES)
  return packet
}

/** `length` bytes that open with their length and a code. */
function opening(major: number, minor: number, length: number): Uint8Array {
  const packet = new Uint8Array(length)
  const view = viewOf(packet)
  view.setUint32(0, length)
  view.setUint16(4, major)
  view.setUint16(6, minor)
  return packet
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
