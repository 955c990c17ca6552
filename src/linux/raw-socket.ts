// A raw IP socket for one protocol on one interface, with a multicast group or only unicast peers: raw(7), ip(7), ipv6(7).
// Headers are ours in both families, so the source is chosen by the caller. Knows no protocol above IP.

import { type Datagram, type Datagrams, receiveBatch, SOCK_RAW, SOL_SOCKET } from './datagrams.js'
import { type CallError, callError } from './errno.js'
import { formatIp, ipBytes } from './ip-address.js'
import { ipv4Packet, ipv6Packet, readIpv4 } from './ip-header.js'
import type { LinkName } from './links.js'
import {
  AF_INET,
  AF_INET6,
  ipSockaddr,
  ipv4Membership,
  ipv6Membership,
  readControls,
  sockaddrIpv6,
} from './sockaddr.js'

const SO_PRIORITY = 12
const SO_BINDTODEVICE = 25
const SO_RCVBUFFORCE = 33
const IPPROTO_IP = 0
const IP_HDRINCL = 3
const IP_MULTICAST_IF = 32
const IP_MULTICAST_LOOP = 34
const IP_ADD_MEMBERSHIP = 35
const IP_DROP_MEMBERSHIP = 36
const IP_MULTICAST_ALL = 49
const IPPROTO_IPV6 = 41
const IPV6_MULTICAST_IF = 17
const IPV6_MULTICAST_LOOP = 19
const IPV6_ADD_MEMBERSHIP = 20
const IPV6_DROP_MEMBERSHIP = 21
const IPV6_MULTICAST_ALL = 29
const IPV6_HDRINCL = 36
const IPV6_RECVPKTINFO = 49
const IPV6_PKTINFO = 50
const IPV6_RECVHOPLIMIT = 51
const IPV6_HOPLIMIT = 52

/** TC_PRIO_INTERACTIVE: the highest that needs no CAP_NET_ADMIN, socket(7). */
const PRIORITY = 6
/** Network control, RFC 9568's customary mark: IP precedence 6. */
const TOS = 0xc0
const TTL = 255
/** No packet of interest is longer; what is cut fails its length check. */
const ROOM = 2048
const BATCH = 64
/** Bytes of queue, so that a flood of garbage does not push out what matters while the main thread is busy: some 10,000 short packets. */
const QUEUE = 4 << 20

export interface RawSocketOptions {
  readonly link: LinkName
  readonly family: 4 | 6
  /** IP protocol number, 112 for VRRP. */
  readonly protocol: number
  /** The multicast group to receive, none for unicast peers only. */
  readonly group?: string
}

export interface Outgoing {
  /** Any address may be claimed as the source; checksums over it are the caller's. */
  readonly from: string
  readonly to: string
  readonly payload: Uint8Array
}

export interface Incoming {
  readonly from: string
  readonly to: string
  /** TTL or hop limit as received; undefined where the kernel did not tell. */
  readonly ttl: number | undefined
  readonly payload: Uint8Array
}

export interface Arrived {
  readonly packets: readonly Incoming[]
  /** Packets whose IP header does not fit them: longer than 2048 bytes, or not what the family has. */
  readonly unreadable: number
  readonly error: CallError | undefined
}

export interface RawSocket {
  readonly fd: number
  /** Sends with TTL 255 and TOS 0xc0. */
  send(packet: Outgoing): CallError | undefined
  /** What has come, at most 64 packets; ask again until there is none. An error does not take away what was read before it. */
  receive(): Arrived
  /** Leaves the group (the socket stays for unicast). */
  leave(): CallError | undefined
  close(): void
}

/** Opens it, bound to the interface: nothing of another one is received or sent. Throws CallError (CAP_NET_RAW, ENODEV). */
export function openRawSocket(datagrams: Datagrams, options: RawSocketOptions): RawSocket {
  const { family, link, protocol } = options
  const name = family === 4 ? 'AF_INET' : 'AF_INET6'
  const doing = `open the raw socket for protocol ${protocol} (${name})`
  const fd = datagrams.open(family === 4 ? AF_INET : AF_INET6, SOCK_RAW, protocol)
  if (fd < 0) throw callError({ call: 'socket', errno: -fd, doing, interface: link.name, capability: 'CAP_NET_RAW' })
  try {
    setOptions(datagrams, fd, options, doing)
  } catch (error) {
    datagrams.libc.close(fd)
    throw error
  }
  return workWith(datagrams, fd, options)
}

type Option = readonly [name: string, level: number, option: number, value: number | Uint8Array]

function setOptions(datagrams: Datagrams, fd: number, options: RawSocketOptions, doing: string): void {
  const { link, group, family } = options
  // As much as the kernel allows: without CAP_NET_ADMIN it stays at the default.
  datagrams.option(fd, SOL_SOCKET, SO_RCVBUFFORCE, QUEUE)
  const device = new TextEncoder().encode(`${link.name}\0`)
  const wanted: Option[] = [
    ['SO_BINDTODEVICE', SOL_SOCKET, SO_BINDTODEVICE, device],
    ['SO_PRIORITY', SOL_SOCKET, SO_PRIORITY, PRIORITY],
    ...(family === 4 ? ipv4Options(link.index) : ipv6Options(link.index)),
    ...(group === undefined ? [] : [membership(options, group, true)]),
  ]
  for (const [name, level, option, value] of wanted) {
    const errno = datagrams.option(fd, level, option, value)
    const call = `setsockopt ${name}`
    if (errno !== 0) throw callError({ call, errno, doing, interface: link.name, capability: 'CAP_NET_RAW' })
  }
}

const ipv4Options = (index: number): Option[] => [
  ['IP_HDRINCL', IPPROTO_IP, IP_HDRINCL, 1],
  ['IP_MULTICAST_ALL', IPPROTO_IP, IP_MULTICAST_ALL, 0],
  ['IP_MULTICAST_LOOP', IPPROTO_IP, IP_MULTICAST_LOOP, 0],
  ['IP_MULTICAST_IF', IPPROTO_IP, IP_MULTICAST_IF, ipv4Membership(new Uint8Array(4), index)],
]

const ipv6Options = (index: number): Option[] => [
  ['IPV6_HDRINCL', IPPROTO_IPV6, IPV6_HDRINCL, 1],
  ['IPV6_MULTICAST_ALL', IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0],
  ['IPV6_MULTICAST_LOOP', IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0],
  ['IPV6_MULTICAST_IF', IPPROTO_IPV6, IPV6_MULTICAST_IF, index],
  ['IPV6_RECVHOPLIMIT', IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1],
  ['IPV6_RECVPKTINFO', IPPROTO_IPV6, IPV6_RECVPKTINFO, 1],
]

function membership({ family, link }: RawSocketOptions, group: string, join: boolean): Option {
  const bytes = ipBytes(group)
  if (family === 4) {
    const option = join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP
    return [join ? 'IP_ADD_MEMBERSHIP' : 'IP_DROP_MEMBERSHIP', IPPROTO_IP, option, ipv4Membership(bytes, link.index)]
  }
  const option = join ? IPV6_ADD_MEMBERSHIP : IPV6_DROP_MEMBERSHIP
  const name = join ? 'IPV6_ADD_MEMBERSHIP' : 'IPV6_DROP_MEMBERSHIP'
  return [name, IPPROTO_IPV6, option, ipv6Membership(bytes, link.index)]
}

function workWith(datagrams: Datagrams, fd: number, options: RawSocketOptions): RawSocket {
  const { link, family, protocol, group } = options
  const next = datagrams.receiver(ROOM, 256)
  const build = family === 4 ? ipv4Packet : ipv6Packet
  const fail = (call: string, doing: string, errno: number) =>
    errno === 0 ? undefined : callError({ call, errno, doing, interface: link.name })
  return {
    fd,
    send({ from, to, payload }) {
      const target = ipBytes(to)
      const bytes = build({ from: ipBytes(from), to: target, protocol, ttl: TTL, tos: TOS, payload })
      const errno = datagrams.sendTo(fd, bytes, ipSockaddr(target, link.index))
      return fail('sendto', `send protocol ${protocol} from ${from} to ${to}`, errno)
    },
    receive() {
      const { got, unread, errno } = receiveBatch(() => next(fd), family === 4 ? readFour : readSix, BATCH)
      return { packets: got, unreadable: unread, error: fail('recvmsg', `receive protocol ${protocol}`, errno) }
    },
    leave() {
      if (group === undefined) return undefined
      const [name, level, option, value] = membership(options, group, false)
      return fail(`setsockopt ${name}`, `leave ${group}`, datagrams.option(fd, level, option, value))
    },
    close: () => {
      datagrams.libc.close(fd)
    },
  }
}

function readFour({ data }: Datagram): Incoming | undefined {
  const packet = readIpv4(data)
  return packet && { from: formatIp(packet.from), to: formatIp(packet.to), ttl: packet.ttl, payload: packet.payload }
}

/** A raw IPv6 socket hands over no header: the hop limit and the destination come as control messages. */
function readSix({ data, name, control }: Datagram): Incoming | undefined {
  const from = sockaddrIpv6(name)
  const controls = readControls(control).filter(one => one.level === IPPROTO_IPV6)
  const to = controls.find(one => one.type === IPV6_PKTINFO)?.data.subarray(0, 16)
  if (!from || !to) return undefined
  return {
    from: formatIp(from),
    to: formatIp(to),
    ttl: controls.find(one => one.type === IPV6_HOPLIMIT)?.data[0],
    payload: data,
  }
}
