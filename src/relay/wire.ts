// What the proxy needs of a connection until an engine has it, in the words of Node's Socket, which is one. Half-open: an end of the
// peer's ends nothing here.

import type { Socket } from 'node:net'

type Heard = 'end' | 'close' | 'drain' | 'connect'

export interface Wire {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  readonly bytesRead: number
  /** Read by Node, and not heard yet. */
  readonly readableLength: number
  /** Written, and not with the kernel yet. */
  readonly writableLength: number
  readonly writableEnded: boolean
  readonly destroyed: boolean
  readonly connecting: boolean
  on(event: 'data', listener: (chunk: Buffer) => void): this
  on(event: 'error', listener: (error: Error) => void): this
  on(event: Heard, listener: () => void): this
  once(event: Heard, listener: () => void): this
  off(event: 'data', listener: (chunk: Buffer) => void): this
  off(event: 'error', listener: (error: Error) => void): this
  off(event: Heard, listener: () => void): this
  pause(): this
  resume(): this
  write(bytes: Uint8Array, done?: () => void): boolean
  end(): this
  end(bytes: Uint8Array): this
  destroy(error?: Error): this
  destroySoon(): void
  /** The same connection as Node's own socket, where it is none yet; this one is no more. */
  toSocket?(): Socket
}

/** Who came, and where from; neither is known of a Unix socket. */
export type Peer = Pick<Wire, 'remoteAddress' | 'remotePort'>

export interface Name {
  readonly host: string
  readonly port: number
}

/** Our own end of a connection; undefined where it has none any more. */
export function localName({ localAddress: host, localPort: port }: Wire): Name | undefined {
  return host === undefined || port === undefined ? undefined : { host, port }
}

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
