// The bytes of an advert: keepalived's own are read and written, and what is written is read again.

import fc from 'fast-check'
import t from 'tap'
import { formatIp } from '../../../src/units/ip.js'
import { ms } from '../../../src/units/units.js'
import { readIpv4 } from '../../../src/vrrp/ip.js'
import { destinations, GROUP_V4, GROUP_V6, writeAdvert } from '../../../src/vrrp/packet.js'
import { readAdvert } from '../../../src/vrrp/read.js'
import { ip } from '../ip-words.js'
import { CAPTURED, datagramOf, hex, read, toHex, V2_OPEN, V3, V6, V6_UNICAST, withInterval } from './captured.js'

t.test('what keepalived 2.2.7 sends is read, and written byte for byte', async t => {
  for (const captured of CAPTURED) {
    const { name, dialect, priority, message } = captured
    const datagram = datagramOf(captured)
    const reading = readAdvert(dialect, [ip('10.99.0.2')], datagram)
    if (reading.kind !== 'advert') return t.fail(`${name}: ${reading.why}`)
    t.equal(reading.differs, undefined, name)
    t.match(reading.advert, { from: datagram.source, priority, interval: dialect.interval })
    t.same(reading.advert.addresses, dialect.addresses)
    t.equal(toHex(writeAdvert(dialect, priority, datagram.source, datagram.destination)), message, name)
  }
})

t.test('RFC 9568, 5.2.8: both forms of the checksum are accepted over IPv4, the configured one is sent', async t => {
  const [from, to] = [ip('10.0.0.1'), GROUP_V4]
  const payloads = (['keepalived', 'rfc9568'] as const).map(checksum => writeAdvert({ ...V3, checksum }, 7, from, to))
  t.not(toHex(payloads[0] ?? hex('')), toHex(payloads[1] ?? hex('')))
  for (const payload of payloads) t.equal(read(V3, { source: from, payload }).kind, 'advert')
  const six = (['keepalived', 'rfc9568'] as const).map(checksum =>
    writeAdvert({ ...V6, checksum }, 7, ip('fe80::1'), GROUP_V6),
  )
  t.equal(toHex(six[0] ?? hex('')), toHex(six[1] ?? hex('')), 'IPv6 has one form')
  const plain = (six[0] ?? hex('')).slice()
  plain.set([0, 0], 6)
  let sum = 0
  for (let at = 0; at < plain.length; at += 2) sum += ((plain[at] ?? 0) << 8) | (plain[at + 1] ?? 0)
  const without = ~((sum & 0xffff) + (sum >> 16)) & 0xffff
  plain.set([without >> 8, without & 0xff], 6)
  t.match(read(V6, { source: ip('fe80::1'), destination: GROUP_V6, payload: plain }), { drop: 'checksum' })
})

t.test('RFC 9568, 5.2.9: the link-local address goes first', async t => {
  const dialect = { ...V6, addresses: [ip('fd99::100'), ip('fe80::99')] }
  const message = writeAdvert(dialect, 1, ip('fe80::1'), GROUP_V6)
  t.equal(formatIp(message.slice(8, 24)), 'fe80::99')
  t.match(read(V6, { source: ip('fe80::1'), destination: GROUP_V6, payload: message }), { kind: 'advert' })
})

t.test('adverts go to the group of their family, or to the peers', async t => {
  t.same(
    [V3, V6, V6_UNICAST].map(one => destinations(one).map(formatIp)),
    [['224.0.0.18'], ['ff02::12'], ['fd99::1']],
  )
})

t.test('RFC 9568, 5.2.6: the reserved bits beside the interval are ignored', async t => {
  t.match(read(V3, { payload: withInterval(0xf064) }), { kind: 'advert', advert: { interval: 1000 } })
})

t.test('other addresses than ours are told but do not make two masters', async t => {
  const payload = writeAdvert({ ...V3, addresses: [ip('10.99.0.7')] }, 100, ip('10.0.0.1'), GROUP_V4)
  const differs = 'it announces 10.99.0.7, ours are 10.99.0.101, 10.99.0.102'
  t.match(read(V3, { payload }), { kind: 'advert', differs })
})

t.test('the intervals at both ends survive the wire', async t => {
  for (const interval of [10, 100, 1000, 40_950].map(ms)) {
    const dialect = { ...V3, interval }
    t.match(read(dialect, {}), { kind: 'advert', advert: { interval } })
  }
  for (const interval of [1000, 255_000].map(ms)) t.match(read({ ...V2_OPEN, interval }, {}), { kind: 'advert' })
})

const anyIp = (family: 4 | 6) => fc.uint8Array({ minLength: family === 4 ? 4 : 16, maxLength: family === 4 ? 4 : 16 })

const anyDialect = fc
  .record({ version: fc.constantFrom(2 as const, 3 as const), six: fc.boolean() })
  .chain(({ version, six }) => {
    const family = version === 3 && six ? (6 as const) : (4 as const)
    return fc.record({
      version: fc.constant(version),
      family: fc.constant(family),
      routerId: fc.integer({ min: 1, max: 255 }),
      interval: fc.integer({ min: 1, max: version === 3 ? 4095 : 255 }).map(n => ms(n * (version === 3 ? 10 : 1000))),
      checksum: fc.constantFrom('keepalived' as const, 'rfc9568' as const),
      addresses: fc.array(anyIp(family), { minLength: 1, maxLength: 255 }),
      peers: fc.constant([]),
      ...(version === 2 ? { password: fc.uint8Array({ maxLength: 8 }) } : {}),
    })
  })

t.test('any advert written is read again the same', async () => {
  const priority = fc.integer({ min: 0, max: 255 })
  fc.assert(
    fc.property(anyDialect, priority, (dialect, priority) => {
      const destination = dialect.family === 6 ? GROUP_V6 : GROUP_V4
      const source = dialect.family === 6 ? ip('fe80::1') : ip('10.0.0.1')
      const payload = writeAdvert(dialect, priority, source, destination)
      const reading = readAdvert(dialect, [], { source, destination, hops: 255, payload })
      if (reading.kind !== 'advert') return false
      return (
        reading.advert.priority === priority &&
        reading.advert.interval === dialect.interval &&
        reading.differs === undefined
      )
    }),
    { numRuns: 100 },
  )
})

t.test('a changed byte is never taken for an advert', async t => {
  const good = writeAdvert(V3, 100, ip('10.0.0.1'), GROUP_V4)
  for (let at = 0; at < good.length; at++)
    for (const flip of [1, 0x80, 0xff]) {
      const payload = good.slice()
      payload[at] = (payload[at] ?? 0) ^ flip
      t.equal(read(V3, { payload }).kind, 'dropped', `byte ${at} ^ ${flip}`)
    }
})

t.test('the IPv4 header is peeled off, options and padding too', async t => {
  const [captured] = CAPTURED
  const bytes = hex(`${captured?.header}${captured?.message}`)
  t.equal(toHex(readIpv4(Uint8Array.from([...bytes, 0, 0, 0, 0]))?.payload ?? hex('')), captured?.message)
  const options = hex(`46c0002c00010000ff70d02e0a630001e000001294040000${captured?.message}`)
  t.equal(toHex(readIpv4(options)?.payload ?? hex('')), captured?.message)
  for (let length = 0; length < bytes.length; length++) t.equal(readIpv4(bytes.subarray(0, length)), undefined)
  for (const [at, value] of [
    [0, 0x65],
    [0, 0x44],
    [9, 17],
    [3, 10],
  ] as const) {
    const wrong = bytes.slice()
    wrong[at] = value
    t.equal(readIpv4(wrong), undefined, `byte ${at} is ${value}`)
  }
})
