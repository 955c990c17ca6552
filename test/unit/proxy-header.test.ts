// The PROXY protocol's header, both versions: every form at every split point, what is not to be tolerated, and random bytes.

import fc from 'fast-check'
import t from 'tap'
import { type ProxyHeader, readProxyHeader } from '../../src/protocol/proxy-header.js'
import { parseIp } from '../../src/units/ip.js'

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)
const join = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap(part => [...part]))
const uint16 = (n: number): Uint8Array => Uint8Array.of(n >> 8, n & 0xff)

const SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a)
const v2 = (command: number, family: number, rest: Uint8Array): Uint8Array =>
  join(SIGNATURE, Uint8Array.of(command, family), uint16(rest.length), rest)
const ends = (source: string, destination: string, port: number): Uint8Array =>
  join(parseIp(source) ?? Uint8Array.of(), parseIp(destination) ?? Uint8Array.of(), uint16(port), uint16(5000))

const V4 = ends('10.0.0.7', '10.0.0.1', 41_234)
const V6 = ends('2001:db8:0:0:0:0:0:7', 'fd00::1', 65_535)
/** Type, length, value: NOOP and a name of 5 bytes. */
const TLVS = join(Uint8Array.of(0x04), uint16(0), Uint8Array.of(0x02), uint16(5), ascii('pg.io'))

const client = (host: string, port: number) => ({ kind: 'client', host, port })
const SENDER = { kind: 'sender' }
const why = (header: ProxyHeader): string => (header.kind === 'bad' ? header.why : header.kind)

const GOOD: readonly (readonly [name: string, bytes: Uint8Array, found: object])[] = [
  ['v1 IPv4', ascii('PROXY TCP4 10.0.0.7 10.0.0.1 41234 5000\r\n'), client('10.0.0.7', 41_234)],
  [
    'v1 IPv4, longest',
    ascii('PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n'),
    client('255.255.255.255', 65_535),
  ],
  ['v1 IPv6 in another writing', ascii('PROXY TCP6 2001:DB8::0007 fd00::1 1 5000\r\n'), client('2001:db8::7', 1)],
  [
    'v1 IPv6, longest',
    ascii(`PROXY TCP6 ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`),
    client(`${'ffff:'.repeat(7)}ffff`, 65_535),
  ],
  ['v1 UNKNOWN', ascii('PROXY UNKNOWN\r\n'), SENDER],
  ['v1 UNKNOWN with a rest to be ignored', ascii(`PROXY UNKNOWN ${'x'.repeat(91)}\r\n`), SENDER],
  ['v2 IPv4', v2(0x21, 0x11, V4), client('10.0.0.7', 41_234)],
  ['v2 IPv6', v2(0x21, 0x21, V6), client('2001:db8::7', 65_535)],
  ['v2 IPv4 as a mapped IPv6 address', v2(0x21, 0x21, ends('::ffff:a00:7', 'fd00::1', 1)), client('10.0.0.7', 1)],
  ['v2 with TLVs', v2(0x21, 0x11, join(V4, TLVS)), client('10.0.0.7', 41_234)],
  ['v2 of 10,000 bytes', v2(0x21, 0x21, join(V6, new Uint8Array(10_000 - 16 - 36))), client('2001:db8::7', 65_535)],
  ['v2 LOCAL', v2(0x20, 0x00, Uint8Array.of()), SENDER],
  ['v2 LOCAL with an address that does not count', v2(0x20, 0x11, V4), SENDER],
  ['v2 LOCAL with a family that stands for nothing', v2(0x20, 0xff, TLVS), SENDER],
  ['v2 UNSPEC', v2(0x21, 0x00, TLVS), SENDER],
  ['v2 a Unix socket', v2(0x21, 0x31, new Uint8Array(216)), SENDER],
  ['v2 UDP', v2(0x21, 0x12, V4), SENDER],
]

t.test('every header asks for more until it is whole, and leaves what follows alone', async t => {
  for (const [name, bytes, found] of GOOD) {
    const early = [...bytes.keys()].filter(cut => readProxyHeader(bytes.subarray(0, cut)).kind !== 'more')
    t.same(early, [], `${name}: nothing is known before its end`)
    const whole = readProxyHeader(bytes)
    t.same(whole, { ...found, length: bytes.length }, name)
    t.same(
      readProxyHeader(join(bytes, ascii('PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n'))),
      whole,
      `${name}, and what follows`,
    )
  }
})

const BAD: readonly (readonly [name: string, bytes: Uint8Array, why: RegExp])[] = [
  [
    'a startup packet',
    Uint8Array.of(0, 0, 0, 9, 0, 3, 0, 0, 0),
    /^begins with 0x00 0x00 0x00 0x09 .*, not with a PROXY/,
  ],
  ['TLS', Uint8Array.of(0x16, 3, 1), /^begins with 0x16 0x03 0x01, not/],
  ['one byte that begins neither', ascii('G'), /^begins with 0x47, not/],
  ['a signature that goes wrong', join(SIGNATURE.subarray(0, 11), ascii('x')), /^begins with/],
  ['v1 in small letters', ascii('proxy'), /^begins with/],
  ['v1 without an end', ascii(`PROXY UNKNOWN ${'x'.repeat(93)}`), /no end of line within 107 bytes/],
  ['v1 with an end too late', ascii(`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`), /no end of line within 107 bytes/],
  ['v1 with LF alone', ascii('PROXY TCP4 10.0.0.7 10.0.0.1 1 2\n'), /LF alone/],
  ['v1 of another family', ascii('PROXY UDP4 10.0.0.7 10.0.0.1 1 2\r\n'), /is not PROXY, TCP4 or TCP6/],
  ['v1 UNKNOWNS', ascii('PROXY UNKNOWNS\r\n'), /is not PROXY, TCP4 or TCP6/],
  ['v1 with two blanks', ascii('PROXY  TCP4 10.0.0.7 10.0.0.1 1 2\r\n'), /one blank between each/],
  ['v1 with a field less', ascii('PROXY TCP4 10.0.0.7 10.0.0.1 1\r\n'), /two ports/],
  ['v1 with a field more', ascii('PROXY TCP4 10.0.0.7 10.0.0.1 1 2 3\r\n'), /two ports/],
  ['v1 with a lone CR', ascii('PROXY TCP4 10.0.0.7 10.0.0.1 1 2\r3\r\n'), /two ports|port/],
  ['v1 of the other family', ascii('PROXY TCP4 fd00::1 fd00::2 1 2\r\n'), /an address that is not IPv4/],
  ['v1 with a destination that is none', ascii('PROXY TCP6 fd00::1 here 1 2\r\n'), /an address that is not IPv6/],
  ['v1 with leading zeros', ascii('PROXY TCP4 010.0.0.7 10.0.0.1 1 2\r\n'), /an address that is not IPv4/],
  ['v1 with 256', ascii('PROXY TCP4 10.0.0.256 10.0.0.1 1 2\r\n'), /an address that is not IPv4/],
  ['v1 with a zone', ascii('PROXY TCP6 fe80::1%eth0 fd00::1 1 2\r\n'), /an address that is not IPv6/],
  [
    'v1 with port 65536',
    ascii('PROXY TCP4 10.0.0.7 10.0.0.1 65536 2\r\n'),
    /a port that is not a number from 0 to 65535/,
  ],
  ['v1 with port 01', ascii('PROXY TCP4 10.0.0.7 10.0.0.1 01 2\r\n'), /a port that is not/],
  ['v1 with port -1', ascii('PROXY TCP4 10.0.0.7 10.0.0.1 1 -1\r\n'), /a port that is not/],
  ['v2 of version 3', v2(0x31, 0x11, V4), /has version 3/],
  ['v2 with another command', v2(0x22, 0x11, V4), /has command 2/],
  ['v2 of another family', v2(0x21, 0x41, V4), /has family and protocol 0x41/],
  ['v2 of another protocol', v2(0x21, 0x13, V4), /has family and protocol 0x13/],
  ['v2 too short for IPv4', v2(0x21, 0x11, V4.subarray(1)), /has 11 bytes for addresses that take 12/],
  ['v2 IPv6 with the room of IPv4', v2(0x21, 0x21, V4), /has 12 bytes for addresses that take 36/],
  ['v2 without an address', v2(0x21, 0x11, Uint8Array.of()), /has 0 bytes/],
  [
    'v2 of 10,001 bytes',
    join(SIGNATURE, Uint8Array.of(0x21, 0x11), uint16(9985)),
    /is 10001 bytes long; at most 10000/,
  ],
  ['v2 LOCAL of 65,551 bytes', join(SIGNATURE, Uint8Array.of(0x20, 0), uint16(65_535)), /is 65551 bytes long/],
]

t.test('what is no header is told at once, with why', async t => {
  for (const [name, bytes, expected] of BAD) t.match(why(readProxyHeader(bytes)), expected, name)
})

t.test('nothing that comes makes it fail, and it never waits past 10,000 bytes', async () => {
  const start = fc.constantFrom(
    ascii('PROXY TCP4 '),
    ascii('PROXY TCP6 '),
    ascii('PROXY '),
    join(SIGNATURE, Uint8Array.of(0x21)),
    Uint8Array.of(),
  )
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 300 }), (head, rest) => {
      const bytes = join(head, rest)
      const header = readProxyHeader(bytes)
      if (header.kind === 'client' || header.kind === 'sender') return header.length <= bytes.length
      return true
    }),
  )
  fc.assert(
    fc.property(start, fc.integer({ min: 0, max: 255 }), (head, byte) => {
      return readProxyHeader(join(head, new Uint8Array(10_000).fill(byte))).kind !== 'more'
    }),
  )
})
