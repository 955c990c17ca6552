// One listening socket of the proxy, and the listener that clients come to through it.

import { createServer } from 'node:net'
import type { ListenAddress } from '../config/shape.js'
import type { Bind, Bound, Listening } from '../listening/listening.js'
import type { Accept } from './accept.js'
import type { Listener } from './listener.js'

export interface Entrance {
  readonly listening: Listening
  /** Whom those who come now come to. */
  leadsTo(): Listener
  leadTo(listener: Listener): void
}

export type Opened = { readonly ok: true; readonly entrance: Entrance } | Extract<Bound, { ok: false }>

/** Opens the way to a listener. */
export async function openEntrance(
  first: Listener,
  address: ListenAddress,
  accept: Accept,
  bind: Bind,
): Promise<Opened> {
  let listener = first
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, socket =>
    accept(socket, listener),
  )
  // As PostgreSQL's own socket: whoever reaches it may ask; pg_hba.conf decides.
  const bound = await bind(server, { key: `listen.${first.name}.address`, address, mode: 0o777 })
  if (!bound.ok) return bound
  const entrance: Entrance = {
    listening: bound.listening,
    leadsTo: () => listener,
    leadTo(next) {
      listener = next
    },
  }
  return { ok: true, entrance }
}
