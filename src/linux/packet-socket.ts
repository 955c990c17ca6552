// Ethernet frames out of one interface, and ARP in: packet(7). Announces addresses and hears who else claims one.
// Does nothing by itself: when to repeat an announcement and how long to listen is the caller's.

import { type Datagrams, receiveBatch, SOCK_RAW } from './datagrams.js'
import { type CallError, callError } from './errno.js'
import { ETH_P_IPV4, ETH_P_IPV6, ethernetFrame, multicastMac } from './ethernet.js'
import { formatIp, formatMac, ipBytes, macBytes } from './ip-address.js'
import { ipv4Packet, ipv6Packet, type Packet } from './ip-header.js'
import type { LinkName } from './links.js'
import { arpRequest, ETH_P_ARP, neighbourAdvertisement, neighbourProbe, readArp } from './neighbours.js'
import { AF_PACKET, linkSockaddr } from './sockaddr.js'

const ROOM = 256
const BATCH = 64

/** Someone who says an address is theirs. */
export interface Claim {
  readonly address: string
  readonly mac: string
}

export interface PacketSocket {
  readonly fd: number
  /** One gratuitous ARP request (IPv4) or unsolicited neighbour advertisement (IPv6): `address` is at our MAC from now on. */
  announce(address: string): CallError | undefined
  /** One IP packet to a multicast group, with our MAC as the sender's, whatever the interface's own is. */
  multicast(packet: Packet): CallError | undefined
  /** One probe, who has this address? ARP or neighbour solicitation; it changes nobody's tables. */
  ask(address: string): CallError | undefined
  /** Claims of IPv4 addresses by others heard since, if opened to listen: at most 64 frames' worth; ask again until there is none. */
  claims(): { readonly claims: readonly Claim[]; readonly error: CallError | undefined }
  close(): void
}

/** Opens it on an interface, to send from this MAC; with `listen`, ARP is received. Throws CallError (CAP_NET_RAW, ENODEV). */
export function openPacketSocket(
  datagrams: Datagrams,
  link: LinkName & { readonly mac: string },
  listen: boolean,
): PacketSocket {
  const mac = macBytes(link.mac)
  const fail = (call: string, doing: string, errno: number) =>
    callError({ call, errno, doing, interface: link.name, ...(call === 'socket' ? { capability: 'CAP_NET_RAW' } : {}) })
  const doing = 'open the packet socket'
  // Protocol 0 until bound: otherwise frames of every interface would come in between.
  const fd = datagrams.open(AF_PACKET, SOCK_RAW, 0)
  if (fd < 0) throw fail('socket', doing, -fd)
  const errno = datagrams.bind(fd, linkSockaddr(link.index, listen ? ETH_P_ARP : 0))
  if (errno !== 0) {
    datagrams.libc.close(fd)
    throw fail('bind', doing, errno)
  }
  const next = datagrams.receiver(ROOM, 0)
  const send = (frame: Uint8Array, doing: string) => {
    const errno = datagrams.sendTo(fd, frame, linkSockaddr(link.index, 0))
    return errno === 0 ? undefined : fail('sendto', doing, errno)
  }
  return {
    fd,
    announce(address) {
      const bytes = ipBytes(address)
      const frame = bytes.length === 4 ? arpRequest(mac, bytes, bytes) : neighbourAdvertisement(mac, bytes)
      return send(frame, `announce ${address}`)
    },
    multicast(packet) {
      const [type, build] =
        packet.to.length === 4 ? ([ETH_P_IPV4, ipv4Packet] as const) : ([ETH_P_IPV6, ipv6Packet] as const)
      const frame = ethernetFrame(multicastMac(packet.to), mac, type, build(packet))
      return send(frame, `send protocol ${packet.protocol} from ${formatIp(packet.from)} to ${formatIp(packet.to)}`)
    },
    ask(address) {
      const bytes = ipBytes(address)
      const frame = bytes.length === 4 ? arpRequest(mac, new Uint8Array(4), bytes) : neighbourProbe(mac, bytes)
      return send(frame, `ask who has ${address}`)
    },
    claims() {
      const { got, errno } = receiveBatch(
        () => next(fd),
        one => readClaim(one.data, link.mac),
        BATCH,
      )
      return { claims: got, error: errno === 0 ? undefined : fail('recvmsg', 'receive ARP', errno) }
    },
    close: () => {
      datagrams.libc.close(fd)
    },
  }
}

/** A reply, or any request with a sender address, says that the sender has it. Probes have none. */
function readClaim(frame: Uint8Array, own: string): Claim | undefined {
  const arp = readArp(frame)
  if (!arp || arp.sender.every(byte => byte === 0)) return undefined
  const mac = formatMac(arp.senderMac)
  return mac === own.toLowerCase() ? undefined : { address: formatIp(arp.sender), mac }
}
