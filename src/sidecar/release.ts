// Takes every floating address of the configuration off this host, whoever put it there, and the interfaces of virtual MAC addresses: for
// after the end of a sidecar that could not do it itself.

import type { Config } from '../config/shape.js'
import { dropAddress, listAddresses } from '../linux/addresses.js'
import { loadDatagrams } from '../linux/datagrams.js'
import { findLink } from '../linux/links.js'
import { openNetlink } from '../linux/netlink.js'
import { isOwner } from './dialect.js'
import { removeVirtual } from './virtual-mac.js'

export interface Released {
  /** `10.77.0.100/24 on eth0`, `mk4-51-2 over eth0`. */
  readonly removed: readonly string[]
  readonly failed: readonly string[]
}

/** Removes what is there; an interface that is not there has nothing left on it. Throws CallError. */
export function releaseAddresses(vrrp: Config['vrrp']): Released {
  const netlink = openNetlink(loadDatagrams())
  const removed: string[] = []
  const failed: string[] = []
  for (const config of Object.values(vrrp)) {
    const link = isOwner(config) ? undefined : findLink(netlink, config.interface)
    if (!link || link instanceof Error) continue
    const virtual = removeVirtual(netlink, config, link)
    if (virtual instanceof Error) failed.push(virtual.message)
    else if (virtual !== undefined) removed.push(`${virtual} over ${link.name}`)
    const here = listAddresses(netlink, link.index)
    if (here instanceof Error) {
      failed.push(here.message)
      continue
    }
    for (const { address, prefix } of config.addresses) {
      if (!here.some(one => one.address === address && one.prefix === prefix)) continue
      const error = dropAddress(netlink, link, { address, prefix })
      if (error && error.code !== 'EADDRNOTAVAIL') failed.push(error.message)
      else removed.push(`${address}/${prefix} on ${link.name}`)
    }
  }
  netlink.close()
  return { removed, failed }
}
