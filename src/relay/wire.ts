// What the proxy needs of a connection until an engine has it. Half-open: an end of the peer's ends nothing here.

import type { Socket } from 'node:net'

/** Who hears of a wire. Told from the event loop, one thing at a time, and never from within a call to the wire. */
export interface Ear {
  /** It stands: only of one that was still connecting when it was made. */
  opened(wire: Wire): void
  /** Bytes came. They are the wire's own memory: whoever keeps them copies them. */
  heard(wire: Wire, bytes: Buffer): void
  /** The peer sends no more. */
  ended(wire: Wire): void
  /** What was owed to the peer is with the kernel. */
  drained(wire: Wire): void
  /** It is no more, and nothing else is told of it; with the error that it failed with, if it did. */
  closed(wire: Wire, error?: Error): void
}

export interface Wire {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  /** Bytes that were heard. */
  readonly bytesRead: number
  readonly destroyed: boolean
  readonly connecting: boolean
  /** Who hears of it from now on; undefined: nobody. */
  ear: Ear | undefined
  /** As it begins: nothing is read. */
  pause(): void
  resume(): void
  /** True when all of it is with the kernel; else `drained` follows. The bytes are the caller's again. */
  write(bytes: Uint8Array): boolean
  /** Sends this, then the end. */
  end(bytes?: Uint8Array): void
  destroy(): void
  /** Once what is owed to the peer is written. */
  destroySoon(): void
  /** The connection itself, for an engine to take over; its ear hears no more of it. */
  stream(): Stream
}

/** Resolves once it stands; rejects with its failure. Its ear is nobody's after it. */
export function opened(wire: Wire): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error) => {
      wire.ear = undefined
      if (error) reject(error)
      else resolve()
    }
    wire.ear = {
      opened: () => settle(),
      closed: (_, error) => settle(error ?? new Error('closed')),
      ...{ heard() {}, ended() {}, drained() {} },
    }
    if (!wire.connecting && !wire.destroyed) settle()
  })
}

/** What an engine takes over: Node's own socket, or a connection of its own making. */
export type Stream = Socket | OwnStream

export interface OwnStream {
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  /** Written, and not with the kernel yet. */
  readonly writableLength: number
  readonly writableEnded: boolean
  readonly destroyed: boolean
  readonly connecting: boolean
  pause(): void
  destroy(): void
  /** `done` is called when it was taken, or never will be. */
  write(bytes: Uint8Array, done?: () => void): boolean
  /** The same connection as Node's own socket; this one is no more. */
  toSocket(): Socket
}

/** Who came, and where from; neither is known of a Unix socket. */
export type Peer = Pick<Wire, 'remoteAddress' | 'remotePort'>

/** A socket that listens, accepted on by an engine. */
export interface Accepting {
  readonly fd: number
  close(): void
}

/** Connections of an engine's own making. What it cannot make is undefined, and Node's to make. */
export interface Wires {
  connect(to: { readonly host: string; readonly port: number }): Wire | undefined
  /**
   * Accepts on a socket that listens, by a descriptor of its own. Whoever comes is paused; while no descriptor is left he is told what
   * `full` gives, and closed.
   */
  accept(fd: number, came: (wire: Wire) => void, full?: (peer: Peer) => Uint8Array): Accepting | undefined
}
