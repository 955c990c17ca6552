// Takes a client in: counts it before anything else, refuses it over a limit, and sends it on its way.

import type { Peer, Wire } from '../relay/wire.js'
import type { Refusal } from '../sessions/end.js'
import { formatAddress } from '../topology/address.js'
import { createAllow } from './allow.js'
import { left, serve } from './hops.js'
import { createManners, introduction, type Manner } from './introduction.js'
import type { Listener } from './listener.js'
import type { Room } from './room.js'
import { doorOf, plain, refusal, refuse, Session } from './session.js'

export interface AcceptDeps {
  readonly room: Room
  readonly maxSessions: () => number
  /** An error that is ours: reported, and the session ended. */
  readonly bug: (error: unknown, session: Session) => void
}

export interface Accept {
  /** Takes in whoever came to a listener. The socket is paused and allows half-open. */
  takeIn(socket: Wire, listener: Listener): void
  /** Somebody came while no descriptor was left: counts him, and gives what he is told. */
  full(peer: Peer, listener: Listener): Uint8Array
}

/** Nobody has come yet. */
export function createAccept({ room, maxSessions, bug }: AcceptDeps): Accept {
  const allow = createAllow()
  const mannerOf = createManners()
  let lastId = 0

  /** Why a session may not begin here, if so. Of one that is to be introduced the client is judged later. */
  function barred(session: Session, manner: Manner, from: string): Denied | undefined {
    const { max, maxPerAddress, proxyProtocol } = session.config
    if (room.stopping()) return { end: 'refused_shutdown', message: 'the proxy is stopping' }
    const strange = `${from} is not in listen.${session.listen}.proxyFrom (proxyProtocol: ${proxyProtocol})`
    if (manner === 'stranger') return { end: 'refused_address', message: strange }
    const limits = { all: maxSessions(), listen: max, maxPerAddress }
    return notAllowed(session, session.host) ?? tooMany(room.table.refusal(session, limits))
  }

  /** Why the client that was introduced is not let in, if so. */
  function unwelcome(session: Session, client: string): Denied | undefined {
    const limit = room.table.refusalOfHost(client, session.config.maxPerAddress)
    return notAllowed(session, client) ?? tooMany(limit)
  }

  function notAllowed({ listen, config }: Session, host: string): Denied | undefined {
    if (allow(host, config.allow)) return undefined
    return { end: 'refused_address', message: `${host} is not in listen.${listen}.allow` }
  }

  /** Refuses; false where a CancelRequest may still be served. */
  function turnedAway(session: Session, refusal: Denied): boolean {
    if (refusal.end === 'refused_limit' && !room.crowded()) {
      deny(session, refusal.message)
      return false
    }
    refuse(session, refusal.end, `mekare: ${refusal.message}`, room)
    return true
  }

  async function comeIn(session: Session, manner: Manner, from: string): Promise<void> {
    if (manner === 'introduced') {
      const client = await introduction(session, from, room)
      if (client === undefined) return
      const refusal = session.denied === undefined ? unwelcome(session, client) : undefined
      if (refusal) room.table.move(session, 'closing')
      room.table.identify(session, client)
      if (refusal && turnedAway(session, refusal)) return
    }
    await serve(session, room)
  }

  function takeIn(socket: Wire, listener: Listener): void {
    // Between two owners nobody else hears an error; it shows again as an end.
    socket.on('error', () => {})
    const session = new Session(++lastId, socket, listener, room)
    const from = session.host
    const manner = mannerOf(session)
    // Until it is introduced it is nobody's: what counts for the balancer's address would count for all its clients.
    if (manner === 'introduced') {
      session.balancer = session.client
      session.host = ''
    }
    const refusal = barred(session, manner, from)
    // One that is turned away never holds a place, not even for the count of the most at one time.
    if (refusal) session.state = 'closing'
    room.table.add(session)
    // Once joined, a client's end is passed on, not taken for a leaving: it may have half-closed behind its last words.
    doorOf(session).inbound.onGone(error => {
      if (session.state !== 'joined') left(session, error, room)
    })
    if (refusal && turnedAway(session, refusal)) return
    socket.resume()
    comeIn(session, manner, from).catch((error: unknown) => bug(error, session))
  }

  function full(peer: Peer, { name }: Listener): Uint8Array {
    return refusal({ listen: name, client: clientName(peer) }, 'refused_limit', room.noDescriptor(), room)
  }

  return { takeIn, full }
}

const tooMany = (limit: string | undefined): Denied | undefined =>
  limit === undefined ? undefined : { end: 'refused_limit', message: `too many clients: ${limit}` }

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

function clientName({ remoteAddress, remotePort }: Peer): string {
  const host = plain(remoteAddress)
  return host === '' ? 'unix' : formatAddress({ host, port: remotePort ?? 0 })
}
