// A virtual router's configuration in the words of the VRRP machine and its packets. Pure.

import { isIPv4 } from 'node:net'
import type { VrrpConfig } from '../config/shape.js'
import { ipBytes } from '../linux/ip-address.js'
import type { Ip } from '../units/ip.js'
import type { Dialect } from '../vrrp/packet.js'
import { OWNER, type Setup } from '../vrrp/state.js'

export const familyOf = ({ addresses }: VrrpConfig): 4 | 6 => (isIPv4(addresses[0]?.address ?? '') ? 4 : 6)

/** The host has the addresses as its own: they are never put or taken. */
export const isOwner = ({ priority }: VrrpConfig): boolean => priority === OWNER

export function dialectOf(config: VrrpConfig): Dialect {
  const { auth } = config
  return {
    version: config.version === '2' ? 2 : 3,
    family: familyOf(config),
    routerId: config.routerId,
    interval: config.advertInterval,
    checksum: config.checksum,
    addresses: config.addresses.map(({ address }) => ipBytes(address)),
    peers: config.peers.map(ipBytes),
    ...(auth.type === 'pass' && auth.password !== undefined && { password: new TextEncoder().encode(auth.password) }),
  }
}

/** `address` is the source of our adverts. */
export function setupOf(config: VrrpConfig, address: Ip): Setup {
  return {
    version: config.version === '2' ? 2 : 3,
    priority: config.priority,
    interval: config.advertInterval,
    preempt: config.preempt,
    preemptDelay: config.preemptDelay,
    garp: config.garp,
    address,
    grouped: config.syncGroup !== undefined,
  }
}
