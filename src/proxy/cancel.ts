// Passes a CancelRequest on: to the member whose key it is, or, when nobody here knows the key, to those it may belong to.
// PostgreSQL ignores a key that is not its own, so asking several is safe.

import type { First } from '../protocol/first.js'
import { formatAddress } from '../topology/address.js'
import type { Address } from '../topology/topology.js'
import { type Ms, ms } from '../units/units.js'
import { sendCancel } from './dial.js'
import type { Room } from './room.js'
import { close, type Session } from './session.js'

/** What cancels a session's query. */
export interface Key {
  readonly processId: number
  readonly secret: Uint8Array
}

type CancelPacket = Extract<First, { kind: 'cancel' }>

/** Broadcasts one client address may cause: a burst, and so many in a second. */
const BURST = 50
const PER_SECOND = 10

export interface CancelLimit {
  /** Whether this address may cause one more broadcast now. */
  allow(host: string, now: Ms): boolean
  /** Forgets addresses that have their whole burst again. */
  sweep(now: Ms): void
}

/** A token bucket for each client address. */
export function createCancelLimit(): CancelLimit {
  const buckets = new Map<string, { left: number; at: Ms }>()
  const refilled = (bucket: { left: number; at: Ms }, now: Ms) =>
    Math.min(BURST, bucket.left + ((now - bucket.at) / 1000) * PER_SECOND)
  return {
    allow(host, now) {
      const bucket = buckets.get(host) ?? { left: BURST, at: now }
      const left = refilled(bucket, now)
      buckets.set(host, { left: left >= 1 ? left - 1 : left, at: now })
      return left >= 1
    },
    sweep(now) {
      for (const [host, bucket] of buckets) if (refilled(bucket, now) >= BURST) buckets.delete(host)
    },
  }
}

/** What a cancel key is remembered under, by whoever joins and whoever cancels: a byte is a character, for each session keeps it. */
export function keyName(cluster: string, { processId, secret }: Key): string {
  const number = Buffer.alloc(4)
  number.writeInt32BE(processId | 0)
  return Buffer.concat([Buffer.from(`${cluster}/`), number, secret]).toString('latin1')
}

/** Sends it to every address it may concern; the client's connection is closed only after theirs, as PostgreSQL itself does. */
export async function cancel(session: Session, request: CancelPacket, packet: Buffer, room: Room): Promise<void> {
  const { cluster, host, listen } = session
  const home = room.keys.get(keyName(cluster, request))
  const allowed = home !== undefined || room.cancelLimit.allow(host, room.now())
  const known = home?.linkedTo
  const targets = known ? [known] : allowed ? suspects(session, room) : []
  const how = known ? 'known' : !allowed ? 'limited' : targets.length > 0 ? 'asked' : 'nobody'
  room.report({ kind: 'cancel', listen, how, members: targets.length })
  // Exactly the packet: what a client sends behind it goes nowhere.
  await Promise.all(targets.map(address => sendCancel(address, packet, ms(session.config.connectTimeout))))
  close(session, 'cancelled', room)
}

/** Where this client's sessions lead, also out of the pool or to an address its member has left; then the rest of the pool. */
function suspects({ cluster, host, config, listener }: Session, room: Room): Address[] {
  const own = [...room.table.in('joined')].filter(one => one.cluster === cluster && one.host === host)
  const pooled = listener.cluster.pool(config).filter(entry => entry.usable)
  const all = [...own.flatMap(one => one.linkedTo ?? []), ...pooled.map(entry => entry.address)]
  return [...new Map(all.map(address => [formatAddress(address), address])).values()]
}
