// One listening socket of the proxy: an address that clients connect to, and the listener they come to there.

import { chmodSync, unlinkSync } from 'node:fs'
import { createServer, isIPv6, type Server, type Socket } from 'node:net'
import { formatListenAddress } from '../config/addresses.js'
import type { ListenAddress } from '../config/shape.js'
import { clearDeadSocket } from './dead-socket.js'

export type Opened =
  | { readonly ok: true; readonly entrance: Entrance }
  /** `passing`: it may be well a moment later (the address is not up yet, or still taken), without a change of configuration. */
  | { readonly ok: false; readonly why: string; readonly passing: boolean }

export interface Entrance {
  /** The address as bound: with the port the system chose where 0 was asked for. */
  readonly address: string
  /** Takes nobody new from here on. */
  close(): void
}

/** Binds and listens. A failure says what, the address, and the remedy. */
export async function openEntrance(
  name: string,
  address: ListenAddress,
  came: (socket: Socket) => void,
): Promise<Opened> {
  if (address.kind === 'unix') await clearDeadSocket(address.path)
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, came)
  return new Promise(resolve => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ ok: false, why: whyNot(name, address, error), passing: PASSING.has(error.code ?? '') }),
    )
    server.listen({ ...wayIn(address), backlog: 1024 }, () => {
      // As PostgreSQL's own socket: whoever reaches it may ask; pg_hba.conf decides.
      if (address.kind === 'unix') chmodSync(address.path, 0o777)
      server.on('error', () => {})
      resolve({ ok: true, entrance: { address: boundTo(server, address), close: () => close(server, address) } })
    })
  })
}

/** An address without a host is all interfaces, of both families where the machine has both. */
function wayIn(address: ListenAddress): { path: string } | { host?: string; port: number } {
  if (address.kind === 'unix') return { path: address.path }
  return address.host === '' ? { port: address.port } : { host: address.host, port: address.port }
}

function close(server: Server, address: ListenAddress): void {
  server.close()
  if (address.kind !== 'unix') return
  try {
    unlinkSync(address.path)
  } catch {
    // Already gone, which is all that was wanted.
  }
}

function boundTo(server: Server, address: ListenAddress): string {
  const bound = server.address()
  if (bound === null || typeof bound === 'string') return bound ?? (address.kind === 'unix' ? address.path : '')
  return isIPv6(bound.address) ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`
}

const PASSING: ReadonlySet<string> = new Set(['EADDRINUSE', 'EADDRNOTAVAIL'])

const REMEDY: Record<string, string> = {
  EADDRINUSE: 'is taken; stop the other process or choose another',
  EADDRNOTAVAIL: 'is not an address of this machine; choose one of `ip address`, or 0.0.0.0',
  EACCES: 'may not be used; choose a port above 1023, or a directory this user may write to',
  ENOENT: 'is in a directory that does not exist; make it',
}

function whyNot(name: string, address: ListenAddress, error: NodeJS.ErrnoException): string {
  const where = formatListenAddress(address)
  return `listen.${name}.address: ${where} ${REMEDY[error.code ?? ''] ?? error.message} (${error.code})`
}
