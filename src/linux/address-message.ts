// Addresses of interfaces as rtnetlink writes them: struct ifaddrmsg and its attributes, rtnetlink(7). Pure.

import { formatIp, ipBytes } from './ip-address.js'
import {
  attribute,
  cString,
  joined,
  type NetlinkMessage,
  readAttributes,
  readString,
  readWord,
  words,
} from './netlink-message.js'
import { AF_INET, AF_INET6 } from './sockaddr.js'

export const RTM_NEWADDR = 20
export const RTM_DELADDR = 21
export const RTM_GETADDR = 22

const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const IFA_LABEL = 3
const IFA_CACHEINFO = 6
const IFA_FLAGS = 8
const IFA_F_SECONDARY = 0x01
const IFA_F_NODAD = 0x02
const IFA_F_DADFAILED = 0x08
const IFA_F_DEPRECATED = 0x20
const IFA_F_TENTATIVE = 0x40
const IFA_F_NOPREFIXROUTE = 0x200
const FOREVER = 0xffffffff

const SCOPES = { global: 0, site: 200, link: 253, host: 254 } as const
export type Scope = keyof typeof SCOPES
/** IFNAMSIZ without the closing NUL. */
const LABEL_LIMIT = 15

/** An address with its prefix length, of either family. */
export interface Prefixed {
  readonly address: string
  readonly prefix: number
}

export interface Wanted extends Prefixed {
  /** IPv4 only: at most 15 bytes, usually `eth0:vip`. */
  readonly label?: string
  /** `global` by default. */
  readonly scope?: Scope
  /** Seconds until the kernel takes it away, `Infinity` for never; at least 1. */
  readonly validFor: number
  /** Seconds until it is no longer chosen as a source; 0 at once. As long as it is valid, by default. */
  readonly preferredFor?: number
  /** True where no route to its network should come with it. */
  readonly noPrefixRoute?: boolean
}

export interface Address extends Prefixed {
  /** Of the interface. */
  readonly index: number
  readonly label: string
  readonly scope: Scope | number
  /** Seconds left; `Infinity` for ever. */
  readonly validFor: number
  readonly preferredFor: number
  /** IPv4: another address of the same network came first, and takes this one along when it goes (unless promote_secondaries). */
  readonly secondary: boolean
  readonly deprecated: boolean
  /** IPv6: duplicate address detection still runs, or found a duplicate. Not usable in both cases. */
  readonly tentative: boolean
  readonly duplicate: boolean
}

/** The body of RTM_NEWADDR. IPv6 comes without duplicate address detection (IFA_F_NODAD). Throws a RangeError that names a wrong value. */
export function newAddressBody(index: number, wanted: Wanted): Uint8Array {
  const { validFor, preferredFor = validFor, label } = wanted
  if (!(validFor >= 1) || !(preferredFor >= 0 && preferredFor <= validFor)) {
    throw new RangeError(
      `${wanted.address}: valid ${validFor} s, preferred ${preferredFor} s: want 1 <= valid, preferred <= valid`,
    )
  }
  if (label !== undefined && label.length > LABEL_LIMIT) {
    throw new RangeError(`${wanted.address}: the label "${label}" is longer than ${LABEL_LIMIT} bytes: shorten it`)
  }
  const address = ipBytes(wanted.address)
  const four = address.length === 4
  const flags = (four ? 0 : IFA_F_NODAD) | (wanted.noPrefixRoute ? IFA_F_NOPREFIXROUTE : 0)
  return joined(
    fixedPart(index, wanted, SCOPES[wanted.scope ?? 'global']),
    attribute(IFA_LOCAL, address),
    attribute(IFA_ADDRESS, address),
    four && label !== undefined ? attribute(IFA_LABEL, cString(label)) : new Uint8Array(),
    attribute(IFA_FLAGS, words(flags)),
    attribute(IFA_CACHEINFO, words(lifetime(preferredFor), lifetime(validFor), 0, 0)),
  )
}

/** The body of RTM_DELADDR. */
export function oldAddressBody(index: number, which: Prefixed): Uint8Array {
  const address = ipBytes(which.address)
  return joined(fixedPart(index, which, 0), attribute(IFA_LOCAL, address), attribute(IFA_ADDRESS, address))
}

/** The body of RTM_GETADDR for both families. */
export const everyAddressBody = (): Uint8Array => new Uint8Array(8)

const lifetime = (seconds: number) => (seconds === Number.POSITIVE_INFINITY ? FOREVER : Math.ceil(seconds))

function fixedPart(index: number, { address, prefix }: Prefixed, scope: number): Uint8Array {
  const bytes = ipBytes(address)
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > bytes.length * 8) {
    throw new RangeError(`${address}/${prefix}: the prefix length must be 0 to ${bytes.length * 8}`)
  }
  const family = bytes.length === 4 ? AF_INET : AF_INET6
  return joined(Uint8Array.of(family, prefix, 0, scope), words(index))
}

/** Reads RTM_NEWADDR or RTM_DELADDR; undefined where there is no IP address in it. */
export function readAddress({ body }: NetlinkMessage): Address | undefined {
  const attributes = readAttributes(body, 8)
  const address = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS)
  const family = body[0]
  const length = family === AF_INET ? 4 : 16
  if (body.length < 8 || (family !== AF_INET && family !== AF_INET6) || address?.length !== length) return undefined
  const flags = attributes.has(IFA_FLAGS) ? readWord(attributes.get(IFA_FLAGS)) : (body[2] ?? 0)
  const cache = attributes.get(IFA_CACHEINFO)
  return {
    address: formatIp(address),
    prefix: body[1] ?? 0,
    index: readWord(body, 4),
    label: readString(attributes.get(IFA_LABEL)),
    scope: scopeOf(body[3] ?? 0),
    preferredFor: cache ? seconds(readWord(cache)) : Number.POSITIVE_INFINITY,
    validFor: cache ? seconds(readWord(cache, 4)) : Number.POSITIVE_INFINITY,
    secondary: length === 4 && (flags & IFA_F_SECONDARY) !== 0,
    deprecated: (flags & IFA_F_DEPRECATED) !== 0,
    tentative: (flags & IFA_F_TENTATIVE) !== 0,
    duplicate: (flags & IFA_F_DADFAILED) !== 0,
  }
}

const seconds = (value: number) => (value === FOREVER ? Number.POSITIVE_INFINITY : value)

function scopeOf(value: number): Scope | number {
  for (const [name, number] of Object.entries(SCOPES)) if (number === value) return name as Scope
  return value
}
