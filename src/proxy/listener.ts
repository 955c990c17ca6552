// Accepts clients on one address: counts each before anything else, refuses those over a limit, and sends the rest on their way.

import { chmodSync, unlinkSync } from 'node:fs'
import { BlockList, createServer, isIPv6, type Server, type Socket } from 'node:net'
import { formatListenAddress } from '../config/addresses.js'
import type { ListenAddress, ListenConfig } from '../config/shape.js'
import type { Refusal } from '../sessions/end.js'
import { type Ms, ms } from '../units/units.js'
import { clearDeadSocket } from './dead-socket.js'
import { left, serve } from './hops.js'
import { createInbound } from './inbound.js'
import type { Room } from './room.js'
import { MOST_CLOSING, refuse, type Session } from './session.js'

export interface ListenerDeps {
  readonly room: Room
  readonly name: string
  readonly config: () => ListenConfig
  readonly nextId: () => number
  readonly maxSessions: number
  /** An error that is ours: reported, and the session ended. */
  readonly bug: (error: unknown, session: Session) => void
}

export type Opened =
  | { readonly ok: true; readonly listener: Listener }
  /** `passing`: it may be well a moment later (the address is not up yet, or still taken), without a change of configuration. */
  | { readonly ok: false; readonly why: string; readonly passing: boolean }

export interface Listener {
  readonly name: string
  /** The address as bound: with the port the system chose where 0 was asked for. */
  readonly address: string
  /** Takes nobody new from here on. */
  close(): void
}

/** Binds and listens. A failure says what, the address, and the remedy. */
export async function listen(deps: ListenerDeps): Promise<Opened> {
  const { address } = deps.config()
  if (address.kind === 'unix') await clearDeadSocket(address.path)
  const door = createDoor()
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, socket =>
    accept(socket, deps, door),
  )
  return new Promise(resolve => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ ok: false, why: whyNot(deps.name, address, error), passing: PASSING.has(error.code ?? '') }),
    )
    server.listen({ ...wayIn(address), backlog: 1024 }, () => {
      // As PostgreSQL's own socket: whoever reaches it may ask; pg_hba.conf decides.
      if (address.kind === 'unix') chmodSync(address.path, 0o777)
      server.on('error', () => {})
      resolve({
        ok: true,
        listener: { name: deps.name, address: boundTo(server, address), close: () => close(server, address) },
      })
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

function accept(socket: Socket, deps: ListenerDeps, door: Door): void {
  const { room } = deps
  const session = newSession(socket, deps, room.now())
  const refusal = admission(session, deps, door)
  room.table.add(session)
  // Once joined, a client's end is passed on, not taken for a leaving: it may have half-closed behind its last words.
  session.inbound.onGone(error => {
    if (session.state !== 'joined') left(session, error, room)
  })
  if (refusal?.end === 'refused_limit' && room.table.in('closing').size < MOST_CLOSING)
    deny(session, refusal.message, room)
  else if (refusal) {
    refuse(session, refusal.end, `mekare: ${refusal.message}`, room)
    return
  }
  socket.resume()
  serve(session, room).catch((error: unknown) => deps.bug(error, session))
}

/**
 * Over a limit only a CancelRequest is served, as PostgreSQL does: it is how an operator gets out of there. Until its first
 * packet is read the client counts as closing: it holds no place, and has not long.
 */
function deny(session: Session, message: string, room: Room): void {
  session.denied = `mekare: ${message}`
  room.table.move(session, 'closing')
}

/** Why this client is not let in, if it is not. */
function admission(
  session: Session,
  { room, name, config, maxSessions }: ListenerDeps,
  door: Door,
): Denied | undefined {
  const { allow, max, maxPerAddress } = config()
  if (room.stopping()) return { end: 'refused_shutdown', message: 'the proxy is stopping' }
  if (!door(session.host, allow))
    return { end: 'refused_address', message: `${session.host} is not in listen.${name}.allow` }
  const limit = room.table.refusal(session, { all: maxSessions, listen: max, maxPerAddress })
  return limit === undefined ? undefined : { end: 'refused_limit', message: `too many clients: ${limit}` }
}

type Door = ReturnType<typeof createDoor>

interface Denied {
  readonly end: Refusal
  readonly message: string
}

function newSession(socket: Socket, deps: ListenerDeps, now: Ms): Session {
  const host = plain(socket.remoteAddress)
  const config = deps.config()
  // Between two owners nobody else hears an error; it shows again as an end.
  socket.on('error', () => {})
  socket.setKeepAlive(true, 5000)
  return {
    id: deps.nextId(),
    listen: deps.name,
    cluster: config.cluster,
    host,
    client: host === '' ? 'unix' : isIPv6(host) ? `[${host}]:${socket.remotePort}` : `${host}:${socket.remotePort}`,
    acceptedAt: now,
    since: now,
    member: undefined,
    state: 'startup',
    socket,
    inbound: createInbound(socket),
    config,
    joinedAs: 'replica',
    heldFor: ms(0),
    failures: 0,
    wait: undefined,
    onEnd: undefined,
    end: undefined,
    cutting: undefined,
    early: { fromClient: 0, fromMember: 0 },
    seen: { total: 0, at: now, halfClosedAt: undefined },
  }
}

/** An IPv4 client on a listener of both families shows as ::ffff:10.0.0.7. */
function plain(address: string | undefined): string {
  return address?.startsWith('::ffff:') ? address.slice(7) : (address ?? '')
}

/** Compiles `allow` once for each configuration: CIDR blocks and single addresses; empty lets everybody in. */
function createDoor(): (host: string, blocks: readonly string[]) => boolean {
  let compiled: { readonly from: readonly string[]; readonly list: BlockList } | undefined
  return (host, blocks) => {
    if (blocks.length === 0 || host === '') return true
    if (compiled?.from !== blocks) compiled = { from: blocks, list: compile(blocks) }
    return compiled.list.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')
  }
}

function compile(blocks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const block of blocks) {
    const [net = '', bits] = block.split('/')
    const family = isIPv6(net) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(net, family)
    else list.addSubnet(net, Number(bits), family)
  }
  return list
}
