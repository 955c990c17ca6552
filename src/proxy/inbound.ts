// A client's bytes before a relay has them: kept until somebody takes them, and no more of them than a startup may have.

import type { Wire } from '../relay/wire.js'

/** PostgreSQL's MAX_STARTUP_PACKET_LENGTH: with so much kept nothing more is read before a member is joined. */
export const READ_AHEAD = 10_000

export const NOTHING: Buffer = Buffer.alloc(0)

/** What was read of a client and not taken yet. */
export interface Inbound {
  readonly socket: Wire
  held: Buffer
}

/** Keeps what the client sent. */
export function keep(inbound: Inbound, bytes: Buffer): void {
  inbound.held = inbound.held.length === 0 ? Buffer.from(bytes) : Buffer.concat([inbound.held, bytes])
  if (inbound.held.length >= READ_AHEAD) inbound.socket.pause()
}

/** Takes the first `length` bytes of it; there is room for more then. */
export function take(inbound: Inbound, length: number): Buffer {
  const { held, socket } = inbound
  const all = length === held.length
  inbound.held = all ? NOTHING : held.subarray(length)
  if (inbound.held.length < READ_AHEAD) socket.resume()
  return all ? held : held.subarray(0, length)
}
