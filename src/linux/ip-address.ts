// IP and MAC addresses: text to bytes and back. Pure; a text that is no address gives undefined, never a guess.

import { isIPv4, isIPv6 } from 'node:net'

/** 4 or 16 bytes in network order; undefined for anything but a plain address (no prefix, no zone). */
export function parseIp(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number)
  return isIPv6(text) && !text.includes('%') ? parseIpv6(text) : undefined
}

function parseIpv6(text: string): Uint8Array {
  const [left = '', right] = text.split('::')
  const head = groups(left)
  const tail = right === undefined ? [] : groups(right)
  const zeros = new Array<number>(8 - head.length - tail.length).fill(0)
  return Uint8Array.from([...head, ...zeros, ...tail].flatMap(group => [group >> 8, group & 0xff]))
}

/** The 16-bit groups of one side of `::`; a dotted tail counts as two. */
function groups(side: string): number[] {
  if (side === '') return []
  return side.split(':').flatMap(group => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
    return [(a << 8) | b, (c << 8) | d]
  })
}

/** The usual text of 4 or 16 bytes; IPv6 as RFC 5952 §4 wants it (lower case, the longest run of zeros shortened). */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`
  const words = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0))
  const { start, length } = longestZeros(words)
  const text = (part: readonly number[]) => part.map(word => word.toString(16)).join(':')
  return length < 2 ? text(words) : `${text(words.slice(0, start))}::${text(words.slice(start + length))}`
}

function longestZeros(words: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  for (let start = 0; start < words.length; start++) {
    let end = start
    while (words[end] === 0) end++
    if (end - start > best.length) best = { start, length: end - start }
  }
  return best
}

/** 6 bytes of `00:00:5e:00:01:33`; undefined for anything else. */
export function parseMac(text: string): Uint8Array | undefined {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) return undefined
  return Uint8Array.from(text.split(':'), byte => Number.parseInt(byte, 16))
}

/** `00:00:5e:00:01:33` of 6 bytes. */
export const formatMac = (bytes: Uint8Array): string =>
  Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(':')

/** The bytes of an address that must be one. Throws a RangeError that names the text. */
export function ipBytes(text: string): Uint8Array {
  const bytes = parseIp(text)
  if (!bytes) throw new RangeError(`"${text}" is no IP address: give a plain IPv4 or IPv6 address`)
  return bytes
}

/** The bytes of a MAC address that must be one. Throws a RangeError that names the text. */
export function macBytes(text: string): Uint8Array {
  const bytes = parseMac(text)
  if (!bytes) throw new RangeError(`"${text}" is no MAC address: give six hexadecimal bytes with colons`)
  return bytes
}
