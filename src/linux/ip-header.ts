// IP headers as bytes, and the Internet checksum (RFC 1071, RFC 791 §3.1, RFC 8200 §3). Pure: no socket, no time.

export interface Packet {
  readonly from: Uint8Array
  readonly to: Uint8Array
  readonly protocol: number
  /** TTL or hop limit. */
  readonly ttl: number
  /** TOS or traffic class. */
  readonly tos: number
  readonly payload: Uint8Array
}

/** The ones' complement sum of 16-bit words over all parts as if they were one; each part but the last has an even length. */
export function internetChecksum(...parts: readonly Uint8Array[]): number {
  let sum = 0
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) sum += ((part[i] ?? 0) << 8) | (part[i + 1] ?? 0)
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** An IPv4 packet without options. The identification stays 0: the kernel fills it in on a socket with IP_HDRINCL, raw(7). */
export function ipv4Packet(packet: Packet): Uint8Array {
  const bytes = new Uint8Array(20 + packet.payload.length)
  const view = new DataView(bytes.buffer)
  bytes[0] = 0x45
  bytes[1] = packet.tos
  view.setUint16(2, bytes.length)
  bytes[8] = packet.ttl
  bytes[9] = packet.protocol
  bytes.set(packet.from, 12)
  bytes.set(packet.to, 16)
  view.setUint16(10, internetChecksum(bytes.subarray(0, 20)))
  bytes.set(packet.payload, 20)
  return bytes
}

/** An IPv6 packet without extension headers and flow label. */
export function ipv6Packet(packet: Packet): Uint8Array {
  const bytes = new Uint8Array(40 + packet.payload.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, ((6 << 28) | (packet.tos << 20)) >>> 0)
  view.setUint16(4, packet.payload.length)
  bytes[6] = packet.protocol
  bytes[7] = packet.ttl
  bytes.set(packet.from, 8)
  bytes.set(packet.to, 24)
  bytes.set(packet.payload, 40)
  return bytes
}

/** What a raw IPv4 socket hands over, header first, raw(7). Undefined where the lengths do not fit. */
export function readIpv4(bytes: Uint8Array): Packet | undefined {
  const header = ((bytes[0] ?? 0) & 0x0f) * 4
  if ((bytes[0] ?? 0) >> 4 !== 4 || header < 20 || bytes.length < header) return undefined
  const total = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)
  if (total < header || total > bytes.length) return undefined
  return {
    from: bytes.slice(12, 16),
    to: bytes.slice(16, 20),
    protocol: bytes[9] ?? 0,
    ttl: bytes[8] ?? 0,
    tos: bytes[1] ?? 0,
    payload: bytes.slice(header, total),
  }
}

/** The pseudo-header that checksums of upper layers over IPv6 include, RFC 8200 §8.1. */
export function pseudoHeader(from: Uint8Array, to: Uint8Array, protocol: number, length: number): Uint8Array {
  const bytes = new Uint8Array(40)
  bytes.set(from, 0)
  bytes.set(to, 16)
  new DataView(bytes.buffer).setUint32(32, length)
  bytes[39] = protocol
  return bytes
}
