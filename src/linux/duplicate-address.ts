// Asks the wire whether another host has an address, and listens for a bounded time. Reports whose MAC; decides nothing.
// IPv4: ARP probes, RFC 5227 §2.1. IPv6: neighbour solicitations, RFC 4862 §5.4, answered to all nodes.

import type { Datagrams } from './datagrams.js'
import type { CallError } from './errno.js'
import { formatIp, formatMac, ipBytes } from './ip-address.js'
import type { LinkName } from './links.js'
import { ICMPV6, NEIGHBOUR_ADVERTISEMENT, readAdvertisement } from './neighbours.js'
import { type Claim, openPacketSocket } from './packet-socket.js'
import { openRawSocket } from './raw-socket.js'
import type { Readiness } from './readiness.js'

const ICMP6_FILTER = 1
const PROBES = 3

export interface Listening {
  readonly datagrams: Datagrams
  readonly readiness: Readiness
}

/**
 * Sends three probes within `milliseconds` and gives the first other host that claims the address, undefined if none did.
 * A frozen host's kernel still answers. Throws CallError where the sockets cannot be opened (CAP_NET_RAW).
 */
export async function whoClaims(
  { datagrams, readiness }: Listening,
  link: LinkName & { readonly mac: string },
  address: string,
  milliseconds: number,
): Promise<Claim | CallError | undefined> {
  const wanted = formatIp(ipBytes(address))
  const four = ipBytes(address).length === 4
  const packets = openPacketSocket(datagrams, link, four)
  const ear = four ? { fd: packets.fd, hear: () => packets.claims().claims, close: () => {} } : openEar(datagrams, link)
  try {
    return await new Promise(resolve => {
      const stop = readiness.watch(ear.fd, () => {
        const claim = ear.hear().find(one => one.address === wanted)
        if (claim) finish(claim)
      })
      const probe = () => {
        const error = packets.ask(wanted)
        if (error) finish(error)
      }
      const again = setInterval(probe, milliseconds / PROBES)
      const end = setTimeout(() => finish(undefined), milliseconds)
      const finish = (result: Claim | CallError | undefined) => {
        stop()
        clearInterval(again)
        clearTimeout(end)
        resolve(result)
      }
      probe()
    })
  } finally {
    ear.close()
    packets.close()
  }
}

/** Hears neighbour advertisements only: the kernel passes nothing else on, icmp6(7p). */
function openEar(datagrams: Datagrams, link: LinkName & { readonly mac: string }) {
  const socket = openRawSocket(datagrams, { link, family: 6, protocol: ICMPV6, group: 'ff02::1' })
  const blocked = new Uint8Array(32).fill(0xff)
  const byte = NEIGHBOUR_ADVERTISEMENT >> 3
  blocked[byte] = 0xff & ~(1 << (NEIGHBOUR_ADVERTISEMENT & 7))
  datagrams.option(socket.fd, ICMPV6, ICMP6_FILTER, blocked)
  const hear = (): Claim[] =>
    socket.receive().packets.flatMap(packet => {
      const said = packet.ttl === 255 ? readAdvertisement(packet.payload) : undefined
      const mac = said?.mac && formatMac(said.mac)
      return said && mac !== link.mac ? [{ address: formatIp(said.target), mac: mac ?? 'unknown' }] : []
    })
  return { fd: socket.fd, hear, close: socket.close }
}
