// IP addresses as bytes, their text and their order. Knows no socket and resolves no name.

/** An IPv4 or IPv6 address: its 4 or 16 bytes in network order. */
export type Ip = Uint8Array

/** Reads `10.77.0.100` (no leading zeros) or `fe80::1` (hexadecimal groups only, no zone). Undefined when it is neither. */
export function parseIp(text: string): Ip | undefined {
  return text.includes(':') ? parseV6(text) : parseV4(text)
}

function parseV4(text: string): Ip | undefined {
  const parts = text.split('.')
  const fits = parts.length === 4 && parts.every(part => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)
  return fits ? Uint8Array.from(parts.map(Number)) : undefined
}

function parseV6(text: string): Ip | undefined {
  const halves = text.split('::')
  const [head = [], tail] = halves.map(half => (half === '' ? [] : half.split(':')))
  const missing = 8 - head.length - (tail?.length ?? 0)
  if (halves.length > 2 || (tail === undefined ? missing !== 0 : missing < 1)) return undefined
  const groups = tail === undefined ? head : [...head, ...Array<string>(missing).fill('0'), ...tail]
  if (!groups.every(group => /^[0-9a-f]{1,4}$/i.test(group))) return undefined
  return Uint8Array.from(groups.map(group => parseInt(group, 16)).flatMap(group => [group >> 8, group & 0xff]))
}

/** Writes an address as text, IPv6 in RFC 5952's form. */
export function formatIp(ip: Ip): string {
  if (ip.length !== 16) return [...ip].join('.')
  const groups = [0, 1, 2, 3, 4, 5, 6, 7].map(at => (((ip[at * 2] ?? 0) << 8) | (ip[at * 2 + 1] ?? 0)).toString(16))
  const { start, length } = longestZeros(groups)
  if (length < 2) return groups.join(':')
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`
}

function longestZeros(groups: readonly string[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  for (const [at, group] of groups.entries()) {
    if (group !== '0') start = at + 1
    else if (at + 1 - start > best.length) best = { start, length: at + 1 - start }
  }
  return best
}

/** Orders addresses as unsigned integers in network byte order (RFC 9568, section 6.4.3): negative when `a` is the lesser. */
export function compareIp(a: Ip, b: Ip): number {
  if (a.length !== b.length) return a.length - b.length
  for (const [at, byte] of a.entries()) {
    const difference = byte - (b[at] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** True for an IPv6 link-local address, fe80::/10. */
export function isLinkLocal(ip: Ip): boolean {
  return ip.length === 16 && ip[0] === 0xfe && ((ip[1] ?? 0) & 0xc0) === 0x80
}
