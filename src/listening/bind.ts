// Makes a server listen: on a socket that was handed to this process, or else on one of its own. Knows no client.

import { type AddressInfo, isIPv6, type Server } from 'node:net'
import { collide, formatListenAddress } from '../config/addresses.js'
import type { ListenAddress } from '../config/shape.js'
import type { Inherited } from './inherited.js'
import { BACKLOG, type Bind, type Bound, type Holder, type Listening, type Want } from './listening.js'
import { listenOnPath, removeOwn } from './unix-path.js'
import { PASSING, whyNot } from './why.js'

/** Binds sockets; those of `inherited` are taken over rather than opened anew. */
export function createBind(inherited: Inherited): Bind {
  return async (server, want) => {
    const given = inherited.take(want)
    const problem = await (given === undefined ? open(server, want) : adopt(server, want, given.fd))
    if (problem) return problem
    // A failed accept (no descriptor left) is the kernel's to tell again; it ends nothing.
    server.on('error', () => {})
    return { ok: true, listening: listeningOf(server, want, given?.kept ?? false, inherited) }
  }
}

type Problem = Extract<Bound, { ok: false }>

async function open(server: Server, want: Want): Promise<Problem | undefined> {
  const { address, key } = want
  if (address.kind === 'unix') return listenOnPath(server, address.path, want)
  const error = await listens(server, { ...wayIn(address), backlog: BACKLOG })
  return error && { ok: false, why: `${key}: ${whyNot(address, error)}`, passing: PASSING.has(error.code ?? '') }
}

/** An address without a host is all interfaces, of both families where the machine has both. */
function wayIn({ host, port }: Extract<ListenAddress, { kind: 'tcp' }>): { host?: string; port: number } {
  return host === '' ? { port } : { host, port }
}

/** A socket that somebody else opened has to be the one that the configuration means. */
async function adopt(server: Server, { key, address }: Want, fd: number): Promise<Problem | undefined> {
  const error = await listens(server, { fd, backlog: BACKLOG })
  if (error)
    return { ok: false, why: `${key}: the socket handed over cannot be listened on (${error.code})`, passing: false }
  const bound = server.address()
  if (address.kind === 'unix' || address.port === 0 || (isInfo(bound) && collide(address, tcpOf(bound)))) return
  server.close()
  const where = isInfo(bound) ? formatListenAddress(tcpOf(bound)) : 'a path'
  const why = `${key}: ${formatListenAddress(address)} is configured, but the socket handed over listens on ${where}; make both the same`
  return { ok: false, why, passing: false }
}

const isInfo = (bound: AddressInfo | string | null): bound is AddressInfo => typeof bound === 'object' && bound !== null

const tcpOf = ({ address, port }: AddressInfo) => ({ kind: 'tcp', host: address, port }) as const

function listens(
  server: Server,
  how: { readonly host?: string; readonly port?: number; readonly fd?: number; readonly backlog: number },
): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise(resolve => {
    server.once('error', resolve)
    server.listen(how, () => {
      server.off('error', resolve)
      resolve(undefined)
    })
  })
}

function listeningOf(server: Server, want: Want, kept: boolean, inherited: Inherited): Listening {
  const { address } = want
  const own = address.kind === 'unix' ? removeOwn(address.path) : undefined
  let shared = kept
  let holder: Holder | undefined
  return {
    ...want,
    kept,
    bound: boundTo(server, address),
    fd: () => holder?.fd ?? descriptorOf(server),
    passTo(take) {
      const fd = descriptorOf(server)
      holder = fd === undefined ? undefined : take(fd)
      if (holder) server.close()
    },
    share() {
      shared = true
    },
    close() {
      if (holder) holder.close()
      else server.close()
      if (!shared && inherited.settled()) own?.()
    },
  }
}

/** Node tells a server's descriptor to nobody; its handle, which libuv calls by the same name on every Unix, knows it. */
function descriptorOf(server: Server): number | undefined {
  const fd = (server as { readonly _handle?: { readonly fd?: number } | null })._handle?.fd
  return fd !== undefined && fd >= 0 ? fd : undefined
}

function boundTo(server: Server, address: ListenAddress): string {
  const bound = server.address()
  if (address.kind === 'unix' || !isInfo(bound)) return formatListenAddress(address)
  return isIPv6(bound.address) ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`
}
