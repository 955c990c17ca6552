// Whose an address is: a router of priority 255 speaks for addresses that are the host's own, every other for such as float.

import type { Config } from '../config/shape.js'
import { isOwner } from './dialect.js'
import { listNetwork } from './network.js'
import type { Platform } from './platform.js'

/** Every address of the configuration that comes and goes. */
export function floatingOf(vrrp: Config['vrrp']): ReadonlySet<string> {
  const routers = Object.values(vrrp).filter(config => !isOwner(config))
  return new Set(routers.flatMap(({ addresses }) => addresses.map(({ address }) => address)))
}

/** Why priority 255 cannot be meant: it is for the host whose own the addresses are. */
export function ownerTrouble(vrrp: Config['vrrp'], platform: Platform): string | undefined {
  const owners = Object.entries(vrrp).filter(([, config]) => isOwner(config))
  const network = owners.length > 0 ? listNetwork(platform, floatingOf(vrrp)) : undefined
  if (network instanceof Error) return network.message
  for (const [name, config] of owners) {
    const index = network?.links.find(link => link.name === config.interface)?.index
    const own = network?.addresses.filter(one => one.index === index && one.validFor === Number.POSITIVE_INFINITY) ?? []
    const missing = config.addresses.find(({ address }) => !own.some(one => one.address === address))
    if (missing)
      return `vrrp.${name}.priority: 255 is for the host that has ${missing.address} as its own on ${config.interface}, and it has not; choose 254 or less`
  }
  return undefined
}
