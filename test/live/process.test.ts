// The life of the process: ready, watched, drained, ended at once, and as many descriptors after a storm as before it. On
// both relay engines.

import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { cancelRequest, sslRequest, startupMessage } from '../../src/protocol/write.js'
import { until } from '../lab/cluster.js'
import { ENGINES, type Engine, each } from '../lab/engines.js'
import { now } from '../lab/journal.js'
import { onStand, SMALL } from '../lab/onstand.js'
import { PASSWORDS } from '../lab/options.js'
import type { ProxyProcess } from '../lab/proxy.js'
import { openSession } from '../lab/session.js'
import { PROGRAM, type Sight, see } from '../lab/sight.js'
import type { Stand } from '../lab/stand.js'
import { errorFields, openWire } from '../lab/wire.js'

t.setTimeout(300_000)

t.test('the life of the process', t =>
  onStand(t, { ...SMALL, proxies: 2 }, async stand => {
    const seats = ENGINES.map(engine => ({ ...engine, stand }))
    await each(t, seats, 'descriptors are given back after a storm', storm)
    await each(
      t,
      seats,
      'every byte of a session is counted, its startup too; SIGHUP reloads and ends nothing',
      counted,
    )
    await each(t, seats, 'a session that asks for nothing ends after idleTimeout, one that asks stays', idles)
    await each(t, seats, 'SIGTERM drains: sessions may end by themselves, nobody new comes', drains)
    await each(t, seats, 'after drainTimeout the sessions left are cut', cutAtLast)
    await each(t, seats, 'a second SIGTERM ends at once, whatever state sessions are in', atOnce)
    await each(t, seats, 'after SIGKILL it starts again where a Unix socket was left behind', killed)
    await each(t, seats.slice(0, 1), 'systemd hears READY, WATCHDOG and STOPPING', systemd)
  }),
)

/** Where a proxy of one engine is started anew for each part. */
interface Seat extends Engine {
  readonly stand: Stand
}

type Tree = Readonly<Record<string, unknown>>

interface Place {
  readonly proxy: ProxyProcess
  readonly sight: Sight
}

/** A proxy with these session limits and a listener for nobody: `read`, of a cluster without replica. */
async function start(
  { stand, host, env }: Seat,
  session: Tree = {},
  { listen = {}, more = {} }: { readonly listen?: Tree; readonly more?: Readonly<Record<string, string>> } = {},
): Promise<Place> {
  const proxy = await stand.proxy(host, { config: { session, listen }, waitReady: false, env: { ...env, ...more } })
  const sight = see(stand, proxy)
  await sight.gateOpens()
  return { proxy, sight }
}

const startup = startupMessage(new Map([['user', 'app']]))

async function storm(t: Test, seat: Seat): Promise<void> {
  const { stand } = seat
  const { proxy, sight } = await start(seat)
  const kinds = [startup, sslRequest(), 'GET / HTTP/1.0\r\n\r\n', '', cancelRequest(7, new Uint8Array(4))] as const
  const before = await sight.descriptorsAtRest()
  const begun = now()
  for (let round = 0; round < 10; round++) {
    const wires = await Promise.all(
      Array.from({ length: 50 }, (_, i) => openWire(proxy.write, kinds[i % kinds.length])),
    )
    if (round % 2 === 0) await Promise.all(wires.map((wire, i) => wire.bytes(i % 5 < 3 ? 1 : 0)))
    for (const [i, wire] of wires.entries()) {
      if (i % 3 === 0) wire.socket.resetAndDestroy()
      else wire.close()
    }
  }
  t.comment(`500 connects in ${Math.round(now() - begun)} ms; descriptors before: ${before}`)
  await until(10_000, 'descriptors are not given back', async () => sight.descriptors() <= before || undefined)
  t.ok(sight.descriptors() <= before, `after: ${sight.descriptors()}`)
  const { listeners } = await sight.status()
  t.strictSame(
    listeners.map(({ sessions }) => sessions),
    listeners.map(() => ({ startup: 0, held: 0, dialing: 0, joined: 0 })),
    'no session is left',
  )
  await until(5000, 'sessions are left at the member', async () => {
    const [row] = await stand.sql('pg1', "select count(*)::int as n from pg_stat_activity where usename = 'app'")
    return row?.n === 0 || undefined
  })
  t.pass('nor any at the member')
  t.equal(sight.lines(/a bug in mekare/).length, 0, 'no bug was met')
  t.equal(await proxy.stop(), 0)
}

async function counted(t: Test, seat: Seat): Promise<void> {
  const { proxy, sight } = await start(seat)
  const bytes = (direction: string) => sight.metric('mekare_bytes_total', { listen: 'write', direction })
  const query = Buffer.from('Q\0\0\0\x0dselect 1\0', 'latin1')
  const who = startupMessage(
    new Map([
      ['user', 'cert_app'],
      ['database', 'app'],
    ]),
  )
  const wire = await openWire(proxy.write, sslRequest())
  await wire.bytes(1)
  wire.send(who)
  await until(5000, 'no ReadyForQuery', async () => wire.received().includes('Z\0\0\0\x05I') || undefined)
  t.equal(await bytes('up'), sslRequest().length + who.length, 'up, while it is open')
  const before = wire.received().length
  wire.send(query)
  await until(5000, 'no answer', async () => wire.received().length > before + 30 || undefined)
  wire.close()
  await sight.line(/ended after .* \(client/)
  proxy.child.kill('SIGHUP')
  await sight.line(/^reloaded: nothing has changed/)
  t.equal(await bytes('up'), sslRequest().length + who.length + query.length, 'up')
  t.equal(await bytes('down'), wire.received().length, 'down')
  t.equal(await proxy.stop(), 0)
}

async function idles(t: Test, seat: Seat): Promise<void> {
  const { proxy, sight } = await start(seat, { idleTimeout: '2s' })
  const [idle, busy] = [await openSession(proxy.write), await openSession(proxy.write)]
  const begun = now()
  await until(10_000, 'the idle session was not cut', async () => {
    await busy.one()
    return idle.ended()
  })
  t.ok(now() - begun > 1900, `it ended after ${Math.round(now() - begun)} ms`)
  t.equal(await busy.one(), 1, 'the other goes on')
  t.equal(await sight.metric('mekare_sessions_total', { end: 'idle_timeout' }), 1)
  await busy.end()
  t.equal(await proxy.stop(), 0)
}

async function drains(t: Test, seat: Seat): Promise<void> {
  const { proxy, sight } = await start(seat, { drainTimeout: '20s' })
  const stays = await openSession(proxy.write)
  const held = await openWire(proxy.read, startup)
  await until(3000, 'nobody is held', async () => (await sight.metric('mekare_held_sessions')) === 1 || undefined)
  proxy.child.kill('SIGTERM')
  await held.ended(3000)
  t.match(
    errorFields(held.received()),
    { S: 'FATAL', C: '57P01', M: 'mekare: the proxy is stopping' },
    'who waits is told',
  )
  t.equal((await proxy.get('/readyz')).status, 503, '/readyz says no')
  t.equal((await sight.status()).stopping, true)
  await t.rejects(openWire(proxy.write), { code: 'ECONNREFUSED' }, 'nobody new gets in')
  t.strictSame((await stays.client.query('select 1 as one')).rows, [{ one: 1 }], 'a session goes on')
  await sleep(300)
  t.equal(proxy.child.exitCode, null, 'and is waited for')
  const begun = now()
  const ended = once(proxy.child, 'exit')
  await stays.client.end()
  t.equal((await ended)[0], 0, 'when it has ended the process ends, with 0')
  t.ok(now() - begun < 2000, `within ${Math.round(now() - begun)} ms`)
  t.notOk(existsSync(proxy.socket), 'the control socket is gone')
  t.match(sight.lines(/^(stopping|stopped)/).slice(-2), [/^stopping \(SIGTERM; sessions have 20s to end\)/, /^stopped/])
}

async function cutAtLast(t: Test, seat: Seat): Promise<void> {
  const { proxy } = await start(seat, { drainTimeout: '1s' })
  const stays = await openSession(proxy.write)
  const begun = now()
  t.equal(await proxy.stop(), 0)
  t.ok(now() - begun > 900 && now() - begun < 4000, `ended after ${Math.round(now() - begun)} ms`)
  await until(2000, 'its session was not cut', async () => stays.ended())
  t.match(stays.ended(), /terminated|ECONNRESET/, 'the client notices')
}

async function atOnce(t: Test, seat: Seat): Promise<void> {
  const { proxy, sight } = await start(seat)
  const stays = await openSession(proxy.write)
  // One in the middle of its password, one that has said nothing, one refused that does not go.
  const wires = await Promise.all([startup, '', 'GET / HTTP/1.0\r\n\r\n'].map(bytes => openWire(proxy.write, bytes)))
  await wires[0]?.bytes(1)
  await wires[2]?.bytes(1)
  proxy.child.kill('SIGTERM')
  await sleep(300)
  t.equal(proxy.child.exitCode, null, 'the first drains')
  const begun = now()
  const ended = once(proxy.child, 'exit')
  proxy.child.kill('SIGTERM')
  const code = await Promise.race([ended.then(([code]) => code), sleep(8000, 'still running')])
  t.equal(code, 0, 'the second ends')
  t.ok(now() - begun < 1500, `within ${Math.round(now() - begun)} ms`)
  await until(2000, 'its session was not cut', async () => stays.ended())
  t.match(sight.lines(/SIGTERM again/).at(-1), /ending now, \d sessions? cut/)
  if (code === 'still running') await proxy.stop('SIGKILL')
  for (const wire of wires) wire.close()
}

async function killed(t: Test, seat: Seat): Promise<void> {
  const { stand } = seat
  const dir = join(stand.dir, seat.host)
  const path = join(dir, '.s.PGSQL.5000')
  const listen = { unix: { address: path, cluster: 'demo', role: 'primary' } }
  const first = await start(seat, {}, { listen })
  await first.proxy.stop('SIGKILL')
  t.ok(existsSync(path), 'its socket is left')
  const { proxy } = await start(seat, {}, { listen })
  const at = `host=${dir} port=5000 user=app dbname=app`
  const { stdout, stderr } = await stand.clientExec([join(stand.programs.postgres, 'psql'), '-XAtc', 'select 1', at], {
    PGPASSWORD: PASSWORDS.app,
  })
  t.equal(stdout, '1\n', stderr)
  const second = await stand.clientExec([process.execPath, PROGRAM, 'run', '--config', proxy.configFile])
  t.equal(second.code, 78, 'a second process on the same addresses does not start')
  const lines = second.stderr.trim().split('\n')
  t.comment(second.stderr)
  t.ok(
    lines.length >= 4 && lines.every(line => /^mekare: (listen|admin)\.\S+: .*(EADDRINUSE|in use)/.test(line)),
    'and names each address that is taken, with the remedy',
  )
  t.ok(existsSync(path), 'it leaves the socket of the first alone')
  t.equal(await proxy.stop(), 0)
  t.notOk(existsSync(path), 'a clean end takes the socket away')
}

const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True: print(repr(s.recv(4096).decode()), flush=True)`

async function systemd(t: Test, seat: Seat): Promise<void> {
  const { stand } = seat
  const socket = join(stand.dir, 'client', 'notify.sock')
  const receiver = stand.spawn('client', 'notify', [stand.programs.python, '-c', RECEIVER, socket])
  await until(5000, 'the receiver does not listen', async () => existsSync(socket) || undefined)
  const { proxy } = await start(seat, {}, { more: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '600000' } })
  const heard = () =>
    readFileSync(join(stand.dir, 'client', 'notify.log'), 'utf8')
      .trim()
      .split('\n')
  await until(
    5000,
    'no sign of life',
    async () => heard().filter(line => line === "'WATCHDOG=1'").length > 2 || undefined,
  )
  t.equal(heard()[0], `'READY=1\\nMAINPID=${proxy.child.pid}'`, 'ready')
  t.equal(await proxy.stop(), 0)
  t.ok(heard().includes("'STOPPING=1'"), 'stopping')
  receiver.kill()
}
