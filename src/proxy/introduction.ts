// Who a client is where a balancer stands before it: the balancer says so in a PROXY protocol header before the client's first
// byte. Whether there must be one is decided by the address it comes from, never by looking at what it sends: a client could
// send one as well.

import { readProxyHeader } from '../protocol/proxy-header.js'
import { ms } from '../units/units.js'
import { type Allow, createAllow } from './allow.js'
import { take } from './inbound.js'
import type { Login } from './login.js'
import { refuse, type Session } from './session.js'
import { begin } from './step.js'

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
 * Reads the header. A sender that speaks for itself (a health check) is waited for: most say nothing more, and need not be judged.
 */
export function hearIntroduction(login: Login): void {
  const { session, room } = login
  const { listen, config } = session
  const header = readProxyHeader(login.held)
  if (header.kind === 'more') return
  if (header.kind === 'bad') {
    const remedy = `listen.${listen}.proxyProtocol is ${config.proxyProtocol}: have ${session.client} send one (HAProxy: send-proxy-v2)`
    refuse(session, 'refused_startup', `mekare: what was sent ${header.why}; ${remedy}`, room)
    return
  }
  take(login, header.length)
  if (header.kind === 'client') {
    session.port = header.port
    letIn(login, header.host)
  } else {
    session.balancer = undefined
    begin(login, 'word', ms(room.now() + config.startupTimeout))
  }
}

/** Whether one that speaks for itself has said something. */
export function hearWord(login: Login): void {
  if (login.held.length > 0) letIn(login, login.from)
}

/** Judged by its address it goes on to its startup, or has been refused. */
function letIn(login: Login, host: string): void {
  const { session, room } = login
  if (login.admit(session, host)) begin(login, 'startup', ms(room.now() + session.config.startupTimeout))
}
