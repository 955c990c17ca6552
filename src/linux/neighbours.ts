// Ethernet frames that tell or ask who has an address: ARP (RFC 826, RFC 5227) and IPv6 neighbour discovery (RFC 4861). Pure.

import { ETH_P_IPV6, ethernetFrame, multicastMac } from './ethernet.js'
import { internetChecksum, ipv6Packet, pseudoHeader } from './ip-header.js'

export const ETH_P_ARP = 0x0806
export const ICMPV6 = 58
const NEIGHBOUR_SOLICITATION = 135
export const NEIGHBOUR_ADVERTISEMENT = 136
const OVERRIDE = 0x20
const TARGET_LINK_LAYER = 2
const BROADCAST = new Uint8Array(6).fill(0xff)
/** ff02::1 */
const ALL_NODES = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)

export interface Arp {
  readonly operation: 'request' | 'reply'
  readonly senderMac: Uint8Array
  readonly sender: Uint8Array
  readonly target: Uint8Array
}

/** A broadcast ARP request. Sender = target announces the address (RFC 5227 §2.3); sender 0.0.0.0 only asks (§2.1.1). */
export function arpRequest(mac: Uint8Array, sender: Uint8Array, target: Uint8Array): Uint8Array {
  const body = new Uint8Array(28)
  body.set([0, 1, 8, 0, 6, 4, 0, 1])
  body.set(mac, 8)
  body.set(sender, 14)
  body.set(target, 24)
  return ethernetFrame(BROADCAST, mac, ETH_P_ARP, body)
}

/** Reads an Ethernet frame with ARP for IPv4 in it; undefined for any other. */
export function readArp(bytes: Uint8Array): Arp | undefined {
  if (bytes.length < 42) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  if (view.getUint16(12) !== ETH_P_ARP || view.getUint16(14) !== 1 || view.getUint16(16) !== 0x0800) return undefined
  if (bytes[18] !== 6 || bytes[19] !== 4) return undefined
  const operation = view.getUint16(20)
  if (operation !== 1 && operation !== 2) return undefined
  return {
    operation: operation === 1 ? 'request' : 'reply',
    senderMac: bytes.slice(22, 28),
    sender: bytes.slice(28, 32),
    target: bytes.slice(38, 42),
  }
}

/** An unsolicited neighbour advertisement to all nodes with the override flag, RFC 4861 §7.2.6. */
export function neighbourAdvertisement(mac: Uint8Array, address: Uint8Array): Uint8Array {
  const body = new Uint8Array(32)
  body[0] = NEIGHBOUR_ADVERTISEMENT
  body[4] = OVERRIDE
  body.set(address, 8)
  body.set([TARGET_LINK_LAYER, 1], 24)
  body.set(mac, 26)
  const sum = internetChecksum(pseudoHeader(address, ALL_NODES, ICMPV6, body.length), body)
  new DataView(body.buffer).setUint16(2, sum)
  const packet = ipv6Packet({ from: address, to: ALL_NODES, protocol: ICMPV6, ttl: 255, tos: 0, payload: body })
  return ethernetFrame(multicastMac(ALL_NODES), mac, ETH_P_IPV6, packet)
}

/** A neighbour solicitation from the unspecified address: who has it? Changes nobody's tables, RFC 4862 §5.4.2. */
export function neighbourProbe(mac: Uint8Array, address: Uint8Array): Uint8Array {
  const tail = address.subarray(13)
  const group = new Uint8Array(16)
  group.set([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff])
  group.set(tail, 13)
  const body = new Uint8Array(24)
  body[0] = NEIGHBOUR_SOLICITATION
  body.set(address, 8)
  const from = new Uint8Array(16)
  const sum = internetChecksum(pseudoHeader(from, group, ICMPV6, body.length), body)
  new DataView(body.buffer).setUint16(2, sum)
  const packet = ipv6Packet({ from, to: group, protocol: ICMPV6, ttl: 255, tos: 0, payload: body })
  return ethernetFrame(multicastMac(group), mac, ETH_P_IPV6, packet)
}

/** Reads a neighbour advertisement (ICMPv6 message without the IPv6 header); the MAC is there only where it says so. */
export function readAdvertisement(body: Uint8Array): { target: Uint8Array; mac: Uint8Array | undefined } | undefined {
  if (body.length < 24 || body[0] !== NEIGHBOUR_ADVERTISEMENT) return undefined
  const target = body.slice(8, 24)
  for (let at = 24; at + 8 <= body.length; ) {
    const length = (body[at + 1] ?? 0) * 8
    if (length === 0 || at + length > body.length) return undefined
    if (body[at] === TARGET_LINK_LAYER) return { target, mac: body.slice(at + 2, at + 8) }
    at += length
  }
  return { target, mac: undefined }
}
