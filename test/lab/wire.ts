// Speaks to an address byte by byte, as no driver would: half packets, silence, other protocols. Notes how the other end
// answers and ends. Knows sockets and the head of a PostgreSQL message; works from this process, so on loopback addresses.

import { connect, type Socket } from 'node:net'
import { now } from './journal.js'

export type WireEnd = 'end' | 'reset' | 'still open'

export interface Wire {
  readonly socket: Socket
  /** Everything received so far. */
  received(): Buffer
  /** How the other end ended the connection, waiting at most `withinMs`. */
  ended(withinMs: number): Promise<WireEnd>
  /** Waits until so many bytes have come, or the other end has ended; answers all that came. */
  bytes(count: number, withinMs?: number): Promise<Buffer>
  /** Milliseconds from the connect to the last byte or the end. */
  lasted(): number
  send(bytes: Uint8Array | string): void
  close(): void
}

/** Connects to `host:port`, from an address of this host where one is given, and sends the bytes; throws when nobody accepts. */
export async function openWire(where: string, bytes?: Uint8Array | string, from?: string): Promise<Wire> {
  const colon = where.lastIndexOf(':')
  const host = where.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
  const local = from === undefined ? {} : { localAddress: from }
  const socket = connect({ host, port: Number(where.slice(colon + 1)), noDelay: true, ...local })
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  const wire = watch(socket)
  if (bytes !== undefined) wire.send(bytes)
  return wire
}

function watch(socket: Socket): Wire {
  const begun = now()
  const parts: Buffer[] = []
  const waiting = new Set<() => void>()
  let end: WireEnd = 'still open'
  let last = begun
  const tell = () => {
    last = now()
    for (const wake of [...waiting]) wake()
  }
  const over = (how: WireEnd) => {
    if (end !== 'still open') return
    end = how
    tell()
  }
  socket
    .on('data', part => {
      parts.push(part)
      tell()
    })
    .on('end', () => over('end'))
    .on('error', () => over('reset'))
    .on('close', () => over('end'))
  const size = () => parts.reduce((sum, part) => sum + part.length, 0)
  const until = (done: () => boolean, withinMs: number) =>
    new Promise<void>(resolve => {
      const finish = () => {
        clearTimeout(timer)
        waiting.delete(look)
        resolve()
      }
      const look = () => {
        if (done()) finish()
      }
      const timer = setTimeout(finish, withinMs)
      waiting.add(look)
      look()
    })
  return {
    socket,
    received: () => Buffer.concat(parts),
    async ended(withinMs) {
      await until(() => end !== 'still open', withinMs)
      return end
    },
    async bytes(count, withinMs = 5000) {
      await until(() => size() >= count || end !== 'still open', withinMs)
      return Buffer.concat(parts)
    },
    lasted: () => last - begun,
    send: bytes => void socket.write(bytes),
    close: () => socket.destroy(),
  }
}

/** The fields of an ErrorResponse that these bytes open with: `S` severity, `C` SQLSTATE, `M` message. */
export function errorFields(bytes: Buffer): { readonly [field: string]: string } | undefined {
  if (bytes[0] !== 0x45 || bytes.length < 5) return undefined
  const fields = bytes
    .subarray(5, 1 + bytes.readUInt32BE(1))
    .toString()
    .split('\0')
  return Object.fromEntries(fields.filter(Boolean).map(field => [field.slice(0, 1), field.slice(1)]))
}
