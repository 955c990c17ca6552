// The interfaces of this machine: find, list, switch on and off, and the macvlan that carries a virtual MAC.
// Knows rtnetlink's calls; refuses to know why.

import { type CallError, callError } from './errno.js'
import {
  aliasBody,
  everyLinkBody,
  type Ipv4Settings,
  ipv4SettingsBody,
  type Link,
  type Macvlan,
  macvlanBody,
  namedLinkBody,
  noOwnIpv6Body,
  oldLinkBody,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
  readIpv4Settings,
  readLink,
  upBody,
} from './link-message.js'
import type { Netlink } from './netlink.js'

const NLM_F_EXCL = 0x200
const NLM_F_CREATE = 0x400
const ENODEV = 19
const EINVAL = 22
/** IFNAMSIZ without the closing NUL. */
const NAME_LIMIT = 15

/** What a call needs to know of an interface. */
export interface LinkName {
  readonly index: number
  readonly name: string
}

/** Every interface of this network namespace. */
export function listLinks(netlink: Netlink): readonly Link[] | CallError {
  const doing = 'list the interfaces'
  const messages = netlink.dump({ call: 'RTM_GETLINK', type: RTM_GETLINK, body: everyLinkBody(), doing })
  return messages instanceof Error ? messages : messages.flatMap(message => readLink(message) ?? [])
}

/** One interface by its name; ENODEV where there is none. */
export function findLink(netlink: Netlink, name: string): Link | CallError {
  const asking = { call: 'RTM_GETLINK', doing: `find interface "${name}"`, interface: name }
  if (name === '' || Buffer.byteLength(name) > NAME_LIMIT) return callError({ ...asking, errno: EINVAL })
  const messages = netlink.ask({ ...asking, type: RTM_GETLINK, body: namedLinkBody(name) })
  if (messages instanceof Error) return messages
  const link = messages[0] && readLink(messages[0])
  return link ?? callError({ ...asking, errno: ENODEV })
}

/** Switches an interface on or off. Needs CAP_NET_ADMIN. */
export function switchLink(netlink: Netlink, link: LinkName, on: boolean): CallError | undefined {
  return order(netlink, link.name, `switch it ${on ? 'on' : 'off'}`, upBody(link.index, on))
}

/**
 * Makes a macvlan on its parent, without IPv6 addresses of its own making; it is not on yet. EEXIST: the name is taken.
 * Needs CAP_NET_ADMIN. What was half made is removed again.
 */
export function addMacvlan(netlink: Netlink, parent: LinkName, wanted: Omit<Macvlan, 'parent'>): Link | CallError {
  const { name, mac } = wanted
  const doing = `make macvlan ${name} (${mac}) over ${parent.name}`
  const body = macvlanBody({ ...wanted, parent: parent.index })
  const made = order(netlink, name, doing, body, NLM_F_CREATE | NLM_F_EXCL)
  const link = made ?? findLink(netlink, name)
  if (link instanceof Error) return link
  const quiet = order(netlink, name, doing, noOwnIpv6Body(link.index))
  if (!quiet || quiet.code === 'EAFNOSUPPORT') return link
  removeLink(netlink, link)
  return quiet
}

/** Removes an interface that was made, with all its addresses. Needs CAP_NET_ADMIN. */
export function removeLink(netlink: Netlink, link: LinkName): CallError | undefined {
  const body = oldLinkBody(link.index)
  const asking = { call: 'RTM_DELLINK', type: RTM_DELLINK, body, doing: 'remove it', interface: link.name }
  const answer = netlink.ask(asking)
  return answer instanceof Error ? answer : undefined
}

/** Leaves a text on an interface, for whoever finds it. Needs CAP_NET_ADMIN. */
export function setAlias(netlink: Netlink, link: LinkName, alias: string): CallError | undefined {
  return order(netlink, link.name, 'set its alias', aliasBody(link.index, alias))
}

/** The settings of IPv4 on one interface; ENODEV where it is not there or has no IPv4. */
export function readIpv4(netlink: Netlink, link: LinkName): Required<Ipv4Settings> | CallError {
  const asking = { call: 'RTM_GETLINK', doing: 'read its settings of IPv4', interface: link.name }
  const messages = netlink.ask({ ...asking, type: RTM_GETLINK, body: namedLinkBody(link.name) })
  if (messages instanceof Error) return messages
  const settings = messages[0] && readIpv4Settings(messages[0])
  return settings ?? callError({ ...asking, errno: ENODEV })
}

/** Changes settings of IPv4 on one interface, which outlast this process. Needs CAP_NET_ADMIN, no writable /proc/sys. */
export function setIpv4(netlink: Netlink, link: LinkName, settings: Ipv4Settings): CallError | undefined {
  const doing = `set ${Object.entries(settings).map(([key, value]) => `${key}=${value}`)}`
  return order(netlink, link.name, doing, ipv4SettingsBody(link.index, settings))
}

function order(netlink: Netlink, name: string, doing: string, body: Uint8Array, flags = 0): CallError | undefined {
  const answer = netlink.ask({ call: 'RTM_NEWLINK', type: RTM_NEWLINK, flags, body, doing, interface: name })
  return answer instanceof Error ? answer : undefined
}
