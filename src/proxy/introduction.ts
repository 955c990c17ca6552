// Who a client is where a balancer stands before it: the balancer says so in a PROXY protocol header before the client's first
// byte. Whether there must be one is decided by the address it comes from, never by looking at what it sends: a client could
// send one as well.

import { readProxyHeader } from '../protocol/proxy-header.js'
import { formatMs } from '../units/units.js'
import { type Allow, createAllow } from './allow.js'
import { hear } from './hear.js'
import type { Room } from './room.js'
import { doorOf, refuse, type Session } from './session.js'

/** `itself`: no header is taken. `introduced`: there must be one. `stranger`: it may not come at all. */
export type Manner = 'itself' | 'introduced' | 'stranger'

/**
 * How one that has just connected has to begin. Over a Unix socket nobody comes from an address; over TCP only one that has gone
 * already has none (a balancer's health check), and is not to be told that its header is not wanted.
 */
export function createManners(): (session: Session) => Manner {
  const inBlocks: Allow = createAllow()
  return ({ host, config: { address, proxyProtocol, proxyFrom } }) => {
    switch (proxyProtocol) {
      case 'off':
        return 'itself'
      case 'require':
        return inBlocks(host, proxyFrom) ? 'introduced' : 'stranger'
      case 'accept':
        return address.kind === 'tcp' && inBlocks(host, proxyFrom) ? 'introduced' : 'itself'
      default:
        return proxyProtocol satisfies never
    }
  }
}

/**
 * Reads the header and gives the client's host; undefined when the session has ended. A sender that speaks for itself (a health
 * check) is waited for: most say nothing more, and need not be judged.
 */
export async function introduction(session: Session, host: string, room: Room): Promise<string | undefined> {
  const { inbound } = doorOf(session)
  const { listen, config } = session
  const within = config.startupTimeout
  const late = `mekare: no PROXY protocol header within ${formatMs(within)} (startupTimeout)`
  const header = await hear(session, { read: readProxyHeader, within, late }, room)
  if (!header) return undefined
  if (header.kind === 'bad') {
    const remedy = `listen.${listen}.proxyProtocol is ${config.proxyProtocol}: have ${session.client} send one (HAProxy: send-proxy-v2)`
    refuse(session, 'refused_startup', `mekare: what was sent ${header.why}; ${remedy}`, room)
    return undefined
  }
  inbound.take(header.length)
  if (header.kind === 'client') {
    session.port = header.port
    return header.host
  }
  session.balancer = undefined
  const silent = `mekare: no startup packet within ${formatMs(within)} (startupTimeout)`
  return (await hear(session, { read: anything, within, late: silent }, room)) && host
}

const anything = (bytes: Uint8Array) => ({ kind: bytes.length === 0 ? 'more' : 'something' }) as const
