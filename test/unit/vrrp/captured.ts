// Adverts of keepalived 2.2.7, byte for byte, and how a test reads and alters one.

import type { Ip } from '../../../src/units/ip.js'
import { ms } from '../../../src/units/units.js'
import { type Datagram, readIpv4 } from '../../../src/vrrp/ip.js'
import { type Dialect, GROUP_V4, writeAdvert } from '../../../src/vrrp/packet.js'
import { type Reading, readAdvert } from '../../../src/vrrp/read.js'
import { ip } from '../ip-words.js'

export const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'))
export const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

// Sent by keepalived 2.2.7 (Debian 12) in a network namespace with eth0 10.99.0.1/24, fd99::1/64, to a second one joined by a veth
// pair, where `tcpdump -w` took them down: one instance each with version, authentication, advert_int and addresses as below.
interface Captured {
  readonly name: string
  readonly dialect: Dialect
  readonly priority: number
  readonly header: string
  readonly message: string
}

const speaks = (more: Partial<Dialect> & Pick<Dialect, 'routerId'>): Dialect => ({
  version: 3,
  family: 4,
  interval: ms(1000),
  checksum: 'keepalived',
  addresses: [],
  peers: [],
  ...more,
})

export const V2_PASSWORD = speaks({
  routerId: 51,
  version: 2,
  password: new TextEncoder().encode('gate1234'),
  addresses: [ip('10.99.0.100')],
})
export const V2_OPEN = speaks({
  routerId: 55,
  version: 2,
  interval: ms(2000),
  addresses: [ip('10.99.0.104'), ip('10.99.0.105')],
})
export const V3 = speaks({ routerId: 52, interval: ms(500), addresses: [ip('10.99.0.101'), ip('10.99.0.102')] })
export const V3_UNICAST = speaks({ routerId: 54, addresses: [ip('10.99.0.103')], peers: [ip('10.99.0.1')] })
export const V6 = speaks({ routerId: 53, family: 6, addresses: [ip('fe80::99'), ip('fd99::100')] })
export const V6_UNICAST = speaks({
  routerId: 56,
  family: 6,
  addresses: [ip('fe80::98'), ip('fd99::101')],
  peers: [ip('fd99::1')],
})

export const CAPTURED: readonly Captured[] = [
  {
    name: 'v2 with a password',
    dialect: V2_PASSWORD,
    priority: 250,
    header: '45c0002800010000ff70d02e0a630001e0000012',
    message: '2133fa01010198d50a6300646761746531323334',
  },
  {
    name: 'v2 with a password, goodbye',
    dialect: V2_PASSWORD,
    priority: 0,
    header: '45c0002800080000ff70d0270a630001e0000012',
    message: '21330001010192d60a6300646761746531323334',
  },
  {
    name: 'v2 without, two addresses, 2 s',
    dialect: V2_OPEN,
    priority: 150,
    header: '45c0002c00010000ff70d02a0a630001e0000012',
    message: '213796020002332d0a6300680a6300690000000000000000',
  },
  {
    name: 'v3, two addresses, 0.5 s',
    dialect: V3,
    priority: 240,
    header: '45c0002400010000ff70d0320a630001e0000012',
    message: '3134f0020032de0e0a6300650a630066',
  },
  {
    name: 'v3 unicast',
    dialect: V3_UNICAST,
    priority: 200,
    header: '45c0002000010000ff70a5e40a6300010a630002',
    message: '3136c8010064e6540a630067',
  },
  {
    name: 'v3 unicast, goodbye',
    dialect: V3_UNICAST,
    priority: 0,
    header: '45c0002000080000ff70a5dd0a6300010a630002',
    message: '313600010064ae550a630067',
  },
  {
    name: 'v3 over IPv6',
    dialect: V6,
    priority: 100,
    header: '6c0b6f3d002870fffe800000000000008852b4fffe59c7c6ff020000000000000000000000000012',
    message: '3135640200646b0ffe800000000000000000000000000099fd990000000000000000000000000100',
  },
  {
    name: 'v3 over IPv6 unicast, which leaves with hop limit 64',
    dialect: V6_UNICAST,
    priority: 120,
    header: '6c0af5f600287040fd990000000000000000000000000001fd990000000000000000000000000002',
    message: '3138780200645cdefe800000000000000000000000000098fd990000000000000000000000000101',
  },
]

export function datagramOf({ dialect, header, message }: Captured): Datagram {
  const bytes = hex(header + message)
  if (dialect.family === 6) {
    const [source, destination] = [bytes.slice(8, 24), bytes.slice(24, 40)]
    return { source, destination, hops: bytes[7] ?? 0, payload: bytes.subarray(40) }
  }
  const datagram = readIpv4(bytes)
  if (!datagram) throw new Error(`not an IPv4 datagram: ${header}`)
  return datagram
}

export function read(dialect: Dialect, more: Partial<Datagram>, own: readonly Ip[] = [ip('10.0.0.9')]): Reading {
  const source = more.source ?? ip('10.0.0.1')
  const destination = more.destination ?? GROUP_V4
  const payload = more.payload ?? writeAdvert(dialect, 100, source, destination)
  return readAdvert(dialect, own, { source, destination, hops: 255, ...more, payload })
}

/** A v3 message with any interval field, its checksum right in the form without pseudo-header. */
export function withInterval(field: number): Uint8Array {
  const payload = writeAdvert({ ...V3, checksum: 'rfc9568' }, 100, ip('10.0.0.1'), GROUP_V4)
  const view = new DataView(payload.buffer)
  const sum = (~view.getUint16(6) & 0xffff) - view.getUint16(4) + field
  view.setUint16(4, field)
  view.setUint16(6, ~((sum & 0xffff) + (sum >> 16)) & 0xffff)
  return payload
}
