// Takes a client in: counts it before anything else, refuses it over a limit, and sends it on its way.

import type { Peer, Wire } from '../relay/wire.js'
import type { Refusal } from '../sessions/end.js'
import { formatAddress } from '../topology/address.js'
import { createAllow } from './allow.js'
import { serve } from './hops.js'
import { createManners, type Manner } from './introduction.js'
import type { Listener } from './listener.js'
import { Login } from './login.js'
import type { Room } from './room.js'
import { plain, refusal, refuse, Session } from './session.js'

export interface AcceptDeps {
  readonly room: Room
  readonly maxSessions: () => number
  /** From now on somebody waits for what may fall due. */
  readonly stir: () => void
}

/** Judges a client that a balancer has introduced, by its host. False: it has been refused. */
export type Admit = (session: Session, host: string) => boolean

export interface Accept {
  /** Takes in whoever came to a listener. */
  takeIn(socket: Wire, listener: Listener): void
  /** Somebody came while no descriptor was left: counts him, and gives what he is told. */
  full(peer: Peer, listener: Listener): Uint8Array
}

/** Nobody has come yet. */
export function createAccept({ room, maxSessions, stir }: AcceptDeps): Accept {
  const allow = createAllow()
  const mannerOf = createManners()
  let lastId = 0

  /** Why a session may not begin here, if so. Of one that is to be introduced the client is judged later. */
  function barred(session: Session, manner: Manner, from: string): Denied | undefined {
    const { max, maxPerAddress, proxyProtocol } = session.config
    if (room.stopping()) return { end: 'refused_shutdown', message: 'the proxy is stopping' }
    if (manner === 'stranger') {
      const message = `${from} is not in listen.${session.listen}.proxyFrom (proxyProtocol: ${proxyProtocol})`
      return { end: 'refused_address', message }
    }
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

  function admit(session: Session, client: string): boolean {
    const refusal = session.denied === undefined ? unwelcome(session, client) : undefined
    if (refusal) room.table.move(session, 'closing')
    room.table.identify(session, client)
    return !(refusal && turnedAway(session, refusal))
  }

  function takeIn(socket: Wire, listener: Listener): void {
    const session = new Session(++lastId, socket, listener, room)
    const from = session.host
    const login = new Login(session, socket, room, admit, from)
    session.login = login
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
    stir()
    if (refusal && turnedAway(session, refusal)) return
    serve(login, manner === 'introduced')
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
