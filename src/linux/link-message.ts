// Interfaces as rtnetlink writes them: struct ifinfomsg and its attributes, rtnetlink(7), if_link.h. Pure.

import { formatMac, macBytes } from './ip-address.js'
import {
  attribute,
  cString,
  joined,
  listed,
  type NetlinkMessage,
  nested,
  readAttributes,
  readString,
  readWord,
  words,
} from './netlink-message.js'
import { AF_INET, AF_INET6 } from './sockaddr.js'

export const RTM_NEWLINK = 16
export const RTM_DELLINK = 17
export const RTM_GETLINK = 18

const IFLA_ADDRESS = 1
const IFLA_IFNAME = 3
const IFLA_MTU = 4
const IFLA_LINK = 5
const IFLA_LINKINFO = 18
const IFLA_IFALIAS = 20
const IFLA_AF_SPEC = 26
const IFLA_INFO_KIND = 1
const IFLA_INFO_DATA = 2
const IFLA_MACVLAN_MODE = 1
const IFLA_INET_CONF = 1
const IFLA_INET6_ADDR_GEN_MODE = 8
const IN6_ADDR_GEN_MODE_NONE = 1
const IFF_UP = 1
const IFF_LOWER_UP = 0x10000
const FIXED = 16

export interface Link {
  readonly index: number
  readonly name: string
  readonly mac: string
  readonly mtu: number
  /** An operator switched it on. */
  readonly up: boolean
  /** And something is at the other end of the wire. */
  readonly carrier: boolean
  /** `macvlan`, `veth`, `bond` …; empty for hardware. */
  readonly kind: string
  /** Index of the interface it sits on, 0 for none. */
  readonly parent: number
  /** A text that whoever made it may leave there; empty for none. */
  readonly alias: string
}

export interface Macvlan {
  readonly name: string
  readonly parent: number
  readonly mac: string
  /**
   * `bridge`: what comes from outside with its own MAC address as the sender reaches its parent too. `private`: it does not, and it hears
   * nothing of other macvlans on the same parent.
   */
  readonly mode: 'private' | 'bridge'
}

/** Settings under /proc/sys/net/ipv4/conf/NAME that a virtual MAC needs; each is left alone where absent. */
export interface Ipv4Settings {
  readonly rpFilter?: number
  readonly arpAnnounce?: number
  readonly arpIgnore?: number
}

/** Numbers of IPV4_DEVCONF_… in linux/ip.h. */
const IPV4_SETTINGS: { readonly [key in keyof Ipv4Settings]-?: number } = {
  rpFilter: 8,
  arpAnnounce: 18,
  arpIgnore: 19,
}

const fixedPart = (index: number, flags: number, change: number) => words(0, index, flags, change)

/** The body of RTM_GETLINK for all interfaces. */
export const everyLinkBody = (): Uint8Array => fixedPart(0, 0, 0)

/** The body of RTM_GETLINK for one name. */
export const namedLinkBody = (name: string): Uint8Array =>
  joined(fixedPart(0, 0, 0), attribute(IFLA_IFNAME, cString(name)))

/** The body of RTM_NEWLINK that makes a macvlan, still down. */
export function macvlanBody(wanted: Macvlan): Uint8Array {
  const mode = attribute(IFLA_MACVLAN_MODE, words(wanted.mode === 'private' ? 1 : 4))
  return joined(
    fixedPart(0, 0, 0),
    attribute(IFLA_IFNAME, cString(wanted.name)),
    attribute(IFLA_LINK, words(wanted.parent)),
    attribute(IFLA_ADDRESS, macBytes(wanted.mac)),
    nested(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, new TextEncoder().encode('macvlan')), nested(IFLA_INFO_DATA, mode)),
  )
}

/** The body of RTM_NEWLINK that switches an interface on or off. */
export const upBody = (index: number, up: boolean): Uint8Array => fixedPart(index, up ? IFF_UP : 0, IFF_UP)

/** The body of RTM_DELLINK. */
export const oldLinkBody = (index: number): Uint8Array => fixedPart(index, 0, 0)

/** The body of RTM_NEWLINK after which IPv6 gives the interface no address of its own making. */
export const noOwnIpv6Body = (index: number): Uint8Array =>
  joined(
    fixedPart(index, 0, 0),
    nested(IFLA_AF_SPEC, nested(AF_INET6, attribute(IFLA_INET6_ADDR_GEN_MODE, Uint8Array.of(IN6_ADDR_GEN_MODE_NONE)))),
  )

/** The body of RTM_NEWLINK that changes settings of IPv4 on one interface. */
export function ipv4SettingsBody(index: number, settings: Ipv4Settings): Uint8Array {
  const each = Object.entries(settings).map(([key, value]) =>
    attribute(IPV4_SETTINGS[key as keyof Ipv4Settings], words(value)),
  )
  return joined(fixedPart(index, 0, 0), nested(IFLA_AF_SPEC, nested(AF_INET, listed(IFLA_INET_CONF, ...each))))
}

/** The body of RTM_NEWLINK that leaves a text on an interface: at most 255 bytes. */
export const aliasBody = (index: number, alias: string): Uint8Array =>
  joined(fixedPart(index, 0, 0), attribute(IFLA_IFALIAS, new TextEncoder().encode(alias)))

/** The settings of IPv4 in an RTM_NEWLINK: an array of all, numbered from 1. Undefined where the interface has no IPv4. */
export function readIpv4Settings({ body }: NetlinkMessage): Required<Ipv4Settings> | undefined {
  const families = readAttributes(body, FIXED).get(IFLA_AF_SPEC)
  const four = families && readAttributes(families, 0).get(AF_INET)
  const all = four && readAttributes(four, 0).get(IFLA_INET_CONF)
  if (!all) return undefined
  const value = (key: keyof Ipv4Settings) => readWord(all, 4 * (IPV4_SETTINGS[key] - 1))
  return { rpFilter: value('rpFilter'), arpAnnounce: value('arpAnnounce'), arpIgnore: value('arpIgnore') }
}

/** Reads RTM_NEWLINK or RTM_DELLINK; undefined where it is too short or of a bridge's own family. */
export function readLink({ body }: NetlinkMessage): Link | undefined {
  if (body.length < FIXED || body[0] !== 0) return undefined
  const attributes = readAttributes(body, FIXED)
  const flags = readWord(body, 8)
  const info = attributes.get(IFLA_LINKINFO)
  return {
    index: readWord(body, 4),
    name: readString(attributes.get(IFLA_IFNAME)),
    mac: formatMac(attributes.get(IFLA_ADDRESS) ?? new Uint8Array()),
    mtu: readWord(attributes.get(IFLA_MTU)),
    up: (flags & IFF_UP) !== 0,
    carrier: (flags & IFF_LOWER_UP) !== 0,
    kind: info ? readString(readAttributes(info, 0).get(IFLA_INFO_KIND)) : '',
    parent: readWord(attributes.get(IFLA_LINK)),
    alias: readString(attributes.get(IFLA_IFALIAS)),
  }
}
