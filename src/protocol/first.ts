// Reads what a frontend says first: a request, a startup packet, direct TLS, or something that is not PostgreSQL.
// Knows sizes and codes. Never consumes: the caller keeps the bytes and passes them on untouched.

import {
  CANCEL_HEAD_BYTES,
  CANCEL_MINOR,
  GSSENC_MINOR,
  MAX_SECRET_BYTES,
  MAX_STARTUP_BYTES,
  MIN_SECRET_BYTES,
  PROTOCOL_MAJOR,
  REQUEST_BYTES,
  REQUEST_MAJOR,
  SSL_MINOR,
  TLS_HANDSHAKE,
} from './codes.js'
import { readText, showBytes, wordAt } from './text.js'

/** `length` counts the bytes of the packet itself; whatever follows it belongs to the next one. */
export type First =
  | { readonly kind: 'more' }
  | { readonly kind: 'ssl'; readonly length: number }
  | { readonly kind: 'gssenc'; readonly length: number }
  | { readonly kind: 'cancel'; readonly processId: number; readonly secret: Uint8Array; readonly length: number }
  | { readonly kind: 'startup'; readonly major: number; readonly minor: number; readonly length: number }
  | { readonly kind: 'direct_tls' }
  | { readonly kind: 'bad'; readonly why: string }

const MORE: First = { kind: 'more' }

/**
 * Reads the first packet out of all bytes received so far; to be asked again with more bytes after `more`, which is never
 * answered once 10,000 bytes are there. After the backend answered `N` to an ssl or gssenc request, ask for the next packet.
 */
export function readFirst(bytes: Uint8Array): First {
  if (bytes[0] === TLS_HANDSHAKE) return { kind: 'direct_tls' }
  if (bytes.length < 4) return MORE
  const length = wordAt(bytes, 0)
  if (length < REQUEST_BYTES || length > MAX_STARTUP_BYTES) return { kind: 'bad', why: wrongLength(bytes, length) }
  if (bytes.length < REQUEST_BYTES) return MORE
  const code = wordAt(bytes, 4)
  const [major, minor] = [code >>> 16, code & 0xffff]
  if (major === REQUEST_MAJOR) return readRequest(bytes, minor, length)
  if (major !== PROTOCOL_MAJOR) return { kind: 'bad', why: wrongProtocol(major, minor) }
  if (bytes.length < length) return MORE
  return isPairs(bytes, REQUEST_BYTES, length)
    ? { kind: 'startup', major, minor, length }
    : { kind: 'bad', why: LAYOUT }
}

function readRequest(bytes: Uint8Array, minor: number, length: number): First {
  if (minor === CANCEL_MINOR) return readCancel(bytes, length)
  if (minor !== SSL_MINOR && minor !== GSSENC_MINOR) return { kind: 'bad', why: wrongProtocol(REQUEST_MAJOR, minor) }
  const kind = minor === SSL_MINOR ? 'ssl' : 'gssenc'
  if (length === REQUEST_BYTES) return { kind, length }
  const name = kind === 'ssl' ? 'SSLRequest' : 'GSSENCRequest'
  return { kind: 'bad', why: `${name} has length ${length}; it must be ${REQUEST_BYTES}` }
}

function readCancel(bytes: Uint8Array, length: number): First {
  const secretLength = length - CANCEL_HEAD_BYTES
  if (secretLength < MIN_SECRET_BYTES || secretLength > MAX_SECRET_BYTES) {
    const range = `${CANCEL_HEAD_BYTES + MIN_SECRET_BYTES} to ${CANCEL_HEAD_BYTES + MAX_SECRET_BYTES}`
    return { kind: 'bad', why: `CancelRequest has length ${length}; it must be ${range}` }
  }
  if (bytes.length < length) return MORE
  // A copy, and not slice(): a Buffer's slice would keep pointing into the socket's memory.
  const secret = new Uint8Array(bytes.subarray(CANCEL_HEAD_BYTES, length))
  return { kind: 'cancel', processId: wordAt(bytes, REQUEST_BYTES) | 0, secret, length }
}

const LAYOUT = 'startup packet is not pairs of name and value ended by one zero byte'

/** Name and value pairs up to an empty name, which must be the last byte (PostgreSQL: ProcessStartupPacket). */
function isPairs(bytes: Uint8Array, from: number, until: number): boolean {
  let at = from
  while (at < until && bytes[at] !== 0) {
    const value = after(bytes, at, until)
    at = value === 0 ? 0 : after(bytes, value, until)
    if (at === 0) return false
  }
  return at === until - 1
}

/** Where the string that starts at `at` is over; 0 where it does not end before `until`. */
function after(bytes: Uint8Array, at: number, until: number): number {
  for (let byte = at; byte < until; byte++) if (bytes[byte] === 0) return byte + 1
  return 0
}

/** Other protocols people point at this port by mistake, by their first four bytes. */
const STRANGERS: ReadonlyArray<readonly [RegExp, string]> = [
  [/^(GET |POST|PUT |HEAD|DELE|OPTI|CONN|PATC|TRAC|PRI )/, 'this is an HTTP request; this port speaks PostgreSQL'],
  [
    /^(PROX|\r\n\r\n)/,
    'this is a PROXY protocol header, and this listener takes none from this address; name the sender in proxyFrom (proxyProtocol: accept), or switch it off there',
  ],
  [/^SSH-/, 'this is SSH; this port speaks PostgreSQL'],
]

function wrongLength(bytes: Uint8Array, length: number): string {
  const head = readText(bytes.subarray(0, 4))
  const stranger = STRANGERS.find(([pattern]) => pattern.test(head))
  if (stranger) return stranger[1]
  return `startup packet has length ${length} (first bytes ${showBytes(bytes.subarray(0, 4))}); it must be ${REQUEST_BYTES} to ${MAX_STARTUP_BYTES}`
}

function wrongProtocol(major: number, minor: number): string {
  if (major === REQUEST_MAJOR) return `unknown request code ${major}.${minor}`
  return `unsupported frontend protocol ${major}.${minor}; PostgreSQL speaks ${PROTOCOL_MAJOR}.x, use a newer driver`
}
