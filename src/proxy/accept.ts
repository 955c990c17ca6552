// Takes a client in: counts it before anything else, refuses it over a limit, and sends it on its way.

import { isIPv6, type Socket } from 'node:net'
import type { Refusal } from '../sessions/end.js'
import { type Ms, ms } from '../units/units.js'
import { createAllow } from './allow.js'
import { left, serve } from './hops.js'
import { createInbound } from './inbound.js'
import type { Listener } from './listener.js'
import type { Room } from './room.js'
import { doorOf, MOST_CLOSING, refuse, type Session } from './session.js'

export interface AcceptDeps {
  readonly room: Room
  readonly maxSessions: () => number
  /** An error that is ours: reported, and the session ended. */
  readonly bug: (error: unknown, session: Session) => void
}

export type Accept = (socket: Socket, listener: Listener) => void

/** Takes in whoever came to a listener. The socket is paused and allows half-open. */
export function createAccept({ room, maxSessions, bug }: AcceptDeps): Accept {
  const allow = createAllow()
  let lastId = 0

  /** Why this client is not let in, if it is not. */
  function admission(session: Session): Denied | undefined {
    const { allow: blocks, max, maxPerAddress } = session.config
    if (room.stopping()) return { end: 'refused_shutdown', message: 'the proxy is stopping' }
    if (!allow(session.host, blocks))
      return { end: 'refused_address', message: `${session.host} is not in listen.${session.listen}.allow` }
    const limit = room.table.refusal(session, { all: maxSessions(), listen: max, maxPerAddress })
    return limit === undefined ? undefined : { end: 'refused_limit', message: `too many clients: ${limit}` }
  }

  return (socket, listener) => {
    const session = newSession(++lastId, socket, listener, room.now())
    const refusal = admission(session)
    // One that is turned away never holds a place, not even for the count of the most at one time.
    if (refusal) session.state = 'closing'
    room.table.add(session)
    // Once joined, a client's end is passed on, not taken for a leaving: it may have half-closed behind its last words.
    doorOf(session).inbound.onGone(error => {
      if (session.state !== 'joined') left(session, error, room)
    })
    if (refusal?.end === 'refused_limit' && room.table.in('closing').size < MOST_CLOSING) deny(session, refusal.message)
    else if (refusal) {
      refuse(session, refusal.end, `mekare: ${refusal.message}`, room)
      return
    }
    socket.resume()
    serve(session, room).catch((error: unknown) => bug(error, session))
  }
}

interface Denied {
  readonly end: Refusal
  readonly message: string
}

/**
 * Over a limit only a CancelRequest is served, as PostgreSQL does: it is how an operator gets out of there. Until its first
 * packet is read the client counts as closing: it holds no place, and has not long.
 */
function deny(session: Session, message: string): void {
  session.denied = `mekare: ${message}`
}

function newSession(id: number, socket: Socket, listener: Listener, now: Ms): Session {
  const host = plain(socket.remoteAddress)
  // Between two owners nobody else hears an error; it shows again as an end.
  socket.on('error', () => {})
  socket.setKeepAlive(true, 5000)
  return {
    id,
    listen: listener.name,
    cluster: listener.cluster.name,
    host,
    client: host === '' ? 'unix' : isIPv6(host) ? `[${host}]:${socket.remotePort}` : `${host}:${socket.remotePort}`,
    acceptedAt: now,
    since: now,
    member: undefined,
    state: 'startup',
    door: { socket, inbound: createInbound(socket) },
    listener,
    config: listener.rules(),
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
