// VRRP: the bytes (against keepalived's own), the machine (transcripts that cite the RFC), and what holds for any order of events.

import fc from 'fast-check'
import t from 'tap'
import { compareIp, formatIp, type Ip, parseIp } from '../../src/units/ip.js'
import { type Ms, ms } from '../../src/units/units.js'
import { describeState } from '../../src/vrrp/describe.js'
import { type Group, groupNeedsWitness, stepGroup, wakeGroupAt } from '../../src/vrrp/group.js'
import { type Datagram, readIpv4 } from '../../src/vrrp/ip.js'
import { holdsAddresses, newMachine, step, wakeAt } from '../../src/vrrp/machine.js'
import { type Dialect, destinations, GROUP_V4, GROUP_V6, writeAdvert } from '../../src/vrrp/packet.js'
import { DROPS, type Drop, type Reading, readAdvert } from '../../src/vrrp/read.js'
import { type Action, type Input, type Setup, type State, WHYS, type Witness } from '../../src/vrrp/state.js'
import { masterDownInterval, skewTime } from '../../src/vrrp/timers.js'
import { needsWitness } from '../../src/vrrp/witness.js'

function ip(text: string): Ip {
  const address = parseIp(text)
  if (!address) throw new Error(`not an address: ${text}`)
  return address
}

const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'))
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

t.test('addresses are read and written as RFC 5952 says', async t => {
  const same = ['0.0.0.0', '10.77.0.100', '255.255.255.255', '::', '::1', 'fe80::1', '2001:db8::1:0:0:1', 'ff02::12']
  for (const text of [...same, '1:2:3:4:5:6:7:8', 'fd99:0:0:1::', '1:0:2:3:4:5:6:7']) t.equal(formatIp(ip(text)), text)
  t.equal(formatIp(ip('2001:DB8:0:0:1:0:0:1')), '2001:db8::1:0:0:1', 'the first of two equal runs')
  const wrong = [
    '',
    '10.0.0',
    '10.0.0.256',
    '10.0.0.1.2',
    ':',
    ':::',
    '1:2',
    '1::2::3',
    '12345::',
    '1:2:3:4:5:6:7:8:9',
    'x',
  ]
  for (const text of [...wrong, '1:2:3:4:5:6:7::8', 'fe80::1%eth0']) t.equal(parseIp(text), undefined, text)
})

t.test('addresses are ordered as unsigned integers in network byte order (RFC 9568, 6.4.3)', async t => {
  t.ok(compareIp(ip('10.0.0.2'), ip('10.0.0.10')) < 0)
  t.ok(compareIp(ip('200.0.0.1'), ip('10.0.0.1')) > 0)
  t.ok(compareIp(ip('fe80::ff'), ip('fe80::1:0')) < 0)
  t.equal(compareIp(ip('::1'), ip('0:0::1')), 0)
})

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

const V2_PASSWORD = speaks({
  routerId: 51,
  version: 2,
  password: new TextEncoder().encode('gate1234'),
  addresses: [ip('10.99.0.100')],
})
const V2_OPEN = speaks({
  routerId: 55,
  version: 2,
  interval: ms(2000),
  addresses: [ip('10.99.0.104'), ip('10.99.0.105')],
})
const V3 = speaks({ routerId: 52, interval: ms(500), addresses: [ip('10.99.0.101'), ip('10.99.0.102')] })
const V3_UNICAST = speaks({ routerId: 54, addresses: [ip('10.99.0.103')], peers: [ip('10.99.0.1')] })
const V6 = speaks({ routerId: 53, family: 6, addresses: [ip('fe80::99'), ip('fd99::100')] })
const V6_UNICAST = speaks({
  routerId: 56,
  family: 6,
  addresses: [ip('fe80::98'), ip('fd99::101')],
  peers: [ip('fd99::1')],
})

const CAPTURED: readonly Captured[] = [
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

function datagramOf({ dialect, header, message }: Captured): Datagram {
  const bytes = hex(header + message)
  if (dialect.family === 6) {
    const [source, destination] = [bytes.slice(8, 24), bytes.slice(24, 40)]
    return { source, destination, hops: bytes[7] ?? 0, payload: bytes.subarray(40) }
  }
  const datagram = readIpv4(bytes)
  if (!datagram) throw new Error(`not an IPv4 datagram: ${header}`)
  return datagram
}

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

function read(dialect: Dialect, more: Partial<Datagram>, own: readonly Ip[] = [ip('10.0.0.9')]): Reading {
  const source = more.source ?? ip('10.0.0.1')
  const destination = more.destination ?? GROUP_V4
  const payload = more.payload ?? writeAdvert(dialect, 100, source, destination)
  return readAdvert(dialect, own, { source, destination, hops: 255, ...more, payload })
}

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

/** A v3 message with any interval field, its checksum right in the form without pseudo-header. */
function withInterval(field: number): Uint8Array {
  const payload = writeAdvert({ ...V3, checksum: 'rfc9568' }, 100, ip('10.0.0.1'), GROUP_V4)
  const view = new DataView(payload.buffer)
  const sum = (~view.getUint16(6) & 0xffff) - view.getUint16(4) + field
  view.setUint16(4, field)
  view.setUint16(6, ~((sum & 0xffff) + (sum >> 16)) & 0xffff)
  return payload
}

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

// The machine.

const US = ip('10.0.0.2')
const SETUP: Setup = {
  version: 3,
  priority: 200,
  interval: ms(1000),
  preempt: true,
  preemptDelay: ms(0),
  garp: { repeat: 5, again: ms(5000), refresh: ms(60_000) },
  address: US,
  grouped: false,
}

/** Master_Down_Interval of SETUP: 3 s and a skew of 56/256 s. */
const DOWN = 3218.75

function say(action: Action): string {
  switch (action.kind) {
    case 'advert':
      return `advert ${action.priority}`
    case 'acquire':
    case 'release':
      return action.kind
    case 'announce':
      return `announce ${action.round} ×${action.repeat}`
    case 'transition':
      return `${action.from} → ${action.to} (${action.why})`
    case 'rival':
      return `rival ${formatIp(action.address)} ${action.priority} #${action.count}`
    case 'takeover_refused':
      return `refused: ${action.why}`
    case 'withheld':
      return `withheld by ${action.holder}`
    default:
      return action satisfies never
  }
}

const hears = (priority: number, from = '10.0.0.1', interval = 1000): Input => ({
  kind: 'advert',
  from: ip(from),
  priority,
  interval: ms(interval),
})
const says = (witness: Witness): Input => ({ kind: 'witness', witness })
const OTHER = says({ kind: 'other', holder: 'k' })
const FREE = says({ kind: 'free' })
const OURS = says({ kind: 'ours' })
const SILENT = says({ kind: 'silent', why: 'etcd a: no answer in time' })
const TIME: Input = { kind: 'time' }
const START: Input = { kind: 'start' }
const STOP: Input = { kind: 'stop' }

/** Feeds inputs in order and, before each, every wake-up that falls due, on time. Returns what was done, with its time. */
function play(setup: Partial<Setup>, script: readonly (readonly [number, Input])[]): { said: string[]; state: State } {
  let state = newMachine({ ...SETUP, ...setup }, ms(0))
  const said: string[] = []
  const feed = (input: Input, now: Ms) => {
    const [next, actions] = step(state, input, now)
    state = next
    if (actions.length > 0) said.push(`${now}: ${actions.map(say).join(', ')}`)
  }
  for (const [at, input] of script) {
    for (let due = wakeAt(state); due !== undefined && due < at; due = wakeAt(state)) feed(TIME, due)
    feed(input, ms(at))
  }
  return { said, state }
}

const said = (setup: Partial<Setup>, ...script: (readonly [number, Input])[]) => play(setup, script).said

const MASTER_AT_DOWN = `${DOWN}: advert 200, acquire, announce first ×5, backup → master (nobody_heard)`

t.test('RFC 9568, 6.1: skew and master down interval, in both versions', async t => {
  t.equal(skewTime(3, 250, ms(1000)), 23.4375)
  t.equal(skewTime(3, 100, ms(1000)), 609.375)
  t.equal(skewTime(3, 254, ms(10)), 0.078125)
  t.equal(masterDownInterval(3, 200, ms(1000)), DOWN)
  t.equal(skewTime(2, 100, ms(5000)), 609.375, 'RFC 3768, 6.1: of a second, whatever the interval')
  t.equal(masterDownInterval(2, 100, ms(5000)), 15_609.375)
})

t.test(
  'RFC 9568, 6.4.1: a backup first, and master when nobody speaks; then adverts and rounds of announcements',
  async t => {
    t.same(said({}, [0, START], [8500, TIME]), [
      '0: initialize → backup (started)',
      MASTER_AT_DOWN,
      '4218.75: advert 200',
      '5218.75: advert 200',
      '6218.75: advert 200',
      '7218.75: advert 200',
      '8218.75: advert 200, announce again ×5',
    ])
    const refresh = said({}, [0, START], [70_000, TIME]).filter(line => line.includes('refresh'))
    t.same(refresh, ['68218.75: advert 200, announce refresh ×5'])
  },
)

t.test('RFC 9568, 6.4.1: priority 255 owns the addresses and starts as master', async t => {
  t.same(said({ priority: 255 }, [0, START]), [
    '0: advert 255, acquire, announce first ×5, initialize → master (owner)',
  ])
  t.same(
    play({ priority: 255 }, [
      [0, { kind: 'lowered', by: 100 }],
      [0, START],
    ] as const).said.length,
    1,
  )
})

t.test('RFC 9568, 6.4.2: a higher or equal advert resets the timer', async t => {
  for (const priority of [200, 201, 255])
    t.same(said({}, [0, START], [3000, hears(priority, '10.0.0.1')], [6218, TIME], [6219, TIME]).slice(1), [
      '6218.75: advert 200, acquire, announce first ×5, backup → master (master_silent)',
    ])
})

t.test('RFC 9568, 6.4.2: the interval is learnt from the master, and so is the skew', async t => {
  t.same(said({}, [0, START], [10, hears(250, '10.0.0.1', 100)], [400, TIME]).slice(1), [
    '331.875: advert 200, acquire, announce first ×5, backup → master (master_silent)',
  ])
  t.same(
    said({ version: 2 }, [0, START], [10, hears(250, '10.0.0.1', 1000)], [4000, TIME])[1],
    '3228.75: advert 200, acquire, announce first ×5, backup → master (master_silent)',
    'RFC 3768: nothing to learn',
  )
})

t.test('RFC 9568, 6.4.2: a lower advert is discarded under preemption, and obeyed without', async t => {
  const lower = [500, 1500, 2500, 3100].map(at => [at, hears(100)] as const)
  t.same(said({}, [0, START], ...lower, [3300, TIME]).slice(1), [
    `${DOWN}: advert 200, acquire, announce first ×5, backup → master (preempted)`,
  ])
  t.same(said({ preempt: false }, [0, START], ...lower, [6300, TIME]).slice(1), [])
  t.match(
    said({ preempt: false }, [0, START], ...lower, [6400, TIME]).slice(1),
    [/master_silent/],
    'its silence still counts',
  )
})

t.test('preemptDelay leaves a lower master alone for its length, from its first advert', async t => {
  const lower = Array.from({ length: 15 }, (_, second) => [second * 1000 + 100, hears(100)] as const)
  const lines = said({ preemptDelay: ms(5000) }, [0, START], ...lower, [14_500, TIME])
  t.same(lines[1], '7318.75: advert 200, acquire, announce first ×5, backup → master (preempted)')
  const dies = said({ preemptDelay: ms(60_000) }, [0, START], [100, hears(100)], [200, hears(0)], [500, TIME])
  t.same(dies.slice(1), ['418.75: advert 200, acquire, announce first ×5, backup → master (master_left)'])
})

t.test('RFC 9568, 6.4.2: priority 0 is followed after the skew only', async t => {
  t.same(said({}, [0, START], [1000, hears(250)], [1500, hears(0)], [1800, TIME]).slice(1), [
    '1718.75: advert 200, acquire, announce first ×5, backup → master (master_left)',
  ])
  t.match(
    said({ version: 2, interval: ms(4000) }, [0, START], [1000, hears(250)], [1500, hears(0)], [1800, TIME])[1],
    /^1718.75: advert 200/,
  )
})

t.test('RFC 9568, 6.4.2 and 6.4.3: shutdown is silent for a backup, and a goodbye for a master', async t => {
  t.same(said({}, [0, START], [10, STOP], [20, STOP]), [
    '0: initialize → backup (started)',
    '10: backup → initialize (stopped)',
  ])
  t.same(said({}, [0, START], [3300, STOP], [9000, TIME]).slice(2), [
    '3300: release, advert 0, master → initialize (stopped)',
  ])
})

t.test('RFC 9568, 6.4.3: a master answers priority 0 at once', async t => {
  t.same(said({}, [0, START], [3500, hears(0)], [4499, TIME]).slice(2), ['3500: advert 200'])
})

t.test(
  'RFC 9568, 6.4.3: a master gives way to a higher priority, and to a greater address of equal priority',
  async t => {
    const gone = '3500: release, master → backup (outranked)'
    t.same(said({}, [0, START], [3500, hears(201)], [6700, TIME]).slice(2), [gone])
    t.same(said({}, [0, START], [3500, hears(200, '10.0.0.3')], [6700, TIME]).slice(2), [gone])
    t.same(
      said({}, [0, START], [3500, hears(200, '10.0.0.10')], [6700, TIME]).slice(2),
      [gone],
      'as numbers, not as text',
    )
    const six = { address: ip('fe80::2') }
    t.same(said(six, [0, START], [3500, hears(200, 'fe80::10')], [6700, TIME]).slice(2), [gone])
  },
)

t.test('RFC 9568, 6.4.3: against a lower master it asserts itself, tells and counts it', async t => {
  t.same(
    said({}, [0, START], [3500, hears(100)], [4400, hears(100)], [4500, hears(200, '10.0.0.1')], [5400, TIME]).slice(2),
    ['3500: advert 200, rival 10.0.0.1 100 #1', '4400: advert 200, announce rival ×5', '4500: advert 200'],
  )
  const { state } = play({}, [
    [0, START],
    [3500, hears(100)],
    [3600, hears(150, '10.0.0.5')],
    [9000, hears(150, '10.0.0.5')],
  ])
  t.equal(state.rivals.count, 3)
  t.match(describeState(state, ms(9000)), /3 adverts of another master heard, the last from 10.0.0.5 with priority 150/)
})

t.test('after a rival the addresses are announced at once and again, so that neighbours forget it', async t => {
  const lines = said({}, [0, START], [20_000, hears(100)], [26_000, TIME])
  const rounds = lines.filter(line => line.includes('announce')).slice(2)
  t.same(rounds, [
    '20000: advert 200, announce rival ×5, rival 10.0.0.1 100 #1',
    '25000: advert 200, announce again ×5',
  ])
})

t.test('priority changes count from the next advert, heard or sent', async t => {
  const lowered = (by: number): Input => ({ kind: 'lowered', by })
  t.same(said({}, [0, START], [3300, lowered(150)], [4300, TIME], [4400, hears(100)]).slice(2), [
    '4218.75: advert 50',
    '4400: release, master → backup (outranked)',
  ])
  t.match(said({}, [0, START], [3300, lowered(999)], [4300, TIME])[2], /advert 1$/, 'never below 1')
  const back = [0, 1000, 2000, 3000, 4000].map(at => [5000 + at, hears(100)] as const)
  const risen = said({}, [0, START], [1, lowered(150)], [2, hears(100)], [2500, lowered(0)], ...back, [9001, TIME])
  t.match(risen.slice(1), [/preempted|master_silent/])
})

t.test('a fault gives the addresses up with a goodbye; the end of the last one starts anew', async t => {
  const fault = (name: string): Input => ({ kind: 'fault', name, why: `${name} is down` })
  const over = (name: string): Input => ({ kind: 'fault_over', name })
  const lines = said(
    {},
    [0, START],
    [3300, fault('eth0')],
    [3400, fault('proxy')],
    [3500, hears(100)],
    [3600, over('eth0')],
    [3700, over('proxy')],
    [6919, TIME],
  )
  t.same(lines.slice(2), [
    '3300: release, advert 0, master → fault (fault)',
    '3700: fault → backup (fault_over)',
    '6918.75: advert 200, acquire, announce first ×5, backup → master (nobody_heard)',
  ])
  t.same(said({}, [0, fault('eth0')], [1, START], [2, over('eth0')]), [
    '1: initialize → fault (fault)',
    '2: fault → backup (fault_over)',
  ])
  t.same(
    said({ priority: 255 }, [0, START], [5, fault('eth0')], [9, over('eth0')])[2],
    '9: advert 255, acquire, announce first ×5, fault → master (owner)',
  )
})

t.test('a takeover is done where it would hold, and refused with the reason where not', async t => {
  const takeover: Input = { kind: 'takeover' }
  t.same(said({ preempt: false }, [0, START], [1000, hears(100)], [1200, takeover]).slice(1), [
    '1200: advert 200, acquire, announce first ×5, backup → master (takeover)',
  ])
  t.match(
    said({}, [0, START], [1000, hears(250)], [1200, takeover])[1],
    /refused: 10.0.0.1 is master with priority 250/,
  )
  t.match(said({}, [0, START], [1000, hears(200, '10.0.0.3')], [1200, takeover])[1], /refused/)
  t.match(said({}, [0, START], [1000, hears(200, '10.0.0.1')], [1200, takeover])[1], /takeover/)
  t.same(said({}, [0, takeover]), ['0: refused: its state is initialize'])
  t.same(said({}, [0, START], [3300, takeover])[2], '3300: refused: it is master already')
})

t.test('a new setup keeps the role and the addresses', async t => {
  const faster: Input = { kind: 'setup', setup: { ...SETUP, interval: ms(100), priority: 210 } }
  t.same(said({}, [0, START], [3300, faster], [3450, TIME]).slice(2), ['3300: advert 210', '3400: advert 210'])
  t.same(said({}, [0, START], [1000, faster], [1400, TIME])[1]?.slice(0, 8), '1317.968', 'a backup listens anew')
})

t.test('sub-second adverts: 10 ms, and a takeover within 31 ms', async t => {
  t.same(said({ interval: ms(10), priority: 250 }, [0, START], [31, TIME])[1]?.split(':')[0], '30.234375')
})

t.test('a backup that slept past its timer listens once more, then claims', async t => {
  const slept = play({}, [[0, START]]).state
  const [listens, none] = step(slept, TIME, ms(60_000))
  t.same(none, [])
  t.equal(wakeAt(listens), 60_000 + DOWN)
  const [heard] = step(listens, hears(250), ms(60_500))
  t.equal(heard.phase.role, 'backup')
  t.equal(step(listens, TIME, ms(90_000))[0].phase.role, 'master', 'late again: it must not wait for ever')
  t.equal(step(slept, TIME, ms(DOWN + 900))[0].phase.role, 'master', 'less than an interval late is not sleep')
  const hearsFirst = step(slept, hears(250), ms(60_000))
  t.same([hearsFirst[0].phase.role, hearsFirst[1]], ['backup', []])
})

t.test('a master that slept until every backup had declared it down lets go and listens', async t => {
  const { state } = play({}, [
    [0, START],
    [3300, TIME],
  ] as const)
  const [late, actions] = step(state, TIME, ms(10_000))
  t.same(actions.map(say), ['release', 'master → backup (late)'])
  t.equal(wakeAt(late), 10_000 + DOWN)
  t.same(step(state, TIME, ms(DOWN + 3900))[1].map(say), ['advert 200'], 'one advert, no burst, within four intervals')
  t.same(step(state, hears(100), ms(10_000))[1].map(say).at(-1), 'master → backup (late)', 'a packet does not hide it')
  const owner = play({ priority: 255 }, [[0, START]]).state
  t.equal(step(owner, TIME, ms(60_000))[0].phase.role, 'master', 'an owner starts as master anyhow')
})

t.test('status says the state in words', async t => {
  const at = (setup: Partial<Setup>, now: number, ...script: (readonly [number, Input])[]) =>
    describeState(play(setup, script).state, ms(now))
  const start = [0, START] as const
  const lower = [500, hears(100)] as const
  t.equal(at({}, 0), 'not started')
  t.equal(at({}, 1000, start), 'backup for 1s, priority 200; no master heard yet, claims in 2.2s')
  t.equal(
    at({}, 1500, start, [1000, hears(250)]),
    'backup for 1.5s, priority 200; 10.0.0.1 is master with priority 250, heard 500ms ago, claims in 2.7s unless heard',
  )
  t.match(at({}, 600, start, lower), /lower than ours: claims in 2.6s/)
  t.match(at({ preempt: false }, 600, start, lower), /left alone, preempt is false/)
  t.match(at({ preemptDelay: ms(9000) }, 600, start, lower), /left alone for 8.9s more \(preemptDelay\)/)
  t.match(at({}, 1600, start, [1500, hears(0)]), /10.0.0.1 gave up 100ms ago, claims in 119ms/)
  t.equal(at({}, 4000, start, [3300, TIME]), 'master for 781ms, priority 200; next advert in 219ms')
  t.match(at({}, 10, start, [1, { kind: 'lowered', by: 20 }]), /priority 180 \(200 lowered by tracks\)/)
  const fault: Input = { kind: 'fault', name: 'eth0', why: 'eth0 is down' }
  t.equal(at({}, 2000, start, [1000, fault]), 'fault for 1s: eth0 is down')
  t.equal(at({}, 2000, [0, fault]), 'not started; eth0 is down')
  t.match(at({ grouped: true }, 3300, start, [3250, TIME]), /would be master, waits for the rest of its sync group/)
})

// What holds for any order of events.

const anyAddress = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.1.0', '200.0.0.1').map(ip)

const anySetup: fc.Arbitrary<Setup> = fc.record({
  version: fc.constantFrom(2 as const, 3 as const),
  priority: fc.integer({ min: 1, max: 255 }),
  interval: fc.constantFrom(10, 100, 1000, 5000).map(ms),
  preempt: fc.boolean(),
  preemptDelay: fc.constantFrom(0, 0, 700, 5000).map(ms),
  garp: fc.record({
    repeat: fc.constantFrom(1, 5),
    again: fc.constantFrom(0, 5000).map(ms),
    refresh: fc.constantFrom(0, 60_000).map(ms),
  }),
  address: anyAddress,
  grouped: fc.constant(false),
})

const anyFault = fc.constantFrom('eth0', 'proxy')
const anyInput: fc.Arbitrary<Input> = fc.oneof(
  fc.constant(TIME),
  fc.constantFrom<Input>(START, STOP, { kind: 'takeover' }, { kind: 'claim' }, { kind: 'yield', why: 'asked' }),
  fc.record({
    kind: fc.constant('advert' as const),
    from: fc.oneof(anyAddress, fc.uint8Array({ maxLength: 16 })),
    priority: fc.integer({ min: 0, max: 255 }),
    interval: fc.integer({ min: 1, max: 4095 }).map(n => ms(n * 10)),
  }),
  fc.integer({ min: -5, max: 300 }).map((by): Input => ({ kind: 'lowered', by })),
  anyFault.map((name): Input => ({ kind: 'fault', name, why: `${name} is down` })),
  anyFault.map((name): Input => ({ kind: 'fault_over', name })),
  anySetup.map((setup): Input => ({ kind: 'setup', setup })),
  fc.constantFrom<Input>(FREE, OURS, OTHER, SILENT, says({ kind: 'unheard' }), { kind: 'campaign' }),
)

t.test(
  'no input makes it throw, every acquire is matched by a release, and it never asks to be woken in the past',
  async () => {
    const moments = fc.array(fc.tuple(fc.constantFrom(0, 1, 50, 900, 4000, 90_000), anyInput), { maxLength: 80 })
    const reasons = new Set<string>(WHYS)
    fc.assert(
      fc.property(anySetup, moments, (setup, script) => {
        let state = newMachine(setup, ms(0))
        let now = 0
        let held = false
        for (const [gap, input] of script) {
          now += gap
          const [next, actions] = step(state, input, ms(now))
          for (const action of actions) {
            if (action.kind === 'acquire' || action.kind === 'release') {
              if (held === (action.kind === 'acquire')) return false
              held = action.kind === 'acquire'
            }
            if (action.kind === 'transition' && (!reasons.has(action.why) || action.from === action.to)) return false
          }
          if (held !== holdsAddresses(next) || describeState(next, ms(now)) === '') return false
          const [after] = step(next, TIME, ms(now))
          const wake = wakeAt(after)
          if (wake !== undefined && wake <= now) return false
          state = next
        }
        return true
      }),
      { numRuns: 500 },
    )
  },
)

t.test(
  'a lone machine always becomes master, whatever befell it and however late it first wakes, once its witness is silent',
  async () => {
    const moments = fc.array(fc.tuple(fc.constantFrom(1, 900, 90_000), anyInput), { maxLength: 30 })
    const delays = fc.array(fc.integer({ min: 0, max: 100_000 }), { maxLength: 5 })
    fc.assert(
      fc.property(anySetup, moments, delays, (setup, script, late) => {
        let state = newMachine(setup, ms(0))
        let now = 0
        const feed = (input: Input) => {
          state = step(state, input, ms(now))[0]
        }
        for (const [gap, input] of script) {
          now += gap
          feed(input)
        }
        for (const name of ['eth0', 'proxy']) feed({ kind: 'fault_over', name })
        feed(SILENT)
        feed(START)
        for (const delay of [...late, 0, 0, 0]) {
          now = Math.max(now, wakeAt(state) ?? now) + delay
          feed(TIME)
        }
        return state.phase.role === 'master'
      }),
      { numRuns: 500 },
    )
  },
)

// Two hosts on one wire, in simulated time: each a machine, or a sync group of several.

interface Disturbance {
  readonly at: number
  readonly who: number
  readonly what: Input | { readonly kind: 'stall'; readonly for: number }
}

interface Fate {
  readonly lost: boolean
  readonly delay: number
}

/** Something on its way: what arrives at a host waits while that one is stalled. */
interface Coming {
  readonly at: number
  readonly to: number | undefined
  readonly run: () => void
}

const WHOLE = 12_000

class Wire {
  now = 0
  changes: number[] = []
  private coming: Coming[] = []
  private sent = 0
  private stalled = [0, 0]
  private hosts: Group[]

  constructor(
    setups: readonly (readonly Setup[])[],
    private readonly fates: readonly Fate[],
    /** When the link is whole again; never, where both are cut off from one another for good. */
    private readonly wholeAt = WHOLE,
    /** Hears after every step of a host. */
    private readonly stepped: (who: number) => void = () => {},
  ) {
    this.hosts = setups.map(each => new Map(each.map((setup, at) => [`m${at}`, newMachine(setup, ms(0))])))
  }

  /** Lets something happen later: at a host, or elsewhere. */
  later(delay: number, to: number | undefined, run: () => void) {
    this.coming.push({ at: this.now + delay, to, run })
  }

  host = (who: number) => this.hosts[who] as Group
  state = (who: number, name = 'm0') => this.host(who).get(name) as State
  /** How many addresses each of the two hosts holds. */
  held = () => this.hosts.map(host => [...host.values()].filter(holdsAddresses).length)
  stall(who: number, length: number) {
    this.stalled[who] = this.now + length
  }

  feed(who: number, input: Input, to?: string) {
    const [next, actions] = this.stepHost(this.host(who), to, input)
    this.hosts[who] = next
    for (const { name, action } of actions) {
      if (action.kind === 'transition') this.changes.push(this.now)
      if (action.kind === 'advert') this.send(who, name, action.priority)
    }
    this.stepped(who)
  }

  private stepHost(host: Group, to: string | undefined, input: Input): ReturnType<typeof stepGroup> {
    const state = host.get('m0') as State
    if (state.setup.grouped) return stepGroup(host, to, input, ms(this.now))
    const [next, actions] = step(state, input, ms(this.now))
    return [new Map([['m0', next]]), actions.map(action => ({ name: 'm0', action }))]
  }

  private send(who: number, name: string, priority: number) {
    const { address, interval } = this.state(who, name).setup
    const chance = this.fates[this.sent++ % this.fates.length]
    const fate = this.now < this.wholeAt && chance ? chance : { lost: false, delay: 1 }
    const input: Input = { kind: 'advert', from: address, priority, interval }
    if (!fate.lost) this.later(fate.delay, 1 - who, () => this.feed(1 - who, input, name))
  }

  /** Lets everything happen that falls due until `until`, what is coming before wake-ups. */
  run(until: number) {
    for (;;) {
      const awake = (who: number, at: number) => Math.max(at, this.stalled[who] ?? 0)
      const next = this.coming
        .map(one => ({ one, at: one.to === undefined ? one.at : awake(one.to, one.at) }))
        .reduce<{ one: Coming; at: number } | undefined>((a, b) => (a && a.at <= b.at ? a : b), undefined)
      const wakes = [0, 1].map(who => awake(who, wakeGroupAt(this.host(who)) ?? Number.POSITIVE_INFINITY))
      const wake = Math.min(...wakes)
      if (Math.min(next?.at ?? wake, wake) > until) break
      if (next && next.at <= wake) {
        this.now = Math.max(this.now, next.at)
        this.coming.splice(this.coming.indexOf(next.one), 1)
        next.one.run()
      } else {
        this.now = Math.max(this.now, wake)
        this.feed(wakes[0] === wake ? 0 : 1, TIME)
      }
    }
    this.now = Math.max(this.now, until)
  }
}

const anyPair = fc
  .record({
    version: fc.constantFrom(2 as const, 3 as const),
    intervals: fc.tuple(fc.constantFrom(100, 250, 1000), fc.constantFrom(100, 250, 1000)),
    a: anySetup,
    b: anySetup,
    alike: fc.boolean(),
  })
  .map(({ version, intervals, a, b, alike }): [Setup, Setup] => {
    const [first, second] = version === 2 ? [1000, 1000] : intervals
    const priority = alike ? a.priority : b.priority
    return [
      { ...a, version, interval: ms(first), address: ip('10.0.0.1') },
      { ...b, version, interval: ms(second), address: ip('10.0.0.2'), priority },
    ]
  })

const anyFate = fc.record({ lost: fc.boolean(), delay: fc.constantFrom(1, 5, 90, 400, 2500) })
const anyDisturbance: fc.Arbitrary<Disturbance> = fc.record({
  at: fc.integer({ min: 0, max: WHOLE - 1 }),
  who: fc.constantFrom(0, 1),
  what: fc.oneof(
    fc.constantFrom<Input>(START, STOP, { kind: 'takeover' }, { kind: 'fault', name: 'eth0', why: 'down' }),
    fc.constant<Input>({ kind: 'fault_over', name: 'eth0' }),
    fc.integer({ min: 0, max: 200 }).map((by): Input => ({ kind: 'lowered', by })),
    fc.integer({ min: 1, max: 9000 }).map(length => ({ kind: 'stall' as const, for: length })),
  ),
})

/** Stalls last up to 9 s beyond, a delayed packet 2.5 s, the preemptDelay up to 5 s; then a few master down intervals of 4 s. */
const SETTLED = WHOLE + 9000 + 2500 + 5000 + 4 * 4000

/** Two hosts live through the disturbances on a bad wire, then through a calm in which they must settle, and some time more. */
function endures(setups: readonly (readonly Setup[])[], fates: readonly Fate[], disturbances: readonly Disturbance[]) {
  const wire = new Wire(setups, fates)
  for (const who of [0, 1]) wire.feed(who, START)
  for (const { at, who, what } of [...disturbances].sort((a, b) => a.at - b.at)) {
    wire.run(at)
    if (what.kind === 'stall') wire.stall(who, what.for)
    else wire.feed(who, what, what.kind === 'fault' ? 'm0' : undefined)
  }
  wire.run(WHOLE)
  for (const who of [0, 1])
    for (const input of [{ kind: 'fault_over', name: 'eth0' } as const, START]) wire.feed(who, input)
  wire.run(SETTLED + 5000)
  return wire
}

t.test('two machines on a lossy, reordering wire end with exactly one master once it is whole', async t => {
  let elections = 0
  fc.assert(
    fc.property(
      anyPair,
      fc.array(anyFate, { minLength: 1, maxLength: 40 }),
      fc.array(anyDisturbance, { maxLength: 12 }),
      (setups, fates, disturbances) => {
        const wire = endures(
          setups.map(setup => [setup]),
          fates,
          disturbances,
        )
        elections += wire.changes.length
        return wire.held().sort().join() === '0,1' && wire.changes.every(at => at < SETTLED)
      },
    ),
    { numRuns: 300 },
  )
  t.ok(elections > 1000, `${elections} changes of role on the way`)
})

t.test(
  'on a whole wire the one of higher priority is master, and the handover never leaves two for longer than a packet takes',
  async t => {
    const pair = (a: number, b: number, more: Partial<Setup> = {}) =>
      new Wire(
        [
          [{ ...SETUP, ...more, priority: a, address: ip('10.0.0.1') }],
          [{ ...SETUP, ...more, priority: b, address: ip('10.0.0.2') }],
        ],
        [{ lost: false, delay: 1 }],
      )
    const wire = pair(250, 240)
    wire.feed(1, START)
    wire.run(5000)
    t.equal(wire.state(1).phase.role, 'master')
    wire.feed(0, START)
    wire.run(9000)
    t.same(
      [0, 1].map(who => wire.state(who).phase.role),
      ['master', 'backup'],
    )
    wire.feed(0, STOP)
    wire.run(9000 + 1 + 63)
    t.equal(wire.state(1).phase.role, 'master', 'a goodbye costs the skew: 62.5 ms at priority 240')
    const equal = pair(200, 200)
    for (const who of [0, 1]) equal.feed(who, START)
    equal.run(5000)
    t.same(equal.held(), [0, 1], 'equal priorities, started at once: the greater address')
  },
)

// The witness.

t.test('while the witness names another a backup waits, and becomes master when it is named itself', async t => {
  const lines = said({}, [0, START], [1, OTHER], [9000, TIME], [9100, FREE], [9200, OURS])
  t.same(lines.slice(1), [
    `${DOWN}: withheld by k`,
    '9200: advert 200, acquire, announce first ×5, backup → master (nobody_heard)',
  ])
  const { state } = play({}, [
    [0, START],
    [1, OTHER],
    [3300, TIME],
  ])
  t.ok(needsWitness(state), 'it asks to be named')
  t.match(describeState(state, ms(3300)), /would be master, waits for the witness; witness names k/)
  t.notOk(needsWitness(step(state, hears(250), ms(3400))[0]), 'no longer, once it hears a better master')
  t.same(said({}, [0, START], [1, OURS], [3300, TIME])[1], MASTER_AT_DOWN, 'no wait where it names us already')
  t.match(said({}, [0, START], [1, says({ kind: 'unheard' })], [9000, TIME]).slice(1), [], 'not known is not yes')
})

t.test('a silent witness is none: VRRP alone decides, at once', async t => {
  t.same(said({}, [0, START], [1, SILENT], [3300, TIME])[1], MASTER_AT_DOWN)
  const lines = said({}, [0, START], [1, OTHER], [5000, SILENT])
  t.match(lines.at(-1), /^5000: advert 200, acquire/, 'also for one that waited')
  const master = play({}, [
    [0, START],
    [1, SILENT],
    [3300, TIME],
  ]).state
  t.match(describeState(master, ms(3300)), /witness silent, VRRP alone decides: etcd a: no answer in time/)
})

t.test('a master yields to whom the witness names, without a goodbye, and stays while it names nobody', async t => {
  const lines = said({}, [0, START], [3300, FREE], [3400, says({ kind: 'unheard' })], [3500, OTHER], [6700, TIME])
  t.same(lines.slice(2), ['3500: release, master → backup (witness)'])
  t.same(said({ priority: 255 }, [0, START], [1, OTHER]).length, 1, 'an owner has its addresses whatever anybody says')
})

t.test('a living master of lower priority that holds the witness is made to give way by an advert', async t => {
  const lower = [500, 1500, 2500, 3500, 4500].map(at => [at, hears(100)] as const)
  const lines = said({}, [0, START], [1, OTHER], ...lower, [4600, FREE], [4700, OURS])
  t.same(lines.slice(1), [
    `${DOWN}: advert 200, withheld by k`,
    '4218.75: advert 200',
    '4700: advert 200, acquire, announce first ×5, backup → master (preempted)',
  ])
  const silent = said({}, [0, START], [1, OTHER], [500, hears(100)], [9000, TIME]).slice(1)
  t.same(
    silent,
    [`${DOWN}: withheld by k`],
    'one that is not heard is not spoken to: it may be cut off, and the only one',
  )
  const takeover = said(
    { preempt: false },
    [0, START],
    [1, OTHER],
    [500, hears(100)],
    [600, { kind: 'takeover' }],
    [700, OURS],
  )
  t.match(takeover.slice(1), ['600: advert 200, withheld by k', /^700: .*backup → master/])
})

/** One key in etcd and its two clients: turns one after the other, each asks, acts where the key lies, and hears the answer later. */
function createWitness(wire: () => Wire, delays: readonly number[]) {
  let key: { readonly who: number; readonly lease: number } | undefined
  let leases = 0
  let turns = 0
  const clients = [0, 1].map(who => ({ who, wanted: false, lease: ++leases, givenUp: [] as number[], told: 'unheard' }))
  type Client = (typeof clients)[number]
  const delay = () => delays[turns++ % delays.length] ?? 1
  const tell = (client: Client, witness: Witness) => {
    client.told = witness.kind
    wire().feed(client.who, says(witness))
  }
  const act = ({ who, wanted, lease, givenUp }: Client, asked: number): Witness => {
    if (key?.who === who && givenUp.includes(key.lease)) key = undefined
    if (!key && wanted && lease === asked) key = { who, lease }
    if (!key) return { kind: 'free' }
    return key.lease === asked ? { kind: 'ours' } : { kind: 'other', holder: `host ${key.who}` }
  }
  const turn = (client: Client) => {
    const asked = client.lease
    wire().later(delay(), undefined, () => {
      const answer = act(client, asked)
      wire().later(delay(), client.who, () => {
        if (asked === client.lease) tell(client, answer)
        wire().later(50, client.who, () => turn(client))
      })
    })
  }
  return {
    begin: () => {
      for (const client of clients) turn(client)
    },
    /** What the sidecar does after each step of a host's machines. */
    want(who: number, wanted: boolean) {
      const client = clients[who] as Client
      if (client.wanted === wanted) return
      client.wanted = wanted
      if (wanted) return
      client.givenUp.push(client.lease)
      client.lease = ++leases
      if (client.told === 'ours') tell(client, { kind: 'unheard' })
    },
  }
}

/** Two hosts with a witness that answers, on a bad wire that becomes whole, or never does. Gives the wire, and how often both held. */
function enduresWitnessed(
  setups: readonly (readonly Setup[])[],
  fates: readonly Fate[],
  disturbances: readonly Disturbance[],
  delays: readonly number[],
  wholeAt: number,
) {
  let both = 0
  const wire: Wire = new Wire(setups, fates, wholeAt, who => {
    witness.want(who, groupNeedsWitness(wire.host(who)))
    if (wire.held().every(count => count > 0)) both++
  })
  const witness = createWitness(() => wire, delays)
  for (const who of [0, 1]) for (const input of [says({ kind: 'unheard' }), START]) wire.feed(who, input)
  witness.begin()
  for (const { at, who, what } of [...disturbances].sort((a, b) => a.at - b.at)) {
    wire.run(at)
    if (what.kind === 'stall') wire.stall(who, what.for)
    else wire.feed(who, what, what.kind === 'fault' ? 'm0' : undefined)
  }
  wire.run(WHOLE)
  for (const who of [0, 1])
    for (const input of [{ kind: 'fault_over', name: 'eth0' } as const, START]) wire.feed(who, input)
  wire.run(SETTLED + 5000)
  return { wire, both }
}

const noOwner = (setups: readonly Setup[]) => setups.every(({ priority }) => priority < 255)
const anyDelays = fc.array(fc.constantFrom(1, 3, 30, 400), { minLength: 1, maxLength: 20 })

t.test('with a witness that answers, two machines on any lossy wire never both hold the addresses', async t => {
  let elections = 0
  fc.assert(
    fc.property(
      anyPair.filter(noOwner),
      fc.array(anyFate, { minLength: 1, maxLength: 40 }),
      fc.array(anyDisturbance, { maxLength: 12 }),
      anyDelays,
      fc.constantFrom(WHOLE, Number.POSITIVE_INFINITY),
      (setups, fates, disturbances, delays, wholeAt) => {
        const { wire, both } = enduresWitnessed(
          setups.map(setup => [setup]),
          fates,
          disturbances,
          delays,
          wholeAt,
        )
        elections += wire.changes.length
        const whole = wholeAt === WHOLE
        const settled = !whole || (wire.held().sort().join() === '0,1' && wire.changes.every(at => at < SETTLED))
        return both === 0 && settled
      },
    ),
    { numRuns: 300 },
  )
  t.ok(elections > 1000, `${elections} changes of role on the way`)
})

t.test('cut off from one another for good, one of two holds the addresses, and no other ever does', async () => {
  const lost = [{ lost: true, delay: 1 }]
  fc.assert(
    fc.property(anyPair.filter(noOwner), anyDelays, (setups, delays) => {
      const each = setups.map(setup => [setup])
      const { wire, both } = enduresWitnessed(each, lost, [], delays, Number.POSITIVE_INFINITY)
      return both === 0 && wire.held().sort().join() === '0,1' && wire.changes.length === 3
    }),
    { numRuns: 100 },
  )
})

t.test('the same of two sync groups: all of one host, or nothing, and never of both', async () => {
  const priorities = fc.uniqueArray(fc.integer({ min: 1, max: 254 }), { minLength: 2, maxLength: 2 })
  const calm = anyDisturbance.filter(({ what }) => what.kind !== 'lowered')
  fc.assert(
    fc.property(
      priorities,
      fc.tuple(anyPair, anyPair),
      fc.array(anyFate, { minLength: 1, maxLength: 40 }),
      fc.array(calm, { maxLength: 12 }),
      anyDelays,
      (ranks, pairs, fates, disturbances, delays) => {
        const setups = [0, 1].map(who =>
          pairs.map(pair => ({ ...SETUP, ...pair[who], priority: ranks[who] ?? 1, grouped: true })),
        )
        const { wire, both } = enduresWitnessed(setups, fates, disturbances, delays, WHOLE)
        return both === 0 && wire.held().sort().join() === '0,2' && wire.changes.every(at => at < SETTLED)
      },
    ),
    { numRuns: 200 },
  )
})

// Sync groups.

const GROUPED: Setup = { ...SETUP, grouped: true }
const newGroup = (...names: string[]): Group => new Map(names.map(name => [name, newMachine(GROUPED, ms(0))]))

function playGroup(group: Group, script: readonly (readonly [number, string | undefined, Input])[]) {
  let current = group
  const lines: string[] = []
  const feed = (to: string | undefined, input: Input, now: number) => {
    const [next, actions] = stepGroup(current, to, input, ms(now))
    current = next
    if (actions.length > 0)
      lines.push(`${now}: ${actions.map(({ name, action }) => `${name} ${say(action)}`).join(', ')}`)
  }
  for (const [at, to, input] of script) {
    for (let due = wakeGroupAt(current); due !== undefined && due < at; due = wakeGroupAt(current))
      feed(undefined, TIME, due)
    feed(to, input, at)
  }
  return { lines, group: current }
}

const rolesOf = (group: Group) => [...group.values()].map(({ phase }) => phase.role)

t.test('a sync group goes up together, once none of its members hears a better master', async t => {
  const both = playGroup(newGroup('in', 'out'), [
    [0, undefined, START],
    [1000, 'out', hears(250)],
    [4000, undefined, TIME],
  ])
  t.same(rolesOf(both.group), ['backup', 'backup'], 'in would, out must not')
  const later = playGroup(both.group, [[4300, undefined, TIME]])
  t.same(rolesOf(later.group), ['master', 'master'])
  t.match(later.lines[0], /^4218.75: in .*acquire.*, out .*acquire/)
})

t.test('a sync group comes down together: by a better master, a fault, a stop', async t => {
  const up = playGroup(newGroup('in', 'out'), [
    [0, undefined, START],
    [3300, undefined, TIME],
  ]).group
  t.same(rolesOf(up), ['master', 'master'])
  const outranked = playGroup(up, [[3400, 'in', hears(250)]])
  t.same(outranked.lines, [
    '3400: in release, in master → backup (outranked), out release, out advert 0, out master → backup (group)',
  ])
  const fault: Input = { kind: 'fault', name: 'eth1', why: 'eth1 is down' }
  const down = playGroup(up, [[3400, 'out', fault]])
  t.same(rolesOf(down.group), ['fault', 'fault'])
  t.match(describeState(down.group.get('in') as State, ms(3400)), /out, of the same sync group: eth1 is down/)
  const over = playGroup(down.group, [[3500, 'out', { kind: 'fault_over', name: 'eth1' }]])
  t.same(rolesOf(over.group), ['backup', 'backup'])
  const stopped = playGroup(up, [[3400, undefined, STOP]])
  t.same(rolesOf(stopped.group), ['initialize', 'initialize'])
  t.equal(wakeGroupAt(stopped.group), undefined)
})

t.test('a takeover of a sync group is all or nothing', async t => {
  const started = playGroup(newGroup('in', 'out'), [
    [0, undefined, START],
    [100, 'in', hears(100)],
  ]).group
  t.same(rolesOf(playGroup(started, [[200, 'in', { kind: 'takeover' }]]).group), ['master', 'master'])
  const kept = playGroup(started, [
    [150, 'out', hears(250)],
    [200, undefined, { kind: 'takeover' }],
  ])
  t.same(rolesOf(kept.group), ['backup', 'backup'])
  t.match(kept.lines, [/^200: out refused/])
})

t.test('a sync group is never half master, whatever its members hear', async () => {
  const outer: fc.Arbitrary<Input> = anyInput.filter(
    input => input.kind !== 'setup' && input.kind !== 'claim' && input.kind !== 'yield',
  )
  const script = fc.array(
    fc.tuple(fc.constantFrom(0, 1, 900, 4000), fc.constantFrom('a', 'b', 'c', undefined), outer),
    {
      maxLength: 60,
    },
  )
  fc.assert(
    fc.property(script, moments => {
      let group: Group = newGroup('a', 'b', 'c')
      let now = 0
      group = stepGroup(group, undefined, START, ms(now))[0]
      for (const [gap, to, input] of moments) {
        now += gap
        group = stepGroup(group, to, input, ms(now))[0]
        const masters = rolesOf(group).filter(role => role === 'master').length
        if (masters !== 0 && masters !== group.size) return false
      }
      return true
    }),
    { numRuns: 300 },
  )
})

t.test('two hosts with a sync group each: on a whole wire exactly one holds all of it', async () => {
  const priorities = fc.uniqueArray(fc.integer({ min: 1, max: 254 }), { minLength: 2, maxLength: 2 })
  const calm = anyDisturbance.filter(({ what }) => what.kind !== 'lowered')
  fc.assert(
    fc.property(
      priorities,
      fc.tuple(anyPair, anyPair),
      fc.array(anyFate, { minLength: 1, maxLength: 40 }),
      fc.array(calm, { maxLength: 12 }),
      (ranks, pairs, fates, disturbances) => {
        const setups = [0, 1].map(who =>
          pairs.map(pair => ({ ...SETUP, ...pair[who], priority: ranks[who] ?? 1, grouped: true })),
        )
        const wire = endures(setups, fates, disturbances)
        return wire.held().sort().join() === '0,2' && wire.changes.every(at => at < SETTLED)
      },
    ),
    { numRuns: 200 },
  )
})
