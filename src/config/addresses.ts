// How addresses are written in the configuration, and what is wrong with one that cannot be read.
// Knows text only: it resolves no name and opens nothing.

import { isIP, isIPv4, isIPv6 } from 'node:net'
import type { Address } from '../topology/topology.js'
import type { ListenAddress } from './shape.js'

/** A value that was read, or what is wrong with its text, to be put after the text itself: `names no port`. */
export type Reading<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string }

const ok = <T>(value: T): Reading<T> => ({ ok: true, value })
const bad = (why: string): { readonly ok: false; readonly why: string } => ({ ok: false, why })

/** The longest path a Unix socket can have on Linux (unix(7): sun_path holds 108 bytes with its closing zero). */
const UNIX_PATH_MAX = 107

const HOST_NAME = /^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?$/
const LOOKS_LIKE_IPV4 = /^[\d.]+$/

function isHost(text: string): boolean {
  return isIP(text) !== 0 || (HOST_NAME.test(text) && !LOOKS_LIKE_IPV4.test(text))
}

interface Split {
  readonly host: string
  readonly port: string | undefined
}

function splitHostPort(text: string): Split | undefined {
  if (isIPv6(text)) return { host: text, port: undefined }
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text)
  if (bracketed) return isIPv6(bracketed[1] ?? '') ? { host: bracketed[1] ?? '', port: bracketed[2] } : undefined
  const [, host, port] = /^([^:]*)(?::([^:]*))?$/.exec(text) ?? []
  return host === undefined ? undefined : { host, port }
}

function readPort(text: string, lowest: 0 | 1): Reading<number> {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  return port >= lowest && port <= 65535 ? ok(port) : bad(`has a port that is not a number from 1 to 65535`)
}

/**
 * Reads where to listen: `host:port`, `[::1]:5000`, `:5000` (all interfaces: host is then empty) or the path of a Unix socket.
 * Port 0 means any free port.
 */
export function readListenAddress(text: string): Reading<ListenAddress> {
  if (text.startsWith('/')) {
    const tooLong = Buffer.byteLength(text) > UNIX_PATH_MAX
    return tooLong
      ? bad(`is longer than the ${UNIX_PATH_MAX} bytes a Unix socket may have`)
      : ok({ kind: 'unix', path: text })
  }
  const split = splitHostPort(text)
  if (split?.port === undefined) return bad('names no port')
  const host = split.host === '*' ? '' : split.host
  if (host !== '' && !isHost(host)) return bad('has no readable host')
  const port = readPort(split.port, 0)
  return port.ok ? ok({ kind: 'tcp', host, port: port.value }) : port
}

/** Reads a member's PostgreSQL address, `host[:port]`; the port is 5432 where none is given. */
export function readMemberAddress(text: string): Reading<Address> {
  const split = splitHostPort(text)
  if (split === undefined || !isHost(split.host)) return bad('has no readable host')
  const port = split.port === undefined ? ok(5432) : readPort(split.port, 1)
  return port.ok ? ok({ host: split.host, port: port.value }) : port
}

/** Reads the base of an HTTP service, `http(s)://host:port` or `host:port` (http); a trailing slash is taken off. */
export function readEndpoint(text: string): Reading<string> {
  const [, scheme = 'http://', rest = ''] = /^([A-Za-z][A-Za-z0-9+.-]*:\/\/)?(.*?)\/*$/.exec(text) ?? []
  if (!/^https?:\/\/$/i.test(scheme)) return bad('is neither http nor https')
  if (rest.includes('@')) return bad('holds credentials; give username and passwordFile instead')
  if (/[/?#]/.test(rest)) return bad('has a path; give scheme, host and port only')
  const split = splitHostPort(rest)
  if (split === undefined || !isHost(split.host)) return bad('has no readable host')
  if (split.port === undefined) return bad('names no port')
  const port = readPort(split.port, 1)
  if (!port.ok) return port
  return ok(`${scheme.toLowerCase()}${isIPv6(split.host) ? `[${split.host}]` : split.host}:${port.value}`)
}

/** Checks a CIDR block, `10.0.0.0/8` or `fd00::/8`; a bare address stands for itself alone. Gives it with its prefix length. */
export function readCidr(text: string): Reading<string> {
  const [address = '', length, more] = text.split('/')
  const version = isIP(address)
  if (version === 0 || more !== undefined) return bad('is not an address block')
  const longest = isIPv4(address) ? 32 : 128
  if (length === undefined) return ok(`${address}/${longest}`)
  const fits = /^\d{1,3}$/.test(length) && Number(length) <= longest
  return fits ? ok(text) : bad(`has a prefix length that is not 0 to ${longest}`)
}

/** An address as an interface carries it. */
export interface PrefixedAddress {
  readonly address: string
  readonly prefix: number
}

/** Reads `10.77.0.100/24` or `fd77::100/64`; without a prefix length the whole address counts. No zone. */
export function readCidrAddress(text: string): Reading<PrefixedAddress> {
  const cidr = readCidr(text)
  if (!cidr.ok) return bad(cidr.why.replace('an address block', 'an address with its prefix length'))
  const [address = '', length = ''] = cidr.value.split('/')
  const plain = readPlainAddress(address)
  return plain.ok ? ok({ address: plain.value, prefix: Number(length) }) : plain
}

/** Reads an IPv4 or IPv6 address, in its usual form afterwards (RFC 5952). No zone, no prefix. */
export function readPlainAddress(text: string): Reading<string> {
  if (isIP(text) === 0 || text.includes('%')) return bad('is not an IP address')
  return ok(isIPv6(text) ? new URL(`http://[${text}]`).hostname.slice(1, -1) : text)
}

/** Writes a listening address as the configuration would: `0.0.0.0:5000`, `[::1]:5000`, `:5000`, `/run/mekare/.s.PGSQL.5000`. */
export function formatListenAddress(address: ListenAddress): string {
  if (address.kind === 'unix') return address.path
  return `${isIPv6(address.host) ? `[${address.host}]` : address.host}:${address.port}`
}

const ANY = new Set(['', '::'])

/** Whether two listeners could not stand side by side: the same path, or the same port on hosts that overlap. */
export function collide(a: ListenAddress, b: ListenAddress): boolean {
  if (a.kind === 'unix' || b.kind === 'unix') return a.kind === 'unix' && b.kind === 'unix' && a.path === b.path
  if (a.port !== b.port || a.port === 0) return false
  if (a.host === b.host || ANY.has(a.host) || ANY.has(b.host)) return true
  const overlaps = (any: string, other: string) => any === '0.0.0.0' && !isIPv6(other)
  return overlaps(a.host, b.host) || overlaps(b.host, a.host)
}
