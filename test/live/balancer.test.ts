// A balancer in front: who the client is comes by the PROXY protocol, from real HAProxy in both versions and byte by byte, and from
// nobody who is not trusted. On both relay engines.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { SessionStatus } from '../../src/pools/status.js'
import { startupMessage } from '../../src/protocol/write.js'
import { until } from '../lab/cluster.js'
import { ENGINES, type Engine, each, type Place as Opened, openPlace } from '../lab/engines.js'
import { onStand } from '../lab/onstand.js'
import { openSession } from '../lab/session.js'
import type { Stand } from '../lab/stand.js'
import { errorFields, openWire, type Wire } from '../lab/wire.js'

t.setTimeout(300_000)

/** HAProxy and who plays a balancer; a stranger; two clients that are told of. */
const [BALANCER, STRANGER] = ['127.0.0.50', '127.0.0.51']
const [WELCOME, BARRED] = ['10.9.9.7', '10.66.0.1']

interface Place extends Opened {
  /** Takes headers from the balancer, and others as themselves; takes nobody but the balancer. */
  readonly accepts: string
  readonly requires: string
  /** HAProxy's ports: version 1, version 2. */
  readonly fronts: readonly [string, string]
}

t.test('a balancer in front', t =>
  onStand(t, { network: 'loopback', members: 1, etcd: 1 }, async stand => {
    const places = await Promise.all(ENGINES.map(engine => open(stand, engine)))
    await each(t, places, 'HAProxy, both versions: the client behind it is the one that is seen', haproxy)
    await each(t, places, 'a header in any form the protocol has', forms)
    await each(t, places, 'what is no header, and half of one', malformed)
    await each(t, places, 'limits and allow go by the client that is told, not by the balancer', limits)
    await each(t, places, 'nobody else is believed', strangers)
    for (const { sight } of places) t.equal(sight.lines(/a bug in mekare/).length, 0, 'no bug was met')
  }),
)

async function open(stand: Stand, engine: Engine): Promise<Place> {
  const at = (port: number) => `${stand.address(engine.host)}:${port}`
  const { write } = stand.ports
  const [accepts, requires] = [at(write + 10), at(write + 11)]
  const like = { cluster: 'demo', role: 'primary', startupTimeout: '1s', proxyFrom: [BALANCER] }
  const allow = ['10.9.0.0/16', '127.0.0.0/8']
  const opened = await openPlace(stand, engine, {
    config: {
      listen: {
        read: { fallback: 'primary' },
        accepts: { ...like, address: accepts, proxyProtocol: 'accept', allow, maxPerAddress: 2 },
        requires: { ...like, address: requires, proxyProtocol: 'require' },
      },
    },
  })
  const fronts = [at(write + 20), at(write + 21)] as const
  return { ...opened, accepts, requires, fronts }
}

const startup = startupMessage(new Map([['user', 'app']]))
const v1 = (client: string) => Buffer.from(`PROXY TCP4 ${client} 10.9.9.1 41234 5000\r\n`)
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')

/** Section 2.2 of the protocol: version and command, family, length, what follows. */
function v2(command: number, family: number, rest: Buffer): Buffer {
  return Buffer.concat([SIGNATURE, Buffer.of(command, family, rest.length >> 8, rest.length & 0xff), rest])
}

const fourOf = (client: string) =>
  Buffer.from([...client.split('.').map(Number), 10, 9, 9, 1, 41_234 >> 8, 41_234 & 0xff, 0x13, 0x88])
/** PP2_TYPE_AUTHORITY and PP2_TYPE_NOOP. */
const TLVS = Buffer.concat([Buffer.of(0x02, 0, 5), Buffer.from('pg.io'), Buffer.of(0x04, 0, 2, 0, 0)])

async function sessionsOf({ proxy }: Place): Promise<SessionStatus[]> {
  return JSON.parse((await proxy.control('GET', '/sessions')).body)
}

async function haproxy(t: Test, place: Place): Promise<void> {
  const { stand, host, fronts, accepts, requires, sight } = place
  const dir = mkdtempSync(join(tmpdir(), 'mekare-'))
  const file = join(dir, 'haproxy.cfg')
  const listen = (name: string, bind: string, server: string) =>
    `listen ${name}\n bind ${bind}\n source ${BALANCER}\n server mekare ${server}\n`
  writeFileSync(
    file,
    [
      'defaults\n mode tcp\n timeout connect 4s\n timeout client 1m\n timeout server 1m\n timeout check 1s\n',
      listen('one', fronts[0], `${accepts} send-proxy check inter 200ms`),
      listen('two', fronts[1], `${requires} send-proxy-v2 proxy-v2-options crc32c,unique-id check inter 200ms`),
    ].join(''),
  )
  const child = stand.spawn(host, 'haproxy', ['haproxy', '-db', '-f', file])
  try {
    for (const front of fronts) {
      const { client } = await until(10_000, `${front} did not serve`, () => openSession(front))
      const port = (client as unknown as { connection: { stream: { localPort: number } } }).connection.stream.localPort
      const { rows } = await client.query('select inet_client_port() as port, pg_is_in_recovery() as replica')
      const mine = (await sessionsOf(place)).find(one => one.client === `127.0.0.1:${port}`)
      t.match(mine, { state: 'joined', via: new RegExp(`^${BALANCER.replaceAll('.', '\\.')}:\\d+$`), member: 'pg1' })
      t.equal(mine?.backendClient?.split(':').at(-1), String(rows[0]?.port), 'and pg_stat_activity leads to it')
      await client.end()
    }
    await new Promise(resolve => setTimeout(resolve, 500))
    t.same(sight.lines(/refused/), [], "HAProxy's health checks speak for themselves (LOCAL) and are refused nothing")
  } finally {
    child.kill('SIGKILL')
    rmSync(dir, { recursive: true })
  }
}

/** What a member answers to a startup packet: the request for a password. */
const asked = async (wire: Wire) => (await wire.bytes(1)).toString('latin1', 0, 1)

async function forms(t: Test, place: Place): Promise<void> {
  const rest = fourOf(WELCOME)
  const told = `${WELCOME}:41234`
  for (const [name, header, client] of [
    ['version 1', v1(WELCOME), told],
    ['version 1, UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), undefined],
    ['version 2', v2(0x21, 0x11, rest), told],
    ['version 2 with TLVs', v2(0x21, 0x11, Buffer.concat([rest, TLVS])), told],
    ['version 2, LOCAL with an address that does not count', v2(0x20, 0x11, rest), undefined],
  ] as const) {
    const whole = await openWire(place.accepts, Buffer.concat([header, startup]), BALANCER)
    const bitwise = await openWire(place.accepts, header.subarray(0, 11), BALANCER)
    await new Promise(resolve => setTimeout(resolve, 20))
    bitwise.send(Buffer.concat([header.subarray(11), startup.subarray(0, 5)]))
    await new Promise(resolve => setTimeout(resolve, 20))
    bitwise.send(startup.subarray(5))
    for (const wire of [whole, bitwise]) t.equal(await asked(wire), 'R', `${name}: joined`)
    const seen = await sessionsOf(place)
    const clients = seen.filter(({ listen }) => listen === 'accepts').map(one => one.client)
    t.same(
      clients,
      client ? [client, client] : clients.filter(one => one.startsWith(`${BALANCER}:`)),
      `${name}: ${clients}`,
    )
    for (const wire of [whole, bitwise]) wire.close()
    await until(3000, 'a session stayed', async () => (await sessionsOf(place)).length === 0 || undefined)
  }
}

async function malformed(t: Test, { accepts, sight }: Place): Promise<void> {
  const remedy =
    /; listen\.accepts\.proxyProtocol is accept: have 127\.0\.0\.50:\d+ send one \(HAProxy: send-proxy-v2\)$/
  for (const [name, bytes, message] of [
    ['a startup packet', startup, /^mekare: what was sent begins with 0x/],
    ['a line too long', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(200)}`), /has no end of line within 107 bytes/],
    ['no address', Buffer.from('PROXY TCP4 here there 1 2\r\n'), /has an address that is not IPv4/],
    ['a length without an end', v2(0x21, 0x11, Buffer.alloc(0)).fill(0xff, 14), /is 65551 bytes long/],
    ['version 3', v2(0x31, 0x11, fourOf(WELCOME)), /has version 3; 1 and 2 are known/],
  ] as const) {
    const wire = await openWire(accepts, bytes, BALANCER)
    t.equal(await wire.ended(3000), 'end', `${name}: ends in order`)
    t.match(errorFields(wire.received()), { S: 'FATAL', C: '08P01', M: message }, name)
    t.match(errorFields(wire.received())?.M, remedy)
  }
  const header = v2(0x21, 0x11, fourOf(WELCOME))
  const slow = await openWire(accepts, v1(WELCOME).subarray(0, 1), BALANCER)
  let sent = 1
  const drip = setInterval(() => slow.send(v1(WELCOME).subarray(sent, ++sent)), 100)
  const halves = [
    slow,
    await openWire(accepts, '', BALANCER),
    await openWire(accepts, header.subarray(0, 20), BALANCER),
  ]
  for (const wire of halves) {
    t.equal(await wire.ended(4000), 'end')
    t.match(errorFields(wire.received()), { M: 'mekare: no PROXY protocol header within 1s (startupTimeout)' })
    t.ok(wire.lasted() > 900 && wire.lasted() < 2500, `after ${Math.round(wire.lasted())} ms`)
  }
  clearInterval(drip)
  const silent = await openWire(accepts, header, BALANCER)
  t.equal(await silent.ended(4000), 'end', 'a header and nothing after it')
  t.match(errorFields(silent.received()), { M: 'mekare: no startup packet within 1s (startupTimeout)' })
  t.equal(await sight.metric('mekare_refused_total', { listen: 'accepts', why: 'refused_timeout' }), 4)
}

async function limits(t: Test, { accepts }: Place): Promise<void> {
  const barred = await openWire(accepts, Buffer.concat([v1(BARRED), startup]), BALANCER)
  await barred.ended(3000)
  t.match(errorFields(barred.received()), { C: '28000', M: `mekare: ${BARRED} is not in listen.accepts.allow` })
  const come = (client: string) => openWire(accepts, Buffer.concat([v1(client), startup]), BALANCER)
  const wires = [await come(WELCOME), await come(WELCOME), await come('10.9.9.8'), await come('10.9.9.8')]
  for (const wire of wires) t.equal(await asked(wire), 'R', 'four of one balancer, two of each client')
  const more = await come(WELCOME)
  await more.ended(3000)
  t.match(errorFields(more.received()), { C: '53300', M: /too many clients: maxPerAddress is 2, and 10\.9\.9\.7 has/ })
  for (const wire of wires) wire.close()
}

async function strangers(t: Test, { accepts, requires, sight }: Place): Promise<void> {
  const claim = await openWire(accepts, Buffer.concat([v1(WELCOME), startup]), STRANGER)
  await claim.ended(3000)
  t.match(errorFields(claim.received()), { C: '08P01', M: /this listener takes none from this address; .* proxyFrom/ })
  const plain = await openWire(accepts, startup, STRANGER)
  t.equal(await asked(plain), 'R', 'accept: one without a header comes as itself')
  plain.close()
  for (const bytes of [startup, Buffer.concat([v1(WELCOME), startup])]) {
    const wire = await openWire(requires, bytes, STRANGER)
    await wire.ended(3000)
    const M = `mekare: ${STRANGER} is not in listen.requires.proxyFrom (proxyProtocol: require)`
    t.match(errorFields(wire.received()), { C: '28000', M }, 'require: only the balancer may come')
  }
  await sight.line(/requires: refused/)
  t.match(sight.lines(/requires: refused/), [
    /refused 127\.0\.0\.51:\d+ \(refused_address\): mekare: 127\.0\.0\.51 is not/,
  ])
}
