// Counts the queries of one session by the heads of what its client sends after the startup: type and length of each message,
// nothing of what is in it. Source: "Message Formats", https://www.postgresql.org/docs/current/protocol-message-formats.html.

import { MAX_MESSAGE_BYTES, MESSAGE_HEAD_BYTES } from './codes.js'

/** Query, Execute, FunctionCall: each asks the server to run something. A Query of several statements is one. */
const QUERIES = bytesOf('QEF')
/** Every message a client may send once its startup packet is through. */
const MESSAGES = bytesOf('BCDEFHPQSXcdfp')

export class QueryCounter {
  /** Queries whose head has passed. */
  queries = 0
  private type = 0
  private length = 0
  /** Bytes of the present head that have passed. */
  private head = 0
  /** Bytes of the present message that are still to pass. */
  private rest = 0
  /** What passed opens no message: from here on nothing is known. */
  private lost = false

  /** Takes the next bytes from the client, in order: those from `start` up to `end`. The first must open a message. */
  feed(bytes: Uint8Array, start: number, end: number): void {
    let at = start
    while (at < end && !this.lost) {
      const passed = Math.min(this.rest, end - at)
      this.rest -= passed
      at += passed
      if (at < end) this.take(bytes[at++] ?? 0)
    }
  }

  private take(byte: number): void {
    if (this.head === 0) this.type = byte
    else this.length = this.length * 256 + byte
    if (++this.head < MESSAGE_HEAD_BYTES) return
    // The length counts itself, and not the type.
    this.rest = this.length - MESSAGE_HEAD_BYTES + 1
    this.lost = !MESSAGES.has(this.type) || this.rest < 0 || this.length > MAX_MESSAGE_BYTES
    if (!this.lost && QUERIES.has(this.type)) this.queries += 1
    this.head = 0
    this.length = 0
  }
}

function bytesOf(letters: string): ReadonlySet<number> {
  return new Set([...letters].map(letter => letter.charCodeAt(0)))
}
