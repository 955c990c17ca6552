// Socket addresses as the kernel lays them out: ip(7), ipv6(7), packet(7), netlink(7). Little-endian machines. Pure.

export const AF_INET = 2
export const AF_INET6 = 10
export const AF_NETLINK = 16
export const AF_PACKET = 17

/** sockaddr_in of 4 bytes, sockaddr_in6 of 16 (scoped to the interface `index`, which link-local addresses need). No port. */
export function ipSockaddr(address: Uint8Array, index: number): Uint8Array {
  const six = address.length === 16
  const bytes = new Uint8Array(six ? 28 : 16)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, six ? AF_INET6 : AF_INET, true)
  bytes.set(address, six ? 8 : 4)
  if (six) view.setUint32(24, index, true)
  return bytes
}

/** sockaddr_in or sockaddr_in6 with a port, to connect to. */
export function ipPortSockaddr(address: Uint8Array, port: number): Uint8Array {
  const bytes = ipSockaddr(address, 0)
  new DataView(bytes.buffer).setUint16(2, port)
  return bytes
}

export const familyOf = (bytes: Uint8Array): number => (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8)

/** The address and port in a sockaddr_in or sockaddr_in6; undefined for any other family, as that of a Unix socket. */
export function ipPort(bytes: Uint8Array): { readonly address: Uint8Array; readonly port: number } | undefined {
  const family = familyOf(bytes)
  const port = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)
  if (family === AF_INET) return { address: bytes.subarray(4, 8), port }
  return family === AF_INET6 ? { address: bytes.subarray(8, 24), port } : undefined
}

/** The address in a sockaddr_in6; undefined for any other family. */
export function sockaddrIpv6(bytes: Uint8Array): Uint8Array | undefined {
  return bytes.length >= 24 && bytes[0] === AF_INET6 ? bytes.slice(8, 24) : undefined
}

/** sockaddr_ll of an interface; `protocol` is an Ethernet type, 0 to receive nothing. */
export function linkSockaddr(index: number, protocol: number): Uint8Array {
  const bytes = new Uint8Array(20)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, AF_PACKET, true)
  view.setUint16(2, protocol)
  view.setInt32(4, index, true)
  return bytes
}

/** sockaddr_nl: our port is the kernel's choice; `groups` is a mask of multicast groups. */
export function netlinkSockaddr(groups: number): Uint8Array {
  const bytes = new Uint8Array(12)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, AF_NETLINK, true)
  view.setUint32(8, groups, true)
  return bytes
}

/** ip_mreqn: a multicast group (or 0.0.0.0 for IP_MULTICAST_IF) on an interface. */
export function ipv4Membership(group: Uint8Array, index: number): Uint8Array {
  const bytes = new Uint8Array(12)
  bytes.set(group, 0)
  new DataView(bytes.buffer).setInt32(8, index, true)
  return bytes
}

/** ipv6_mreq: a multicast group on an interface. */
export function ipv6Membership(group: Uint8Array, index: number): Uint8Array {
  const bytes = new Uint8Array(20)
  bytes.set(group, 0)
  new DataView(bytes.buffer).setInt32(16, index, true)
  return bytes
}

export interface Control {
  readonly level: number
  readonly type: number
  readonly data: Uint8Array
}

/** The control messages of recvmsg, cmsg(3): a 16-byte header each, aligned to 8 bytes. Stops at the first that does not fit. */
export function readControls(bytes: Uint8Array): Control[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const found: Control[] = []
  for (let at = 0; at + 16 <= bytes.length; ) {
    const length = Number(view.getBigUint64(at, true))
    if (length < 16 || at + length > bytes.length) break
    const [level, type] = [view.getInt32(at + 8, true), view.getInt32(at + 12, true)]
    found.push({ level, type, data: bytes.slice(at + 16, at + length) })
    at += (length + 7) & ~7
  }
  return found
}
