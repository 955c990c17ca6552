// One listening socket of the proxy, and the listener that clients come to through it.

import { createServer, type Socket } from 'node:net'
import type { ListenAddress } from '../config/shape.js'
import type { Bind, Bound, Listening } from '../listening/listening.js'
import type { Wire, Wires } from '../relay/wire.js'
import type { Accept } from './accept.js'
import type { Listener } from './listener.js'
import { NodeWire } from './node-wire.js'

export interface Entrance {
  readonly listening: Listening
  /** Whom those who come now come to. */
  leadsTo(): Listener
  leadTo(listener: Listener): void
}

export type Opened = { readonly ok: true; readonly entrance: Entrance } | Extract<Bound, { ok: false }>

/** The end of a direction is passed on, nothing waits for more to send, and silence of 5 s is looked into. */
const CONNECTIONS = {
  ...{ allowHalfOpen: true, noDelay: true, pauseOnConnect: true },
  ...{ keepAlive: true, keepAliveInitialDelay: 5000 },
}

/** Opens the way to a listener; it is accepted on by `wires`, else by Node. */
export async function openEntrance(
  first: Listener,
  address: ListenAddress,
  accept: Accept,
  bind: Bind,
  wires: Wires | undefined,
): Promise<Opened> {
  let listener = first
  const came = (wire: Wire) => accept.takeIn(wire, listener)
  const server = createServer(CONNECTIONS, (socket: Socket) => came(new NodeWire(socket)))
  // As PostgreSQL's own socket: whoever reaches it may ask; pg_hba.conf decides.
  const bound = await bind(server, { key: `listen.${first.name}.address`, address, mode: 0o777 })
  if (!bound.ok) return bound
  if (wires) bound.listening.passTo(fd => wires.accept(fd, came, peer => accept.full(peer, listener)))
  const entrance: Entrance = {
    listening: bound.listening,
    leadsTo: () => listener,
    leadTo(next) {
      listener = next
    },
  }
  return { ok: true, entrance }
}
