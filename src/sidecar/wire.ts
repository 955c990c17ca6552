// The sockets of one virtual router on one interface: adverts out and in, announcements out. Owns its descriptors.

import { formatIp, ipBytes } from '../linux/ip-address.js'
import { openPacketSocket } from '../linux/packet-socket.js'
import { openRawSocket } from '../linux/raw-socket.js'
import type { Ip } from '../units/ip.js'
import { PROTOCOL } from '../vrrp/ip.js'
import { type Dialect, destinations, GROUP_V4, GROUP_V6, HOPS, writeAdvert } from '../vrrp/packet.js'
import { type Reading, readAdvert } from '../vrrp/read.js'
import type { Place } from './place.js'
import type { Platform } from './platform.js'

export interface Wire {
  /** Sends an advert to every destination; gives what the kernel refused, in words. */
  advertise(priority: number): string | undefined
  /** Announces each address so many times. */
  announce(repeat: number): string | undefined
  /** Hands over what has arrived; of a flood as much as can be read in 5 ms. */
  receive(): void
  close(): void
}

interface WireDeps {
  readonly platform: Platform
  readonly read: (reading: Reading) => void
  readonly failed: (why: string) => void
}

/** The TOS and traffic class of adverts: IP precedence 6, as keepalived sends them. */
const NETWORK_CONTROL = 0xc0
/** Milliseconds of reading in one go before others get their turn: a flood must not hold the timers up, nor the queue overflow by turns. */
const MOST_READING = 5

const UNREADABLE: Reading = { kind: 'dropped', drop: 'ip_header', why: 'a packet whose IP header does not fit it' }

/**
 * Opens it. With `mac`, a virtual one, announcements and multicast adverts come from there (RFC 9568, section 7.2); to peers adverts come from
 * the interface's own, since the way to them is the kernel's to find. Throws CallError where the kernel refuses (CAP_NET_RAW).
 */
export function openWire(dialect: Dialect, place: Place, mac: string | undefined, deps: WireDeps): Wire {
  const { datagrams, readiness } = deps.platform
  const { link, source } = place
  const { family } = dialect
  const group = formatIp(family === 4 ? GROUP_V4 : GROUP_V6)
  const raw = openRawSocket(datagrams, {
    link,
    family,
    protocol: PROTOCOL,
    ...(dialect.peers.length === 0 && { group }),
  })
  const packets = openPacketSocket(datagrams, { ...link, mac: mac ?? link.mac }, false)
  const from = ipBytes(source)

  function send(priority: number, to: Ip): Error | undefined {
    const payload = writeAdvert(dialect, priority, from, to)
    if (mac === undefined || dialect.peers.length > 0) return raw.send({ from: source, to: formatIp(to), payload })
    return packets.multicast({ from, to, protocol: PROTOCOL, ttl: HOPS, tos: NETWORK_CONTROL, payload })
  }

  function receive(): void {
    const until = performance.now() + MOST_READING
    do {
      const { packets: arrived, unreadable, error } = raw.receive()
      for (const { from, to, ttl, payload } of arrived) {
        const datagram = { source: ipBytes(from), destination: ipBytes(to), hops: ttl ?? 0, payload }
        deps.read(readAdvert(dialect, place.own, datagram))
      }
      for (let one = 0; one < unreadable; one++) deps.read(UNREADABLE)
      if (error) deps.failed(error.message)
      if (arrived.length + unreadable === 0) return
    } while (performance.now() < until)
  }

  const stop = readiness.watch(raw.fd, receive)
  const words = (errors: readonly (Error | undefined)[]) => errors.find(error => error)?.message
  return {
    receive,
    advertise: priority => words(destinations(dialect).map(to => send(priority, to))),
    announce: repeat =>
      words(
        Array.from({ length: repeat }).flatMap(() =>
          dialect.addresses.map(address => packets.announce(formatIp(address))),
        ),
      ),
    close() {
      stop()
      raw.close()
      packets.close()
    },
  }
}
