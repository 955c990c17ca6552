// The interfaces and addresses of this host as they are now, listed anew on every change the kernel tells and each half second.

import type { Address } from '../linux/address-message.js'
import { listAddresses } from '../linux/addresses.js'
import type { Link } from '../linux/link-message.js'
import { listLinks } from '../linux/links.js'
import type { Platform } from './platform.js'

export interface HostNetwork {
  readonly links: readonly Link[]
  readonly addresses: readonly Address[]
  /** The addresses that come and go by our own doing: no router's adverts come from the floating address of another. */
  readonly floating: ReadonlySet<string>
}

/** Lists both; gives what the kernel refused. */
export function listNetwork({ netlink }: Platform, floating: ReadonlySet<string>): HostNetwork | Error {
  const links = listLinks(netlink)
  if (links instanceof Error) return links
  const addresses = listAddresses(netlink)
  return addresses instanceof Error ? addresses : { links, addresses, floating }
}

/** Calls `changed` after every burst of news, until stopped. News itself is not kept: what counts is how things are. */
export function followNetwork({ watch, readiness }: Platform, changed: () => void): () => void {
  return readiness.watch(watch.fd, () => {
    while (watch.read().length > 0);
    changed()
  })
}
