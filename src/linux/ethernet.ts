// Ethernet frames, and where multicast goes on Ethernet. Pure.

export const ETH_P_IPV4 = 0x0800
export const ETH_P_IPV6 = 0x86dd

/** A frame without its checksum, which the device adds. */
export function ethernetFrame(to: Uint8Array, from: Uint8Array, type: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(14 + body.length)
  bytes.set(to, 0)
  bytes.set(from, 6)
  new DataView(bytes.buffer).setUint16(12, type)
  bytes.set(body, 14)
  return bytes
}

/** The MAC address of a multicast group: RFC 1112, section 6.4, of IPv4; RFC 2464, section 7, of IPv6. */
export function multicastMac(group: Uint8Array): Uint8Array {
  if (group.length === 16) return Uint8Array.of(0x33, 0x33, ...group.subarray(12))
  return Uint8Array.of(0x01, 0x00, 0x5e, (group[1] ?? 0) & 0x7f, ...group.subarray(2))
}
