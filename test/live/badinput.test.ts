// Whatever is thrown at the proxy (by clients, members, etcd, the operator) gets one clear answer or line and is counted; a
// writer and a reader that work through it all the while see nothing of it. On both relay engines.

import { rmSync, writeFileSync } from 'node:fs'
import { createServer, connect as dial, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import t, { type Test } from 'tap'
import { sslRequest, startupMessage } from '../../src/protocol/write.js'
import { until } from '../lab/cluster.js'
import { ENGINES, type Engine, each, type Place as Opened, openPlace, type Together } from '../lab/engines.js'
import { now } from '../lab/journal.js'
import { startReader, startWriter } from '../lab/observers.js'
import { onStand } from '../lab/onstand.js'
import { PASSWORDS } from '../lab/options.js'
import { PROGRAM, type Sight, see } from '../lab/sight.js'
import type { Stand } from '../lab/stand.js'
import { errorFields, openWire } from '../lab/wire.js'

t.setTimeout(300_000)

interface Place extends Opened {
  /** Listeners like `read`: with max 5, and with maxPerAddress 3 and allow of another address only. */
  readonly few: string
  readonly shut: string
}

t.test('bad input', t =>
  onStand(t, { network: 'loopback', etcdPassword: 'etcd-secret' }, async stand => {
    const places = await Promise.all(ENGINES.map(engine => open(stand, engine)))
    await undisturbed(t, places)
    await each(t, places, 'a leader key that names nobody closes the gate and says so', leaderGhost)
    for (const { sight, proxy } of places) {
      t.equal(sight.lines(/a bug in mekare/).length, 0, 'no bug was met')
      await proxy.stop()
    }
    await each(t, places, 'a member that accepts and says nothing: the dial goes on to the next', mute)
    await operators(t, stand)
  }),
)

async function open(stand: Stand, engine: Engine): Promise<Place> {
  const { host } = engine
  const [few, shut] = [1, 2].map(n => `${stand.address(host)}:${stand.ports.read + n}`) as [string, string]
  const like = { cluster: 'demo', role: 'replica', startupTimeout: '1s' }
  const listen = {
    read: { startupTimeout: '1s', holdFor: '30s' },
    few: { ...like, address: few, max: 5 },
    shut: { ...like, address: shut, allow: ['192.0.2.0/24'] },
  }
  const place = { ...(await openPlace(stand, engine, { config: { listen } })), few, shut }
  for (const replica of ['pg2', 'pg3']) await place.sight.verdict('read', replica, /^usable/)
  return place
}

/** Everything that must not disturb others, under a writer and a reader of each proxy. */
async function undisturbed(t: Test, places: readonly Place[]): Promise<void> {
  const others = await Promise.all(places.flatMap(startOthers))
  await each(t, places, 'what is no PostgreSQL gets an answer that says so', strangers)
  await each(t, places, 'silence and half packets end with startupTimeout', silence)
  await each(t, places, 'SSLRequest and GSSENCRequest to servers without either go on in plaintext', plaintext)
  await each(t, places, 'over the limits: refused with the limit', limits)
  await each(t, places, 'a client that leaves while held is forgotten', leaves)
  await each(t, places, 'member keys that cannot be read are left out', members)
  for (const { connectFailures, queryErrors, rows } of others.map(other => other.summary()))
    t.strictSame([connectFailures, queryErrors], [0, 0], `others saw nothing of all this (${rows} answers)`)
  await Promise.all(others.map(other => other.stop()))
}

const startOthers = ({ engine, stand, proxy }: Place) => [
  startWriter(stand, { to: proxy.write, name: `write-${engine}` }),
  startReader(stand, { to: proxy.read, name: `read-${engine}` }),
]

const uint32 = (...numbers: readonly number[]) => {
  const bytes = Buffer.alloc(4 * numbers.length)
  for (const [i, number] of numbers.entries()) bytes.writeUInt32BE(number, 4 * i)
  return bytes
}

const startup = startupMessage(new Map([['user', 'app']]))

const STRANGERS: readonly (readonly [name: string, bytes: Uint8Array | string, answer: RegExp])[] = [
  ['HTTP', 'GET / HTTP/1.1\r\nHost: db\r\n\r\n', /this is an HTTP request; this port speaks PostgreSQL/],
  ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n', /this is SSH/],
  ['a PROXY header', 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n', /this is a PROXY protocol header/],
  ['length 0', uint32(0, 0x30000), /startup packet has length 0 .* it must be 8 to 10000/],
  ['length 3', uint32(3), /startup packet has length 3 /],
  ['length 2³²−1', uint32(0xffffffff, 0x30000), /startup packet has length 4294967295 /],
  ['length 10001', uint32(10_001, 0x30000), /startup packet has length 10001 /],
  ['protocol 2.0', uint32(296, 0x20000), /unsupported frontend protocol 2\.0/],
  ['protocol 9.1', uint32(9, 0x90001), /unsupported frontend protocol 9\.1/],
  ['an unknown request', uint32(8, (1234 << 16) | 5999), /unknown request code 1234\.5999/],
  [
    'a packet without its end',
    Buffer.concat([uint32(13, 0x30000), Buffer.from('users')]),
    /not pairs of name and value/,
  ],
]

async function strangers(t: Test, place: Place): Promise<void> {
  const { proxy, sight } = place
  for (const [name, bytes, answer] of STRANGERS) {
    const wire = await openWire(proxy.read, bytes)
    t.equal(await wire.ended(3000), 'end', `${name}: ends in order`)
    t.match(errorFields(wire.received()), { S: 'FATAL', C: '08P01', M: answer })
    wire.close()
  }
  const counted = await sight.metric('mekare_refused_total', { listen: 'read', why: 'refused_startup' })
  t.equal(counted, STRANGERS.length, 'each is counted')
  t.match(sight.lines(/refused .* \(refused_startup\)/), [
    /^read: refused 127\.0\.0\.1:\d+ \(refused_startup\): mekare: /,
  ])
}

async function silence(t: Test, place: Place): Promise<void> {
  const { proxy, sight } = place
  const halves = ['', startup.subarray(0, 3), startup.subarray(0, 9)]
  const wires = await Promise.all(halves.map(half => openWire(proxy.read, half)))
  for (const wire of wires) {
    t.equal(await wire.ended(4000), 'end')
    t.match(errorFields(wire.received()), { C: '08P01', M: 'mekare: no startup packet within 1s (startupTimeout)' })
    t.ok(wire.lasted() > 900 && wire.lasted() < 2500, `after ${Math.round(wire.lasted())} ms`)
    wire.close()
  }
  t.equal(await sight.metric('mekare_refused_total', { listen: 'read', why: 'refused_timeout' }), halves.length)
  for (const half of halves) (await openWire(proxy.read, half)).close()
  await nobodyInStartup(place)
  t.pass('those that leave in the middle are forgotten')
}

async function nobodyInStartup({ sight }: Place): Promise<void> {
  await until(3000, 'somebody is still in startup', async () => {
    const { listeners } = await sight.status()
    return listeners.every(({ sessions }) => sessions.startup + sessions.dialing === 0) || undefined
  })
}

async function plaintext(t: Test, { proxy }: Place): Promise<void> {
  const encrypted = await openWire(proxy.write, uint32(8, (1234 << 16) | 5680))
  t.match((await encrypted.bytes(1)).toString(), /^[GN]$/, 'GSSENCRequest: the answer is the member’s own')
  encrypted.close()
  const wire = await openWire(proxy.write, sslRequest())
  t.equal((await wire.bytes(1)).toString(), 'N', 'SSLRequest: no')
  wire.send(startup)
  t.equal((await wire.bytes(2)).toString('latin1', 0, 2), 'NR', 'then startup on the same link: asked for the password')
  wire.close()
}

async function limits(t: Test, place: Place): Promise<void> {
  const { few, shut, sight } = place
  const wires = await Promise.all(Array.from({ length: 40 }, () => openWire(few, startup)))
  await Promise.all(wires.map(wire => wire.bytes(1)))
  const refused = wires.filter(wire => errorFields(wire.received()))
  t.equal(refused.length, 35, 'five are let in, the others refused')
  t.match(errorFields(refused[0]?.received() ?? Buffer.alloc(0)), {
    C: '53300',
    M: 'mekare: too many clients: listen.few.max is 5',
  })
  t.equal(await sight.metric('mekare_refused_total', { listen: 'few', why: 'refused_limit' }), 35, 'counted')
  t.equal(sight.lines(/^few: refused/).length, 1, 'told once, not 35 times')
  for (const wire of wires) wire.close()
  const encrypted = await until(3000, 'no room again after they left', async () => {
    const wire = await openWire(few, sslRequest())
    const answer = await wire.bytes(1)
    wire.close()
    return answer.toString() === 'N' ? wire : undefined
  })
  t.ok(encrypted, 'once they left there is room again')
  const wrong = await openWire(shut, startup)
  await wrong.ended(3000)
  t.match(errorFields(wrong.received()), { C: '28000', M: 'mekare: 127.0.0.1 is not in listen.shut.allow' })
}

async function leaves(t: Test, place: Place): Promise<void> {
  const { proxy, sight } = place
  const held = async () => (await sight.status()).listeners.find(({ name }) => name === 'read')?.sessions.held
  for (const name of ['pg2', 'pg3']) await sight.order(`drain?member=${name}`)
  const wires = await Promise.all([startup, sslRequest(), startup].map(bytes => openWire(proxy.read, bytes)))
  await until(3000, 'they are not held', async () => (await held()) === 3 || undefined)
  t.equal(await sight.metric('mekare_held_sessions', { listen: 'read' }), 3, 'the gauge shows them')
  wires[0]?.socket.end()
  wires[1]?.socket.resetAndDestroy()
  await until(3000, 'those who left are still held', async () => (await held()) === 1 || undefined)
  t.equal(await sight.metric('mekare_sessions_total', { listen: 'read', end: 'client_left_held' }), 2, 'counted')
  for (const name of ['pg2', 'pg3']) await sight.order(`undrain?member=${name}`)
  t.equal((await wires[2]?.bytes(1))?.toString('latin1', 0, 1), 'R', 'the one who stayed is served')
  wires[2]?.close()
}

async function members(t: Test, { stand, sight }: Place, together: Together): Promise<void> {
  const key = (name: string) => `/service/demo/members/${name}`
  const before = (await sight.status()).clusters[0]?.members.length
  await together(async () => {
    await stand.etcdctl('put', key('odd'), 'this is { no JSON')
    await stand.etcdctl('put', key('bare'), '{"role":"replica","state":"running"}')
    // Another cluster, whose scope begins with the same letters.
    await stand.etcdctl('put', '/service/demo2/leader', 'pg9')
    await stand.etcdctl('put', '/service/demo2/members/pg9', '{"conn_url":"postgres://127.0.0.1:1/postgres"}')
  })
  await until(5000, 'no problem is shown', async () => (await problems(sight)).length === 2 || undefined)
  t.match(await problems(sight), [/members\/bare.*conn_url/, /members\/odd.*JSON/])
  t.match(sight.lines(/^demo: problem in the topology/), [/: members\/odd/, /: members\/bare/], 'a line each')
  t.equal((await sight.status()).clusters[0]?.members.length, before, 'the others stand, and no other cluster’s came')
  t.match((await sight.cli('status')).stdout, /problem .*odd/, 'status shows it to a person')
  await together(async () => {
    for (const name of ['odd', 'bare']) await stand.etcdctl('del', key(name))
  })
  await until(5000, 'the problems stay', async () => (await problems(sight)).length === 0 || undefined)
}

const problems = async (sight: Sight) =>
  (await sight.status()).clusters.flatMap(cluster => [...cluster.problems]).sort()

async function leaderGhost(t: Test, { stand, sight, proxy }: Place, together: Together): Promise<void> {
  const before = await openWire(proxy.write, startup)
  await before.bytes(1)
  await together(async () => {
    for (const name of stand.members) stand.freeze(name, 'patroni')
    await stand.etcdctl('put', '--ignore-lease', '/service/demo/leader', 'ghost')
  })
  await sight.verdict('write', 'pg1', /^not usable/)
  t.match(await sight.explain('write', 'pg1'), /^pg1: not usable: the gate is closed: .*ghost/)
  t.match(await problems(sight), [/leader: names "ghost", but there is no such member/])
  t.comment(await sight.explain('write', 'pg1'))
  t.not(await before.ended(2000), 'still open', 'a writer is cut: pg1 is not the leader any more')
  const wire = await openWire(proxy.write, startup)
  t.equal((await wire.bytes(1, 500)).length, 0, 'a new writer is held')
  const reader = await openWire(proxy.read, startup)
  t.equal((await reader.bytes(1)).toString('latin1', 0, 1), 'R', 'readers are served')
  await together(() => stand.etcdctl('put', '--ignore-lease', '/service/demo/leader', 'pg1'))
  t.equal((await wire.bytes(1, 5000)).toString('latin1', 0, 1), 'R', 'and joined once the key is right again')
  await together(async () => {
    for (const name of stand.members) stand.thaw(name, 'patroni')
  })
  for (const each of [wire, reader]) each.close()
}

/** What an operator may get wrong, whatever the engine. */
async function operators(t: Test, stand: Stand): Promise<void> {
  const attempt = async (cluster: Record<string, unknown>, line: RegExp) => {
    // Its log would still hold what the one before it said.
    rmSync(join(stand.dir, 'proxy2', 'mekare.log'), { force: true })
    const proxy = await stand.proxy('proxy2', { config: { clusters: { demo: cluster } }, waitReady: false })
    const sight = see(stand, proxy)
    const found = await sight.line(line, 30_000).finally(() => proxy.stop())
    t.comment(found)
    return found
  }
  const wrongFile = join(stand.dir, 'client', 'wrong.password')
  writeFileSync(wrongFile, 'not-it\n', { mode: 0o600 })
  await t.test('etcd that cannot be asked, or holds another cluster', async t => {
    await attempt({ scope: 'demmo' }, /no key below \/service\/demmo\/; scopes that exist: demo, demo2; set scope/)
    t.pass('a wrong scope is told, with those there are')
    await attempt({ namespace: '/servise/' }, /no key below \/servise\/demo\/, nor any scope below \/servise\/: check/)
    t.pass('a wrong namespace is told')
    const password = { passwordFile: wrongFile }
    const said = await attempt({ etcd: password }, /silent.*wrong user name or password for user "root"/)
    t.notMatch(said, /not-it/, 'a wrong password is told, and not shown')
    await attempt({ etcd: { username: undefined, passwordFile: undefined } }, /silent.*user name.*etcd\.username/)
    t.pass('a missing user name is told')
    const https = stand.etcd.urls.map(url => url.replace('http:', 'https:'))
    await attempt({ etcd: { hosts: https } }, /silent.*(speaks none|TLS).*write http:/)
    t.pass('TLS to a plain etcd is told')
  })
  await t.test('five mistakes are five lines and exit code 78', t => mistakes(t, stand))
}

async function mistakes(t: Test, stand: Stand): Promise<void> {
  const file = join(stand.dir, 'client', 'wrong.yaml')
  const lines = [
    'clusters: { demo: { sorce: etcd, etcd: { hosts: [http://127.0.0.1:2379] }, probe: { interval: soon } } }',
    'listen: { write: { address: nowhere, maxHeld: -1 }, read: { role: master } }',
  ]
  writeFileSync(file, lines.join('\n'))
  const { code, stdout, stderr } = await stand.clientExec([process.execPath, PROGRAM, 'run', '--config', file])
  t.equal(code, 78)
  t.equal(stdout, '')
  t.comment(stderr)
  for (const path of ['sorce', 'probe.interval', 'write.address', 'write.maxHeld', 'read.role']) {
    t.match(stderr, path, `${path} is told`)
  }
}

/** Passes connections on to a member, but once told to, leaves those of `app` without an answer. */
async function moody(
  host: string,
  to: { host: string; port: number },
): Promise<{ server: Server; port: number; sulk(): void }> {
  let sulking = false
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', first => {
      if (sulking && first.includes('app\0')) return
      const link = dial(to, () => link.write(first))
      link.on('error', () => socket.destroy())
      socket.pipe(link).pipe(socket)
    })
  })
  server.on('close', () => {
    for (const socket of sockets) socket.destroy()
  })
  await new Promise<void>(resolve => server.listen(0, host, resolve))
  const address = server.address()
  const sulk = () => {
    sulking = true
  }
  return { server, port: typeof address === 'object' && address ? address.port : 0, sulk }
}

async function mute(t: Test, { stand, host: at, env }: Place): Promise<void> {
  const member = await moody('127.0.0.1', { host: stand.address('pg2'), port: stand.ports.postgres })
  t.teardown(() => member.server.close())
  const others = ['pg1', 'pg3'].map(name => `${stand.address(name)}:${stand.ports.postgres}`)
  const fixed = { source: 'static', static: { members: [`127.0.0.1:${member.port}`, ...others] } }
  const proxy = await stand.proxy(at, {
    env,
    config: {
      clusters: { demo: { ...fixed, probe: { sslmode: 'disable' } } },
      listen: { read: { connectTimeout: '500ms' } },
    },
  })
  const sight = see(stand, proxy)
  await sight.verdict('read', `127.0.0.1:${member.port}`, /^usable/)
  member.sulk()
  const [host = '', port] = proxy.read.split(':')
  const to = { host, port: Number(port), user: 'app', password: PASSWORDS.app, database: 'app' }
  const clients = Array.from({ length: 8 }, () => new pg.Client(to))
  const begun = now()
  await t.resolves(Promise.all(clients.map(client => client.connect())), 'all are served')
  t.ok(now() - begun < 4000, `within ${Math.round(now() - begun)} ms`)
  const line = await sight.line(/a dial from read failed: .*accepted the connection but gave no answer within 500ms/)
  t.comment(line)
  await Promise.all(clients.map(client => client.end()))
  t.equal(await proxy.stop(), 0)
}
