// The addresses of this machine's interfaces: list, put (add or renew), drop. Knows rtnetlink's calls; refuses to know why.

import {
  type Address,
  everyAddressBody,
  newAddressBody,
  oldAddressBody,
  type Prefixed,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_NEWADDR,
  readAddress,
  type Wanted,
} from './address-message.js'
import type { CallError } from './errno.js'
import type { LinkName } from './links.js'
import type { Netlink } from './netlink.js'

const NLM_F_REPLACE = 0x100
const NLM_F_CREATE = 0x400

/** Every address there is, or those of one interface (by its index). */
export function listAddresses(netlink: Netlink, index?: number): readonly Address[] | CallError {
  const doing = 'list the addresses'
  const messages = netlink.dump({ call: 'RTM_GETADDR', type: RTM_GETADDR, body: everyAddressBody(), doing })
  if (messages instanceof Error) return messages
  return messages.flatMap(message => {
    const address = message.type === RTM_NEWADDR ? readAddress(message) : undefined
    return address && (index === undefined || address.index === index) ? [address] : []
  })
}

/**
 * Adds an address, or renews its lifetime where it is there already (a label or scope is not changed then).
 * Needs CAP_NET_ADMIN. Throws a RangeError for a value that cannot be meant.
 */
export function putAddress(netlink: Netlink, link: LinkName, wanted: Wanted): CallError | undefined {
  const answer = netlink.ask({
    call: 'RTM_NEWADDR',
    type: RTM_NEWADDR,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    body: newAddressBody(link.index, wanted),
    doing: `put ${wanted.address}/${wanted.prefix}`,
    interface: link.name,
  })
  return answer instanceof Error ? answer : undefined
}

/** Takes an address away. EADDRNOTAVAIL: it was not there. Needs CAP_NET_ADMIN. */
export function dropAddress(netlink: Netlink, link: LinkName, which: Prefixed): CallError | undefined {
  const answer = netlink.ask({
    call: 'RTM_DELADDR',
    type: RTM_DELADDR,
    body: oldAddressBody(link.index, which),
    doing: `drop ${which.address}/${which.prefix}`,
    interface: link.name,
  })
  return answer instanceof Error ? answer : undefined
}
