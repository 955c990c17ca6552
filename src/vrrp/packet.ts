// The VRRP ADVERTISEMENT of version 2 (RFC 3768, section 5) and version 3 (RFC 9568, section 5), and how one is written.
// Knows bytes. Knows no socket, no state and no clock.

import { type Ip, isLinkLocal } from '../units/ip.js'
import { type Ms, ms } from '../units/units.js'
import { checksumOf, NO_PSEUDO_HEADER, pseudoHeader } from './checksum.js'

/** How one virtual router speaks: both ends must agree on all of it but the checksum's form. */
export interface Dialect {
  /** Version 2 knows IPv4 only. */
  readonly version: 2 | 3
  readonly family: 4 | 6
  /** The VRID, 1 to 255. */
  readonly routerId: number
  /** v3: 10 ms to 40.95 s in steps of 10 ms. v2: whole seconds, 1 to 255. */
  readonly interval: Ms
  /** The simple text password of v2, of which 8 bytes count. Never logged. */
  readonly password?: Uint8Array
  /** The form sent for v3 over IPv4; both are accepted. */
  readonly checksum: 'keepalived' | 'rfc9568'
  /** The virtual addresses, 1 to 255 of them. */
  readonly addresses: readonly Ip[]
  /** Unicast peers; empty: multicast. */
  readonly peers: readonly Ip[]
}

/** An ADVERTISEMENT as it was heard. */
export interface Advert {
  readonly from: Ip
  /** 0: its sender gives up. 255: its sender owns the addresses. */
  readonly priority: number
  readonly interval: Ms
  readonly addresses: readonly Ip[]
}

/** Bytes before the addresses. */
export const HEADER = 8
/** Bytes after them in version 2, sent even where there is no password. */
const AUTH_DATA = 8
export const AUTH_NONE = 0
export const AUTH_PASSWORD = 1
const ADVERTISEMENT = 1

/** TTL and hop limit of every multicast advert (RFC 9568, sections 5.1.1.3 and 5.1.2.3). */
export const HOPS = 255
/** 224.0.0.18 and ff02::12 (RFC 9568, sections 5.1.1.2 and 5.1.2.2). */
export const GROUP_V4: Ip = Uint8Array.of(224, 0, 0, 18)
export const GROUP_V6: Ip = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12)

const CENTISECOND = 10
const SECOND = 1000

/** The length of a whole message with so many addresses. */
export function messageLength({ version, family }: Dialect, count: number): number {
  return HEADER + count * (family === 6 ? 16 : 4) + (version === 2 ? AUTH_DATA : 0)
}

/** Where the adverts of a virtual router go: its peers, or the group. */
export function destinations({ peers, family }: Dialect): readonly Ip[] {
  if (peers.length > 0) return peers
  return [family === 6 ? GROUP_V6 : GROUP_V4]
}

/** Writes an advert from `source` to `destination` (both count for the checksum). Priority 0 says goodbye. */
export function writeAdvert(dialect: Dialect, priority: number, source: Ip, destination: Ip): Uint8Array {
  const addresses = inOrder(dialect)
  const message = new Uint8Array(messageLength(dialect, addresses.length))
  const view = new DataView(message.buffer)
  view.setUint8(0, (dialect.version << 4) | ADVERTISEMENT)
  view.setUint8(1, dialect.routerId)
  view.setUint8(2, priority)
  view.setUint8(3, addresses.length)
  view.setUint16(4, intervalField(dialect))
  let at = HEADER
  for (const address of addresses) {
    message.set(address, at)
    at += address.length
  }
  if (dialect.version === 2) message.set(authData(dialect.password), at)
  view.setUint16(6, checksumOf(message, pseudoToSend(dialect, source, destination, message.length)))
  return message
}

/** RFC 9568, section 5.2.9: the first IPv6 address of an advert is the link-local one. */
function inOrder({ addresses }: Dialect): readonly Ip[] {
  const local = addresses.filter(isLinkLocal)
  return [...local, ...addresses.filter(address => !isLinkLocal(address))]
}

/** v3: 4 reserved bits and Max Advertise Interval (RFC 9568, section 5.2.7). v2: Auth Type and Adver Int (RFC 3768, 5.3.6, 5.3.7). */
function intervalField({ version, interval, password }: Dialect): number {
  if (version === 3) return within(Math.round(interval / CENTISECOND), 0xfff)
  return ((password ? AUTH_PASSWORD : AUTH_NONE) << 8) | within(Math.round(interval / SECOND), 0xff)
}

const within = (value: number, most: number) => Math.min(Math.max(value, 1), most)

/** Reads the interval of an advert of either version; 0 where the field is 0. */
export function readInterval(version: 2 | 3, field: number): Ms {
  return ms(version === 3 ? (field & 0xfff) * CENTISECOND : (field & 0xff) * SECOND)
}

/** The password as the 8 bytes of v2's authentication data, padded with zeros (RFC 3768, section 5.3.10). */
export function authData(password: Uint8Array = NO_PSEUDO_HEADER): Uint8Array {
  const data = new Uint8Array(AUTH_DATA)
  data.set(password.subarray(0, AUTH_DATA))
  return data
}

function pseudoToSend({ version, family, checksum }: Dialect, source: Ip, destination: Ip, length: number): Uint8Array {
  const without = version === 2 || (family === 4 && checksum === 'rfc9568')
  return without ? NO_PSEUDO_HEADER : pseudoHeader(source, destination, length)
}
