// What a virtual MAC address needs of the interface below it, and how that is put back by whoever removes the last one, after SIGKILL too:
// the values found are remembered in the alias of the macvlan. Knows ARP's settings, see ip-sysctl in the kernel's manual.

import type { CallError } from '../linux/errno.js'
import type { Link } from '../linux/link-message.js'
import { listLinks, readIpv4, setIpv4 } from '../linux/links.js'
import type { Netlink } from '../linux/netlink.js'

/**
 * arp_ignore 1: the interface below answers for its own addresses only, not for those of the macvlan, with the wrong MAC address.
 * arp_announce 2: what the host itself asks does not name a floating address as the sender, which would teach the neighbours
 * that wrong MAC address as well.
 */
const QUIET = { arpIgnore: 1, arpAnnounce: 2 } as const

interface Remembered {
  readonly arpIgnore: number
  readonly arpAnnounce: number
}

/** Reads what an alias of ours says that the interface below had before. */
export function parentRemembered(alias: string): Remembered | undefined {
  const [, ignore, announce] = /^mekare vrrp .*; below: arp_ignore (\d+), arp_announce (\d+)$/.exec(alias) ?? []
  return ignore === undefined ? undefined : { arpIgnore: Number(ignore), arpAnnounce: Number(announce) }
}

const words = ({ arpIgnore, arpAnnounce }: Remembered) =>
  `; below: arp_ignore ${arpIgnore}, arp_announce ${arpAnnounce}`

/** Other macvlans of ours over the same interface: the first of them found it as it was. */
function remembered(netlink: Netlink, parent: Link): Remembered | CallError | undefined {
  const links = listLinks(netlink)
  if (links instanceof Error) return links
  const ours = links.filter(link => link.kind === 'macvlan' && link.parent === parent.index)
  return ours.map(({ alias }) => parentRemembered(alias)).find(found => found !== undefined)
}

/** How the interface below was before any macvlan of ours, as words to leave in the alias of the next one. */
export function rememberParent(netlink: Netlink, parent: Link): string | CallError {
  const before = remembered(netlink, parent) ?? readIpv4(netlink, parent)
  return before instanceof Error ? before : words(before)
}

/** Sets it, after it was remembered. */
export function quietParent(netlink: Netlink, parent: Link): CallError | undefined {
  return setIpv4(netlink, parent, QUIET)
}

/** Puts back what was there before, unless another macvlan of ours still needs it, or someone else has changed it. */
export function restoreParent(netlink: Netlink, parent: Link, before: Remembered | undefined): CallError | undefined {
  if (!before) return undefined
  const needed = remembered(netlink, parent)
  if (needed) return needed instanceof Error ? needed : undefined
  const now = readIpv4(netlink, parent)
  if (now instanceof Error) return now
  if (now.arpIgnore !== QUIET.arpIgnore || now.arpAnnounce !== QUIET.arpAnnounce) return undefined
  const { arpIgnore, arpAnnounce } = before
  return setIpv4(netlink, parent, { arpIgnore, arpAnnounce })
}
