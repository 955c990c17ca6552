// The Internet checksum (RFC 1071) and the pseudo-headers VRRP puts before it. Knows bytes, no fields.

import type { Ip } from '../units/ip.js'
import { PROTOCOL } from './ip.js'

/** The one's complement sum of 16-bit words over all parts; every part but the last has an even length. */
function sum(parts: readonly Uint8Array[]): number {
  let total = 0
  for (const part of parts)
    for (let at = 0; at < part.length; at += 2) total += ((part[at] ?? 0) << 8) | (part[at + 1] ?? 0)
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000)
  return total
}

/** The checksum of a message whose checksum field is zero. */
export function checksumOf(message: Uint8Array, pseudo: Uint8Array): number {
  return ~sum([pseudo, message]) & 0xffff
}

/** True when a message, checksum field included, adds up. */
export function addsUp(message: Uint8Array, pseudo: Uint8Array): boolean {
  return sum([pseudo, message]) === 0xffff
}

/** What v2 always, and RFC 9568 for v3 over IPv4, puts before the message: nothing. */
export const NO_PSEUDO_HEADER = new Uint8Array(0)

/**
 * The pseudo-header: RFC 8200, section 8.1 for IPv6; for IPv4 the form of TCP and UDP (RFC 793), which RFC 5798, section 5.2.8
 * was widely read to ask for and keepalived uses. The destination is the real one, unicast included.
 */
export function pseudoHeader(source: Ip, destination: Ip, length: number): Uint8Array {
  const tail = source.length === 16 ? [0, 0, length >> 8, length & 0xff, 0, 0, 0, PROTOCOL] : v4Tail(length)
  return Uint8Array.from([...source, ...destination, ...tail])
}

const v4Tail = (length: number) => [0, PROTOCOL, length >> 8, length & 0xff]
