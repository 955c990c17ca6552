// Netlink messages and their attributes as bytes, netlink(7): 4-byte alignment, the machine's (little-endian) byte order. Pure.

const HEADER = 16
const ATTRIBUTE_HEADER = 4
const TYPE_MASK = 0x3fff
const NESTED = 0x8000

export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3
export const NLM_F_DUMP_INTR = 0x10
const CAPPED = 0x100
const ACK_TLVS = 0x200
const NLMSGERR_ATTR_MSG = 1

export interface NetlinkMessage {
  readonly type: number
  readonly flags: number
  readonly sequence: number
  readonly body: Uint8Array
}

const aligned = (length: number) => Math.ceil(length / 4) * 4

/** A request: header and body (the family's fixed part, then attributes). The port stays 0, the kernel knows us. */
export function netlinkMessage(message: NetlinkMessage): Uint8Array {
  const bytes = new Uint8Array(HEADER + message.body.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, bytes.length, true)
  view.setUint16(4, message.type, true)
  view.setUint16(6, message.flags, true)
  view.setUint32(8, message.sequence, true)
  bytes.set(message.body, HEADER)
  return bytes
}

/** The messages of one datagram; what follows a length that does not fit is dropped. */
export function readNetlink(bytes: Uint8Array): NetlinkMessage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const found: NetlinkMessage[] = []
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = view.getUint32(at, true)
    if (length < HEADER || at + length > bytes.length) break
    found.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      body: bytes.slice(at + HEADER, at + length),
    })
    at += aligned(length)
  }
  return found
}

/** One attribute, padded. */
export function attribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(aligned(ATTRIBUTE_HEADER + value.length))
  const view = new DataView(bytes.buffer)
  view.setUint16(0, ATTRIBUTE_HEADER + value.length, true)
  view.setUint16(2, type, true)
  bytes.set(value, ATTRIBUTE_HEADER)
  return bytes
}

/** Attributes inside an attribute. */
export const nested = (type: number, ...inside: readonly Uint8Array[]): Uint8Array =>
  attribute(type | NESTED, joined(...inside))

/** Attributes inside an attribute, without the mark that says so: what older corners of rtnetlink insist on. */
export const listed = (type: number, ...inside: readonly Uint8Array[]): Uint8Array => attribute(type, joined(...inside))

/** Native 32-bit numbers in a row. */
export function words(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length)
  const view = new DataView(bytes.buffer)
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value >>> 0, true)
  return bytes
}

/** A text with its closing NUL. */
export const cString = (text: string): Uint8Array => new TextEncoder().encode(`${text}\0`)

/** Texts of the kernel, with or without a closing NUL. */
export const readString = (bytes: Uint8Array | undefined): string =>
  new TextDecoder().decode(bytes ?? new Uint8Array()).replace(/\0.*$/s, '')

/** The native 32-bit number at `offset`; 0 where the bytes are too few. */
export function readWord(bytes: Uint8Array | undefined, offset = 0): number {
  if (!bytes || offset + 4 > bytes.length) return 0
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, true)
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** The attributes from `offset` on, by type; the last of a type counts, one whose length does not fit ends the list. */
export function readAttributes(bytes: Uint8Array, offset: number): Map<number, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const found = new Map<number, Uint8Array>()
  for (let at = offset; at + ATTRIBUTE_HEADER <= bytes.length; ) {
    const length = view.getUint16(at, true)
    if (length < ATTRIBUTE_HEADER || at + length > bytes.length) break
    found.set(view.getUint16(at + 2, true) & TYPE_MASK, bytes.slice(at + ATTRIBUTE_HEADER, at + length))
    at += aligned(length)
  }
  return found
}

/** What NLMSG_ERROR says: the errno (0 is an acknowledgement) and the kernel's own words, if it has any. */
export function readAnswer(message: NetlinkMessage): { errno: number; says: string } {
  const errno = -(readWord(message.body) | 0)
  if ((message.flags & ACK_TLVS) === 0) return { errno, says: '' }
  // The request comes back in between: its header only when capped, else whole.
  const echoed = (message.flags & CAPPED) !== 0 ? HEADER : aligned(readWord(message.body, 4))
  return { errno, says: readString(readAttributes(message.body, 4 + echoed).get(NLMSGERR_ATTR_MSG)) }
}
