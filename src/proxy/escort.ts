// Between a plaintext startup and the relay: passes both sides' bytes on and watches the backend's answer
// until BackendKeyData has passed, or the startup has ended otherwise. Then nobody reads, and the relay takes over.

import { type BackendSeen, createBackendScanner } from '../protocol/backend.js'
import type { Wire } from '../relay/wire.js'
import { ms } from '../units/units.js'
import type { Inbound } from './inbound.js'
import { begin, type WaitSlot } from './wait.js'

export interface Key {
  readonly processId: number
  readonly secret: Uint8Array
}

/** What the relay is to write first, and the cancel key if one has passed. */
export interface Escorted {
  readonly key?: Key
  readonly toLink: readonly Buffer[]
  readonly toSession: readonly Buffer[]
}

/** Both sides, and what was read from the client. */
export interface Sides {
  readonly socket: Wire
  readonly inbound: Inbound
  readonly link: Wire
}

/** Escorts until there is nothing more to learn. `answer`: what the link has answered already, not yet passed on. */
export function escort(slot: WaitSlot, { socket: session, inbound, link }: Sides, answer: Buffer): Promise<Escorted> {
  const scanner = createBackendScanner()
  let key: Key | undefined
  const settled = (seen: readonly BackendSeen[]) => {
    const found = seen.find(one => one.kind === 'key')
    if (found) key = { processId: found.processId, secret: found.secret }
    return found !== undefined || seen.some(one => one.kind !== 'passed')
  }
  const end = (rest: readonly Buffer[]): Escorted => ({
    toLink: [inbound.release()],
    toSession: rest,
    ...(key ? { key } : {}),
  })
  // A pooler, and a server that trusts, say all of it at once.
  if (settled(scanner.feed(answer))) return Promise.resolve(end([answer]))
  return new Promise(resolve => {
    let over = false
    const done = (rest: readonly Buffer[]) => {
      if (over) return
      over = true
      slot.wait = undefined
      link.pause()
      link.off('data', onLink).off('end', onLinkEnd).off('error', onLinkEnd).off('drain', onLinkDrain)
      session.off('drain', onSessionDrain)
      inbound.onBytes(undefined)
      resolve(end(rest))
    }
    const pass = (chunk: Buffer) => {
      if (!session.write(chunk)) link.pause()
    }
    const onLink = (chunk: Buffer) => (settled(scanner.feed(chunk)) ? done([chunk]) : pass(chunk))
    // An end or a failure of either side is the relay's to pass on.
    const onLinkEnd = () => done([])
    const onSessionDrain = () => link.resume()
    const onLinkDrain = () => inbound.onBytes(onSession)
    const onSession = () => {
      if (inbound.gone() !== undefined) return done([])
      if (!link.write(inbound.take(inbound.peek().length))) inbound.onBytes(undefined)
    }
    link.on('data', onLink).on('end', onLinkEnd).on('error', onLinkEnd).on('drain', onLinkDrain)
    session.on('drain', onSessionDrain)
    // A cut ends the escort; the relay then carries it out.
    begin(slot, ms(Number.POSITIVE_INFINITY), () => done([]))
    inbound.onBytes(onSession)
    link.resume()
    pass(answer)
  })
}
