// Watches what a backend answers during startup: that it refuses, its cancel key, that it is ready.
// Only observes: the bytes are the caller's to pass on. Holds no more of them than a key or an error needs.

import {
  MAX_MESSAGE_BYTES,
  MAX_SECRET_BYTES,
  MAX_STARTUP_BYTES,
  MESSAGE_HEAD_BYTES,
  MIN_SECRET_BYTES,
} from './codes.js'
import { readString, readText, showBytes, wordAt } from './text.js'

export interface BackendError {
  readonly severity: string
  /** SQLSTATE; empty where the backend could not even give one (a failed fork is told in plain text). */
  readonly code: string
  readonly message: string
}

export type BackendSeen =
  /** A message that says nothing to a router has begun; `type` is its type byte: `R` Authentication*, `S` ParameterStatus, `N` NoticeResponse, `v` NegotiateProtocolVersion. */
  | { readonly kind: 'passed'; readonly type: 'R' | 'S' | 'N' | 'v' }
  | { readonly kind: 'key'; readonly processId: number; readonly secret: Uint8Array }
  | ({ readonly kind: 'error' } & BackendError)
  | { readonly kind: 'ready' }
  | { readonly kind: 'bad'; readonly why: string }

export interface BackendScanner {
  /** Takes the next bytes from the backend, in order, and tells what they complete. After `error`, `ready` or `bad` it says nothing more. */
  feed(chunk: Uint8Array): readonly BackendSeen[]
}

/** A scanner for one backend, from the first byte of its answer to a startup message (after `N`, or after none, to an SSLRequest). */
export function createBackendScanner(): BackendScanner {
  let held: Uint8Array = NOTHING
  let skip = 0
  let over = false
  return {
    feed(chunk) {
      const seen: BackendSeen[] = []
      if (over) return seen
      const bytes = join(held, chunk)
      let at = skip
      while (!over && at < bytes.length) {
        const one = readBackendMessage(bytes, at)
        if (one === 'more') break
        seen.push(one)
        over = ENDS_STARTUP.has(one.kind)
        at += 1 + wordAt(bytes, at + 1)
      }
      skip = Math.max(0, at - bytes.length)
      // A copy: the chunk's memory is the socket's.
      held = over || at >= bytes.length ? NOTHING : new Uint8Array(bytes.subarray(at))
      return seen
    },
  }
}

const opensError = (byte: number | undefined): boolean => byte === 0x45
const HEAD = 5

/**
 * Where in these bytes a backend's parting word begins, from `start` on: an ErrorResponse of a severity after which it closes the connection, at
 * their beginning or as the last of whole messages; -1 without one.
 */
export function partingAt(bytes: Uint8Array, start: number, length: number): number {
  const end = start + length
  if (opensError(bytes[start]) && isParting(bytes.subarray(start, end))) return 0
  // The last message of any other answer ends in a letter, an error in two zeros: most that is read is told apart by that.
  if (bytes[end - 1] !== 0 || bytes[end - 2] !== 0) return -1
  for (let at = start; at + HEAD <= end; ) {
    const next = at + 1 + wordAt(bytes, at + 1)
    if (next < at + HEAD || next > end) return -1
    if (next === end) return opensError(bytes[at]) && isParting(bytes.subarray(at, end)) ? at - start : -1
    at = next
  }
  return -1
}

function isParting(message: Uint8Array): boolean {
  const [seen] = createBackendScanner().feed(message)
  return seen?.kind === 'error' && seen.code !== '' && (seen.severity === 'FATAL' || seen.severity === 'PANIC')
}

/** What a backend's first byte says to an SSLRequest or GSSENCRequest. */
export type EncryptionAnswer = 'encrypted' | 'plaintext' | 'error' | 'bad'

/** Reads the single byte that answers: `S` or `G` goes on encrypted, `N` in plaintext, `E` opens an ErrorResponse. */
export function readEncryptionAnswer(request: 'ssl' | 'gssenc', byte: number): EncryptionAnswer {
  if (byte === (request === 'ssl' ? 0x53 : 0x47)) return 'encrypted'
  if (byte === 0x4e) return 'plaintext'
  return byte === 0x45 ? 'error' : 'bad'
}

const NOTHING = new Uint8Array(0)
const ENDS_STARTUP: ReadonlySet<BackendSeen['kind']> = new Set(['error', 'ready', 'bad'])

function join(held: Uint8Array, chunk: Uint8Array): Uint8Array {
  if (held.length === 0) return chunk
  const both = new Uint8Array(held.length + chunk.length)
  both.set(held)
  both.set(chunk, held.length)
  return both
}

/** By type byte: what says nothing to a router. Most of a startup is. */
const PASSED: Readonly<Record<number, BackendSeen>> = {
  82: { kind: 'passed', type: 'R' },
  83: { kind: 'passed', type: 'S' },
  78: { kind: 'passed', type: 'N' },
  118: { kind: 'passed', type: 'v' },
}
const READY: BackendSeen = { kind: 'ready' }
const [KEY_DATA, ERROR_RESPONSE, READY_FOR_QUERY] = [0x4b, 0x45, 0x5a]

/** Reads the message that starts at `at`. The bytes may end before it does: the rest of it is to be skipped. */
function readBackendMessage(bytes: Uint8Array, at: number): BackendSeen | 'more' {
  const type = bytes[at] ?? 0
  const passed = PASSED[type]
  if (!passed && type !== KEY_DATA && type !== ERROR_RESPONSE && type !== READY_FOR_QUERY)
    return bad(`the backend sent ${showBytes(bytes.subarray(at))}, which opens no message of a startup`)
  if (bytes.length - at < MESSAGE_HEAD_BYTES) return 'more'
  const length = wordAt(bytes, at + 1) + 1
  if (type === ERROR_RESPONSE) return readError(bytes.subarray(at), length)
  if (length < MESSAGE_HEAD_BYTES || length > MAX_MESSAGE_BYTES)
    return bad(`message ${String.fromCharCode(type)} has length ${length - 1}`)
  if (type === KEY_DATA) return readKey(bytes.subarray(at), length)
  return passed ?? READY
}

const bad = (why: string): BackendSeen => ({ kind: 'bad', why })

/** BackendKeyData: process ID, then the secret key, which fills the rest. */
function readKey(bytes: Uint8Array, length: number): BackendSeen | 'more' {
  const head = MESSAGE_HEAD_BYTES + 4
  if (length < head + MIN_SECRET_BYTES || length > head + MAX_SECRET_BYTES)
    return bad(`BackendKeyData has length ${length - 1}`)
  if (bytes.length < length) return 'more'
  const secret = new Uint8Array(bytes.subarray(head, length))
  return { kind: 'key', processId: wordAt(bytes, MESSAGE_HEAD_BYTES) | 0, secret }
}

/**
 * ErrorResponse: fields of a type byte and a string, ended by a zero byte. Of a longer one the first 10,000 bytes are read.
 * A "length" outside all sense is text: a postmaster that cannot fork sends `E`, a sentence and a NUL (report_fork_failure_to_client).
 */
function readError(bytes: Uint8Array, length: number): BackendSeen | 'more' {
  if (length < MESSAGE_HEAD_BYTES || length > MAX_MESSAGE_BYTES / 2) return readPlainError(bytes)
  const needed = Math.min(length, MAX_STARTUP_BYTES)
  if (bytes.length < needed) return 'more'
  const fields = new Map<string, string>()
  let at = MESSAGE_HEAD_BYTES
  while (at < needed && bytes[at] !== 0) {
    const field = readString(bytes.subarray(0, needed), at + 1)
    if (field === undefined) break
    fields.set(String.fromCharCode(bytes[at] ?? 0), field.text)
    at = field.next
  }
  // V is the severity that is never translated; PostgreSQL before 9.6 sends S alone.
  const severity = fields.get('V') ?? fields.get('S') ?? ''
  return { kind: 'error', severity, code: fields.get('C') ?? '', message: fields.get('M') ?? '' }
}

function readPlainError(bytes: Uint8Array): BackendSeen | 'more' {
  const text = readString(bytes, 1)
  if (text === undefined && bytes.length < MAX_STARTUP_BYTES) return 'more'
  const message = text?.text ?? readText(bytes.subarray(1, MAX_STARTUP_BYTES))
  return { kind: 'error', severity: 'FATAL', code: '', message: message.trim() }
}
