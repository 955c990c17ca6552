// Reads the header by which a balancer says whom it connects for: the PROXY protocol, version 1 (a line of text) and 2 (binary),
// as HAProxy's doc/proxy-protocol.txt has it. Whether there must be one is settled before: it is never guessed.
// Never consumes: the caller takes the bytes.

import { formatIp, type Ip, parseIp } from '../units/ip.js'
import { MAX_STARTUP_BYTES } from './codes.js'
import { readText, showBytes, viewOf } from './text.js'

/** `length` counts the bytes of the header; whatever follows is the client's. */
export type ProxyHeader =
  | { readonly kind: 'more' }
  /** Whom the sender connects for. The host is in its usual form (RFC 5952), IPv4 never as a mapped IPv6 address. */
  | { readonly kind: 'client'; readonly host: string; readonly port: number; readonly length: number }
  /** The sender speaks for itself, as in a health check, or for one that has no address of TCP: its own address stands. */
  | { readonly kind: 'sender'; readonly length: number }
  | { readonly kind: 'bad'; readonly why: string }

const MORE: ProxyHeader = { kind: 'more' }
const bad = (why: string): ProxyHeader => ({ kind: 'bad', why })

/** Section 2.1: `PROXY`. */
const V1 = Uint8Array.of(0x50, 0x52, 0x4f, 0x58, 0x59)
/** Section 2.2: CR LF CR LF NUL CR LF `QUIT` LF. */
const V2 = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a)

/**
 * Reads the header out of all bytes received so far; to be asked again with more bytes after `more`, which is never answered
 * once 10,000 bytes are there.
 */
export function readProxyHeader(bytes: Uint8Array): ProxyHeader {
  if (bytes.length === 0) return MORE
  if (beginsLike(bytes, V2)) return bytes.length < V2_HEAD ? MORE : readV2(bytes)
  if (beginsLike(bytes, V1)) return readV1(bytes)
  return bad(`begins with ${showBytes(bytes)}, not with a PROXY protocol header`)
}

/** As far as there are bytes. */
const beginsLike = (bytes: Uint8Array, signature: Uint8Array): boolean =>
  signature.subarray(0, bytes.length).every((byte, at) => byte === bytes[at])

/** Section 2.1: the longest line, with its CR LF. */
const V1_LONGEST = 107

function readV1(bytes: Uint8Array): ProxyHeader {
  const end = bytes.subarray(0, V1_LONGEST).indexOf(LF)
  if (end < 0) return bytes.length < V1_LONGEST ? MORE : bad(`has no end of line within ${V1_LONGEST} bytes`)
  if (bytes[end - 1] !== CR) return bad('ends its line with LF alone; it must be CR LF')
  const line = readText(bytes.subarray(0, end - 1))
  const length = end + 1
  // What follows UNKNOWN is to be ignored.
  if (/^PROXY UNKNOWN( |$)/.test(line)) return { kind: 'sender', length }
  const [, family, source, destination, from, to] = /^PROXY TCP([46]) (\S+) (\S+) (\S+) (\S+)$/.exec(line) ?? []
  if (family === undefined)
    return bad('is not PROXY, TCP4 or TCP6, two addresses and two ports, one blank between each')
  const size = family === '4' ? 4 : 16
  const [ip, toIp] = [source, destination].map(text => ofSize(parseIp(text ?? ''), size))
  if (!ip || !toIp) return bad(`has an address that is not IPv${family}`)
  const [port, toPort] = [from, to].map(text => portOf(text ?? ''))
  if (port === undefined || toPort === undefined) return bad('has a port that is not a number from 0 to 65535')
  return client(ip, port, length)
}

const CR = 0x0d
const LF = 0x0a

const ofSize = (ip: Ip | undefined, size: number): Ip | undefined => (ip?.length === size ? ip : undefined)

const portOf = (text: string): number | undefined =>
  /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined

/** Section 2.2: the signature, version and command, family and protocol, length of the rest. */
const V2_HEAD = 16
const LOCAL = 0x20
const PROXY = 0x21
/** Bytes of one address of a family, for connections (STREAM); any other way of being connected has no use here. */
const TCP_ADDRESS: ReadonlyMap<number, number> = new Map([
  [0x11, 4],
  [0x21, 16],
])

function readV2(bytes: Uint8Array): ProxyHeader {
  const view = viewOf(bytes)
  const command = view.getUint8(12)
  const family = view.getUint8(13)
  const length = V2_HEAD + view.getUint16(14)
  if (command >> 4 !== 2) return bad(`has version ${command >> 4}; 1 and 2 are known`)
  if (command !== LOCAL && command !== PROXY)
    return bad(`has command ${command & 0x0f}; there are 0 (LOCAL) and 1 (PROXY)`)
  if (length > MAX_STARTUP_BYTES) return bad(`is ${length} bytes long; at most ${MAX_STARTUP_BYTES} are read`)
  // Of LOCAL even the family is to be ignored.
  if (command === PROXY && (family >> 4 > 3 || (family & 0x0f) > 2))
    return bad(`has family and protocol 0x${family.toString(16).padStart(2, '0')}, which stand for nothing`)
  const size = command === PROXY ? TCP_ADDRESS.get(family) : undefined
  if (size !== undefined && length < V2_HEAD + 2 * size + 4)
    return bad(`has ${length - V2_HEAD} bytes for addresses that take ${2 * size + 4}`)
  if (bytes.length < length) return MORE
  // What stands behind the addresses (TLVs, section 2.2) is skipped with them.
  if (size === undefined) return { kind: 'sender', length }
  return client(bytes.slice(V2_HEAD, V2_HEAD + size), view.getUint16(V2_HEAD + 2 * size), length)
}

function client(ip: Ip, port: number, length: number): ProxyHeader {
  return { kind: 'client', host: formatIp(unmapped(ip)), port, length }
}

/** An IPv4 client of a balancer that listens for both families comes as ::ffff:10.0.0.7 (RFC 4291, section 2.5.5.2). */
function unmapped(ip: Ip): Ip {
  const mapped = ip.length === 16 && ip[10] === 0xff && ip[11] === 0xff && ip.subarray(0, 10).every(byte => byte === 0)
  return mapped ? ip.slice(12) : ip
}
