// What is no advert of this virtual router is dropped for a reason that is known, and nothing makes the reader throw.

import t from 'tap'
import { ms } from '../../../src/units/units.js'
import { type Datagram, readIpv4 } from '../../../src/vrrp/ip.js'
import { type Dialect, GROUP_V4, GROUP_V6, writeAdvert } from '../../../src/vrrp/packet.js'
import { DROPS, type Drop, type Reading, readAdvert } from '../../../src/vrrp/read.js'
import { ip } from '../ip-words.js'
import { CAPTURED, hex, read, V2_OPEN, V2_PASSWORD, V3, V3_UNICAST, withInterval } from './captured.js'

function edited(dialect: Dialect, at: number, value: number): Partial<Datagram> {
  const payload = writeAdvert(dialect, 100, ip('10.0.0.1'), GROUP_V4)
  payload[at] = value
  return { payload }
}

t.test('every reason to drop a packet', async t => {
  const without = (dialect: Dialect): Dialect => {
    const { password: _, ...rest } = dialect
    return rest
  }
  const sentAs = (dialect: Dialect) => ({ payload: writeAdvert(dialect, 100, ip('10.0.0.1'), GROUP_V4) })
  const cases: [Exclude<Drop, 'ip_header'>, Reading][] = [
    ['short', read(V3, { payload: hex('3134f002003200') })],
    ['short', read(V3, { payload: hex('') })],
    ['vrid', read(V3, edited(V3, 1, 99))],
    ['family', read(V3, { source: ip('fe80::1') })],
    ['family', read(V3, { destination: GROUP_V6 })],
    ['own', read(V3, {}, [ip('10.0.0.1')])],
    ['stranger', read(V3_UNICAST, { source: ip('10.99.0.7') })],
    ['hops', read(V3, { hops: 254 })],
    ['hops', read(V2_PASSWORD, { hops: 1 })],
    ['version', read(V3, edited(V3, 0, 0x21))],
    ['version', read(V2_OPEN, edited(V2_OPEN, 0, 0x31))],
    ['type', read(V3, edited(V3, 0, 0x32))],
    ['count', read(V3, edited(V3, 3, 0))],
    ['length', read(V3, edited(V3, 3, 3))],
    ['length', read(V3, edited(V3, 3, 1))],
    ['length', read(V2_OPEN, edited(V2_OPEN, 3, 4))],
    ['checksum', read(V3, edited(V3, 6, 0))],
    ['checksum', read(V3, edited(V3, 2, 101))],
    ['auth_type', read(V2_PASSWORD, sentAs(without(V2_PASSWORD)))],
    ['auth_type', read(without(V2_PASSWORD), sentAs(V2_PASSWORD))],
    ['password', read(V2_PASSWORD, sentAs({ ...V2_PASSWORD, password: new TextEncoder().encode('gate1235') }))],
    ['interval', read(V2_OPEN, sentAs({ ...V2_OPEN, interval: ms(1000) }))],
    ['interval', read(V3, { payload: withInterval(0) })],
  ]
  for (const [drop, reading] of cases) {
    if (reading.kind !== 'dropped') return t.fail(`${drop}: not dropped`)
    t.equal(reading.drop, drop, reading.why)
    t.notMatch(reading.why, /gate123/, 'no password in the words')
  }
  t.same([...new Set(['ip_header', ...cases.map(([drop]) => drop)])].sort(), [...DROPS].sort(), 'none is left out')
})

t.test(
  'a hundred thousand random or mangled packets: none throws, each is dropped for a known reason or still adds up',
  async t => {
    let seed = 1
    const next = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648
      return Math.floor((seed / 2147483648) * below)
    }
    const drops = new Map<string, number>()
    for (let round = 0; round < 100_000; round++) {
      const { header, message, dialect } = CAPTURED[next(6)] ?? { header: '', message: '', dialect: V3 }
      const bytes = round % 2 ? Uint8Array.from({ length: next(64) }, () => next(256)) : hex(header + message)
      const cut = bytes.subarray(0, round % 3 ? bytes.length : next(bytes.length + 1))
      for (let times = 0; times <= next(3); times++) if (cut.length > 0) cut[next(cut.length)] = next(256)
      const datagram = readIpv4(cut) ?? { source: cut.slice(0, 4), destination: GROUP_V4, hops: 255, payload: cut }
      const reading = readAdvert(dialect, [], datagram)
      const word = reading.kind === 'dropped' ? reading.drop : 'advert'
      drops.set(word, (drops.get(word) ?? 0) + 1)
    }
    const known = new Set<string>([...DROPS, 'advert'])
    t.same(
      [...drops.keys()].filter(word => !known.has(word)),
      [],
    )
    // A random byte may equal the one it replaces, and a changed IP identification is nobody's business.
    t.ok((drops.get('advert') ?? 0) < 20_000, `${drops.get('advert')} taken`)
  },
)
