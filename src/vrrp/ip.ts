// What an IP header says of a datagram. Knows no VRRP and no socket.

import type { Ip } from '../units/ip.js'

/** What the network says around a VRRP message. */
export interface Datagram {
  readonly source: Ip
  /** Where it was sent to: part of the checksum's pseudo-header, so never rewritten to the multicast group. */
  readonly destination: Ip
  /** TTL or hop limit as it arrived. */
  readonly hops: number
  readonly payload: Uint8Array
}

/** VRRP's IP protocol number (RFC 9568, section 5.1.1.4). */
export const PROTOCOL = 112

const V4_HEADER = 20

/**
 * Takes the IPv4 header off what a raw socket gives (an IPv6 raw socket gives none). Undefined when it is cut short,
 * not IPv4 or not VRRP: dropped as `ip_header`. Bytes past the header's total length are link padding and left out.
 */
export function readIpv4(bytes: Uint8Array): Datagram | undefined {
  if (bytes.length < V4_HEADER) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const first = view.getUint8(0)
  const header = (first & 0x0f) * 4
  const total = view.getUint16(2)
  if (first >> 4 !== 4 || view.getUint8(9) !== PROTOCOL) return undefined
  if (header < V4_HEADER || total < header || bytes.length < total) return undefined
  const [source, destination] = [bytes.slice(12, 16), bytes.slice(16, 20)]
  return { source, destination, hops: view.getUint8(8), payload: bytes.subarray(header, total) }
}
