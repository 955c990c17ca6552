// The virtual MAC address of one router (RFC 9568, section 7.3): an interface of its own, a macvlan over the configured one, that has this
// address and carries the floating ones. It is on only while the router is master: a backup must not take what is sent to that
// address (section 6.4.2). Knows what must be set so that one address answers ARP once; knows no VRRP.

import type { VrrpConfig } from '../config/shape.js'
import type { CallError } from '../linux/errno.js'
import { setIpv6 } from '../linux/ipv6-settings.js'
import type { Link } from '../linux/link-message.js'
import { addMacvlan, findLink, removeLink, setAlias, setIpv4, switchLink } from '../linux/links.js'
import type { Netlink } from '../linux/netlink.js'
import { familyOf } from './dialect.js'
import { parentRemembered, quietParent, rememberParent, restoreParent } from './parent.js'

/** 00-00-5E-00-01-{VRID} for IPv4, 00-00-5E-00-02-{VRID} for IPv6. */
export function virtualMacOf(config: VrrpConfig): string {
  const last = [familyOf(config) === 4 ? 1 : 2, config.routerId]
  return `00:00:5e:00:${last.map(byte => byte.toString(16).padStart(2, '0')).join(':')}`
}

/** `mk4-51-2`: family, VRID and the index of the interface below, which `ip link` shows by name. At most 15 bytes. */
export const virtualNameOf = (config: VrrpConfig, parent: Link): string =>
  `mk${familyOf(config)}-${config.routerId}-${parent.index}`

export interface VirtualMac {
  /** Sees to it that the interface is there, over this one; gives what the kernel refused, in words. */
  stand(parent: Link, links: readonly Link[]): string | undefined
  /** The interface; undefined before stand() and after remove(). */
  link(): Link | undefined
  /** Switches it on, before addresses are put; gives what the kernel refused, in words. */
  turn(on: boolean): string | undefined
  /** Removes it with all that is on it, and puts back what was set for it on the interface below. */
  remove(): void
}

interface VirtualMacDeps {
  readonly failed: (why: string) => void
  /** One was left of a process before this one, and is removed. */
  readonly foundLeft: (name: string) => void
}

/** Where one is left of a process before this one, it is removed and made anew. */
export function createVirtualMac(
  config: VrrpConfig,
  netlink: Netlink,
  { failed, foundLeft }: VirtualMacDeps,
): VirtualMac {
  let made: { readonly link: Link; readonly parent: Link } | undefined
  let on = false
  /** How the interface below was found, and which that was. */
  let found: { readonly index: number; readonly words: string } | undefined

  function remember(parent: Link): string | CallError {
    if (found?.index === parent.index) return found.words
    const words = familyOf(config) === 4 ? rememberParent(netlink, parent) : ''
    if (!(words instanceof Error)) found = { index: parent.index, words }
    return words
  }

  function make(parent: Link): Link | CallError {
    const name = virtualNameOf(config, parent)
    const mac = virtualMacOf(config)
    const left = removeVirtual(netlink, config, parent)
    if (left instanceof Error) return left
    if (left !== undefined) foundLeft(left)
    // Not private: the adverts of another master come with this very MAC address as their sender's, and are heard by the one below.
    const link = addMacvlan(netlink, parent, { name, mac, mode: 'bridge' })
    if (link instanceof Error) return link
    const wrong = prepare(link, parent)
    if (!wrong) return link
    removeLink(netlink, link)
    return wrong
  }

  /**
   * It answers ARP for its own addresses only (arp_ignore), not for those of the interface below, and takes packets whose way back
   * leads over that one (rp_filter loose). No router's advertisement gives it addresses or routes.
   */
  function prepare(link: Link, parent: Link): CallError | undefined {
    const four = familyOf(config) === 4
    const why = four ? setIpv6(link, 'disable_ipv6', 1) : setIpv6(link, 'accept_ra', 0)
    if (why !== undefined) failed(why)
    const before = remember(parent)
    if (before instanceof Error) return before
    return (
      setIpv4(netlink, link, { arpIgnore: 1, rpFilter: 2 }) ??
      setAlias(netlink, link, `mekare vrrp ${config.routerId}${before}`) ??
      (four ? quietParent(netlink, parent) : undefined)
    )
  }

  return {
    stand(parent, links) {
      const there = made && links.some(link => link.index === made?.link.index && link.parent === parent.index)
      if (there) return undefined
      const link = make(parent)
      made = undefined
      if (link instanceof Error) return link.message
      made = { link, parent }
      return on ? switchLink(netlink, link, true)?.message : undefined
    },
    link: () => made?.link,
    turn(next) {
      on = next
      const error = made && switchLink(netlink, made.link, next)
      // Gone with the interface below: off it is.
      return error?.code === 'ENODEV' && !next ? undefined : error?.message
    },
    remove() {
      const error = made && removeVirtual(netlink, config, made.parent)
      if (error instanceof Error) failed(error.message)
      made = undefined
      found = undefined
      on = false
    },
  }
}

/** Removes the interface of this router over that one, if there is one. Gives its name, or what the kernel refused. */
export function removeVirtual(netlink: Netlink, config: VrrpConfig, parent: Link): string | CallError | undefined {
  const name = virtualNameOf(config, parent)
  const left = findLink(netlink, name)
  if (left instanceof Error) return left.code === 'ENODEV' ? undefined : left
  const error = removeLink(netlink, left)
  if (error) return error
  return restoreParent(netlink, parent, parentRemembered(left.alias)) ?? name
}
