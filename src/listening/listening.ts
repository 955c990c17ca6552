// What listens, and how a server comes to listen: the contract between whoever opens sockets and the rooms that serve clients.

import type { Server } from 'node:net'
import type { ListenAddress } from '../config/shape.js'

/** Connections that may wait to be accepted; the system's own limit (net.core.somaxconn) may be lower. */
export const BACKLOG = 1024

/** What a server is to listen on. */
export interface Want {
  /** The configuration's name of the address, for errors and for finding a socket that was handed to us: `listen.write.address`. */
  readonly key: string
  readonly address: ListenAddress
  /** Who may connect to a Unix socket: its file's mode. */
  readonly mode: number
}

/** Who has a listening socket's descriptor. */
export interface Holder {
  readonly fd: number
  close(): void
}

/** A socket that listens. */
export interface Listening extends Want {
  /** As bound: with the port the system chose where 0 was asked for. */
  readonly bound: string
  /** Its file, of a Unix socket, is another's: it stays. */
  readonly kept: boolean
  /** Its descriptor, for another process to inherit; undefined once closed. */
  fd(): number | undefined
  /** Somebody else holds the socket too and goes on with it: closing it here leaves a Unix socket's file where it is. */
  share(): void
  /** Another accepts on the socket from here on, by a descriptor of its own; the server stays where `take` gives nobody. */
  passTo(take: (fd: number) => Holder | undefined): void
  /** Takes nobody new from here on. */
  close(): void
}

export type Bound =
  | { readonly ok: true; readonly listening: Listening }
  /** `passing`: it may be well a moment later (the address is not up yet, or still taken), without a change of configuration. */
  | { readonly ok: false; readonly why: string; readonly passing: boolean }

/** Makes a server listen. A failure says the key, what, and the remedy; the server may then be thrown away. */
export type Bind = (server: Server, want: Want) => Promise<Bound>
