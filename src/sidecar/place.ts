// Where a virtual router stands: its interface and the address its adverts come from, or why it cannot stand there now. Pure.

import type { VrrpConfig } from '../config/shape.js'
import type { Address } from '../linux/address-message.js'
import { ipBytes } from '../linux/ip-address.js'
import type { Link } from '../linux/link-message.js'
import { type Ip, isLinkLocal } from '../units/ip.js'
import { familyOf } from './dialect.js'
import type { HostNetwork } from './network.js'

export interface Place {
  readonly link: Link
  readonly source: string
  /** Every address of this host of the family, less those that float. */
  readonly own: readonly Ip[]
  /** The floating addresses in whose network the interface has an address of its own, and so a route there. */
  readonly reached: readonly string[]
}

export type Standing = { readonly ok: true; readonly place: Place } | { readonly ok: false; readonly why: string }

const no = (why: string): Standing => ({ ok: false, why })

/** Why an interface cannot be relied on; undefined when it is up and connected. */
export function linkTrouble(name: string, links: readonly Link[]): string | undefined {
  const link = links.find(one => one.name === name)
  if (!link) {
    const there = links.map(one => one.name).join(', ')
    return `there is no interface ${name}; create it or correct the name (there are: ${there})`
  }
  if (!link.up) return `interface ${name} is down; switch it on (ip link set ${name} up)`
  return link.carrier ? undefined : `interface ${name} has no carrier: cable, switch or peer is gone`
}

/** Looks where the router can stand, given all interfaces and addresses of the host. */
export function findPlace(config: VrrpConfig, { links, addresses, floating }: HostNetwork): Standing {
  const trouble = linkTrouble(config.interface, links)
  if (trouble !== undefined) return no(trouble)
  const link = links.find(one => one.name === config.interface)
  if (!link) return no(`there is no interface ${config.interface}`)
  const family = familyOf(config)
  const own = addresses.filter(({ address }) => isFamily(address, family) && !floating.has(address))
  const here = own.filter(one => one.index === link.index)
  const source = chooseSource(config, here)
  const reached = config.addresses.filter(one => here.some(isNeighbour(one))).map(({ address }) => address)
  if (source !== undefined)
    return { ok: true, place: { link, source, own: own.map(one => ipBytes(one.address)), reached } }
  const kind = family === 6 && config.peers.length === 0 ? 'usable link-local IPv6' : `usable IPv${family}`
  const off =
    family === 6
      ? `; is IPv6 off (sysctl net.ipv6.conf.${link.name}.disable_ipv6, or ipv6.disable=1 of the kernel)?`
      : ''
  return no(`interface ${link.name} has no ${kind} address of its own; adverts need one as their source${off}`)
}

const isFamily = (address: string, family: 4 | 6) => address.includes(':') === (family === 6)

/** Multicast over IPv6 comes from the link-local address (RFC 9568, section 5.1.2.1); to peers, from what is nearest to them. */
function chooseSource({ peers }: VrrpConfig, candidates: readonly Address[]): string | undefined {
  const usable = candidates.filter(one => !one.tentative && !one.duplicate)
  const [peer] = peers
  if (peer !== undefined) return nearest(ipBytes(peer), usable)
  const speaking = usable.filter(one => !one.address.includes(':') || isLinkLocal(ipBytes(one.address)))
  return (speaking.find(one => !one.secondary) ?? speaking[0])?.address
}

const isNeighbour =
  ({ address, prefix }: VrrpConfig['addresses'][number]) =>
  (own: Address) =>
    own.prefix === prefix && commonBits(ipBytes(address), ipBytes(own.address)) >= prefix

function nearest(peer: Ip, candidates: readonly Address[]): string | undefined {
  const ranked = candidates.map(one => ({ one, bits: commonBits(peer, ipBytes(one.address)) }))
  return ranked.sort((a, b) => b.bits - a.bits)[0]?.one.address
}

function commonBits(a: Ip, b: Ip): number {
  const at = a.findIndex((byte, index) => byte !== b[index])
  return at < 0 ? a.length * 8 : at * 8 + Math.clz32((a[at] ?? 0) ^ (b[at] ?? 0)) - 24
}
