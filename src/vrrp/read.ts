// Reads what arrived as VRRP: an advert that counts, or the reason why it is dropped, out of one closed list.
// Never throws, whatever the bytes. Knows no state: whether a good advert changes anything is the machine's affair.

import { compareIp, formatIp, type Ip } from '../units/ip.js'
import { formatMs } from '../units/units.js'
import { addsUp, NO_PSEUDO_HEADER, pseudoHeader } from './checksum.js'
import type { Datagram } from './ip.js'
import {
  type Advert,
  AUTH_NONE,
  AUTH_PASSWORD,
  authData,
  type Dialect,
  HEADER,
  HOPS,
  messageLength,
  readInterval,
} from './packet.js'

/** Why a packet is dropped. The same word is the metric's label. */
export const DROPS = [
  'ip_header', // not an IPv4 header, or cut short
  'short', // less than a VRRP header
  'vrid', // another virtual router on the same network: expected, not a mistake
  'family', // IPv6 where IPv4 is spoken, or the reverse
  'own', // from one of our own addresses: looped back, or an address in use twice
  'stranger', // unicast, and not from a configured peer
  'hops', // multicast that did not come straight from a neighbour
  'version',
  'type', // not an ADVERTISEMENT
  'count', // no address
  'length', // count and length disagree
  'checksum',
  'auth_type',
  'password',
  'interval', // v3: zero. v2: not ours
] as const

export type Drop = (typeof DROPS)[number]

export type Reading =
  | {
      readonly kind: 'advert'
      readonly advert: Advert
      /** Set when its addresses are not ours: what differs, for a warning. */
      readonly differs?: string
    }
  | { readonly kind: 'dropped'; readonly drop: Drop; readonly why: string }

const dropped = (drop: Drop, why: string): Reading => ({ kind: 'dropped', drop, why })

interface Fields {
  readonly version: number
  readonly type: number
  readonly routerId: number
  readonly priority: number
  readonly count: number
  /** v3: reserved bits and interval. v2: auth type and interval. */
  readonly interval: number
}

/**
 * Reads one datagram for one virtual router; `own` are this host's addresses. The checks are RFC 9568's section 7.1 (errata 8298,
 * 8301) and RFC 3768's section 7.1, the VRID first, since other virtual routers on the network are nobody's mistake.
 */
export function readAdvert(dialect: Dialect, own: readonly Ip[], datagram: Datagram): Reading {
  const { payload, source } = datagram
  if (payload.length < HEADER) return dropped('short', `${payload.length} bytes from ${formatIp(source)}`)
  const fields = fieldsOf(payload)
  if (fields.routerId !== dialect.routerId)
    return dropped('vrid', `virtual router ${fields.routerId}, this one is ${dialect.routerId}`)
  return (
    wrongSender(dialect, own, datagram) ??
    wrongShape(dialect, fields, datagram) ??
    wrongSum(dialect, datagram) ??
    wrongAuth(dialect, fields, datagram) ??
    wrongInterval(dialect, fields, datagram) ??
    heard(dialect, fields, datagram)
  )
}

function fieldsOf(payload: Uint8Array): Fields {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  const first = view.getUint8(0)
  return {
    version: first >> 4,
    type: first & 0x0f,
    routerId: view.getUint8(1),
    priority: view.getUint8(2),
    count: view.getUint8(3),
    interval: view.getUint16(4),
  }
}

/**
 * Among unicast peers the hop count says nothing: the way may be routed, and keepalived sends unicast IPv6 with the kernel's own 64.
 * There the list of peers stands in for it.
 */
function wrongSender({ family, peers }: Dialect, own: readonly Ip[], datagram: Datagram): Reading | undefined {
  const { source, destination, hops } = datagram
  const from = formatIp(source)
  const size = family === 6 ? 16 : 4
  if (source.length !== size || destination.length !== size) return dropped('family', `${from} is not IPv${family}`)
  if (own.some(address => compareIp(address, source) === 0))
    return dropped('own', `${from} is an address of this host; if nothing loops back, another host uses it too`)
  if (peers.length > 0 && !peers.some(peer => compareIp(peer, source) === 0))
    return dropped('stranger', `${from} is not among the peers; add it there, or stop its sender`)
  if (peers.length === 0 && hops !== HOPS)
    return dropped('hops', `TTL ${hops} from ${from}, ${HOPS} is due: it did not come from this network`)
  return undefined
}

function wrongShape(dialect: Dialect, fields: Fields, { source, payload }: Datagram): Reading | undefined {
  const from = formatIp(source)
  const { version, type, count } = fields
  if (version !== dialect.version)
    return dropped('version', `version ${version} from ${from}, ours is ${dialect.version}; set both alike`)
  if (type !== 1) return dropped('type', `packet type ${type} from ${from}; only 1, ADVERTISEMENT, is known`)
  if (count === 0) return dropped('count', `an advert without addresses from ${from}`)
  const due = messageLength(dialect, count)
  if (payload.length === due) return undefined
  return dropped('length', `${payload.length} bytes from ${from}, ${due} are due with a count of ${count}`)
}

/** Over IPv4, v3 comes with a pseudo-header (keepalived, RFC 5798 as it was read) and without (RFC 9568, section 5.2.8). */
function wrongSum({ version, family }: Dialect, datagram: Datagram): Reading | undefined {
  const { source, destination, payload } = datagram
  const plain = family === 4 && addsUp(payload, NO_PSEUDO_HEADER)
  const withPseudo = version === 3 && addsUp(payload, pseudoHeader(source, destination, payload.length))
  return plain || withPseudo ? undefined : dropped('checksum', `wrong checksum from ${formatIp(source)}`)
}

/** RFC 3768, sections 5.3.6 and 7.1. Version 3 has no authentication. */
function wrongAuth({ version, password }: Dialect, fields: Fields, datagram: Datagram): Reading | undefined {
  if (version === 3) return undefined
  const from = formatIp(datagram.source)
  const type = fields.interval >> 8
  const due = password ? AUTH_PASSWORD : AUTH_NONE
  if (type !== due) return dropped('auth_type', `auth type ${type} from ${from}, ours is ${due}; set both alike`)
  if (!password) return undefined
  const same = compareIp(datagram.payload.subarray(-8), authData(password)) === 0
  return same ? undefined : dropped('password', `wrong password from ${from}; set both alike`)
}

/** v2 must match exactly (RFC 3768, section 7.1); v3 learns what it hears, but zero (RFC 9568, erratum 8301). */
function wrongInterval(dialect: Dialect, fields: Fields, { source }: Datagram): Reading | undefined {
  const interval = readInterval(dialect.version, fields.interval)
  const from = formatIp(source)
  if (dialect.version === 3)
    return interval > 0 ? undefined : dropped('interval', `an advert interval of 0 from ${from}`)
  if (interval === dialect.interval) return undefined
  const words = `${formatMs(interval)} from ${from}, ours is ${formatMs(dialect.interval)}`
  return dropped('interval', `advert interval ${words}; version 2 needs both alike`)
}

/**
 * Other addresses than ours are told, not dropped (RFC 9568, section 7.1: "MAY verify"): dropping would leave two masters,
 * each with addresses the other may hold as well.
 */
function heard(dialect: Dialect, fields: Fields, { source, payload }: Datagram): Reading {
  const size = dialect.family === 6 ? 16 : 4
  const at = Array.from({ length: fields.count }, (_, index) => HEADER + index * size)
  const addresses = at.map(start => payload.slice(start, start + size))
  const interval = readInterval(dialect.version, fields.interval)
  const advert: Advert = { from: source, priority: fields.priority, interval, addresses }
  const differs = difference(dialect.addresses, addresses)
  return differs === undefined ? { kind: 'advert', advert } : { kind: 'advert', advert, differs }
}

function difference(ours: readonly Ip[], theirs: readonly Ip[]): string | undefined {
  const [a, b] = [ours, theirs].map(list => [...list].sort(compareIp).map(formatIp).join(', '))
  return a === b ? undefined : `it announces ${b}, ours are ${a}`
}
