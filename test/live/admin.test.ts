// The admin address and the control socket over real sockets, and the command line against them. What they ask is faked.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startControl } from '../../src/admin/control.js'
import type { AdminDeps, AdminServer, Started } from '../../src/admin/deps.js'
import { createFeeds } from '../../src/admin/feed.js'
import { startAdmin } from '../../src/admin/server.js'
import { cli } from '../../src/cli/cli.js'
import type { CliDeps } from '../../src/cli/deps.js'
import { describe } from '../../src/events/describe.js'
import type { Event } from '../../src/events/event.js'
import { noHistory } from '../../src/history/history.js'
import type { Incident } from '../../src/incidents/incident.js'
import { createBind } from '../../src/listening/bind.js'
import { NOTHING } from '../../src/listening/inherited.js'
import { epochMs, ms } from '../../src/units/units.js'
import { status as anyStatus, listener } from '../unit/status-words.js'

const bind = createBind(NOTHING)

const status = anyStatus({
  name: 'gate<1>',
  up: ms(1000),
  listeners: [listener('read', { ready: false, why: 'no replica qualifies' })],
})

/** A leader change that is over. */
const switched = (from: string, to: string): Incident => ({
  number: 1,
  cluster: 'demo',
  startedAt: epochMs(1_800_000_000_000),
  cause: 'switchover',
  sign: `failover key: ${from} → ${to}`,
  ...{ from, to, held: 4, cut: 0, refused: 0, waited: true },
  moments: {
    first_sign: ms(0),
    gate_closed: ms(1),
    sessions_lost: ms(200),
    key_moved: ms(1300),
    last_no: ms(1390),
    confirmed: ms(1400),
    first_write: ms(1405),
  },
  lasted: ms(1405),
})

function fakes() {
  const feeds = createFeeds(() => epochMs(7))
  const drained: string[] = []
  const world = { status, incidents: [] as Incident[] }
  const deps: AdminDeps = {
    status: () => world.status,
    explain: listen => (listen === 'read' ? ['pg1: not usable: the primary', 'pg2: streaming\u001b[2J'] : undefined),
    sessions: () => [],
    incidents: () => world.incidents,
    history: () => noHistory,
    drain(member, on) {
      if (member !== 'pg 3' && member !== 'self') return { ok: false, why: `no member is named ${member}` }
      drained.push(`${member} ${on}`)
      return { ok: true, said: `${member}: ${on ? 'drained' : 'undrained'}` }
    },
    planSwitchover: ({ cluster = 'demo', to = 'pg2' }) =>
      to === 'pg9'
        ? { ok: false, why: `${cluster}: no member is named pg9` }
        : { cluster, from: 'pg1', to, why: 'streaming, 0B behind', sessions: 3, holds: ['write 45s'], incident: 0 },
    async switchover({ from, to }) {
      if (to === 'pg3') return { ok: false, why: 'demo: Patroni refused: no good candidates' }
      world.incidents = [switched(from ?? '', to ?? '')]
      return { ok: true, said: `Patroni: Successfully switched over to "${to}"` }
    },
    cutSession: id =>
      id === 7 ? { ok: true, said: 'session 7 is cut' } : { ok: false, why: `no session ${id} is open` },
    restart: async () => ({ ok: true, said: 'process 2 has taken the place of 1' }),
    pause: (listen, on) => ({ ok: true, said: `${listen} ${on}` }),
    reload: async () => ({ ok: false, why: 'nothing is changed:\nlog.level: wrong', blame: 'config' }),
    metrics: async () => '# metrics\n',
    ready: listen => (listen === 'write' ? { ok: true, why: 'pg1' } : { ok: false, why: 'read: no replica qualifies' }),
    feeds,
  }
  const tell = (event: Event) => feeds.push(describe(event), { event, suppressed: 0 })
  return { deps, tell, drained, world }
}

function started(outcome: Started): AdminServer {
  if (!outcome.ok) throw new Error(outcome.why)
  return outcome.server
}

/** Why it did not start; ends the test's hope if it did. */
async function hindered(outcome: Started): Promise<string> {
  if (!outcome.ok) return outcome.why
  await outcome.server.stop()
  return 'it started'
}

async function admin(t: Test) {
  const world = fakes()
  const server = started(
    await startAdmin({ kind: 'tcp', host: '127.0.0.1', port: 0 }, world.deps, nothingToReport, bind),
  )
  t.teardown(server.stop)
  return { ...world, server, port: Number(server.listening.bound.split(':')[1]) }
}

function nothingToReport(event: Event): never {
  throw new Error(`nobody expected ${event.kind}`)
}

function directory(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'mekare-admin-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

async function control(t: Test) {
  const world = fakes()
  const path = join(directory(t), 'control.sock')
  const server = started(await startControl(path, world.deps, bind))
  t.teardown(server.stop)
  return { ...world, path, server }
}

interface Got {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

type Where = { readonly port: number } | { readonly socketPath: string }

function get(where: Where, path: string, method = 'GET', body?: string): Promise<Got> {
  return new Promise((resolve, reject) => {
    const sent = request({ ...where, path, method, agent: false }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', part => {
        text += part
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Sends bytes as they are and gives all that comes back. */
function raw(port: number, text: string): Promise<string> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    let got = ''
    socket.on('data', part => {
      got += part
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(got))
  })
}

t.test('the admin address answers each path, reads only, and names no session', async t => {
  const where = await admin(t)
  t.match(await get(where, '/'), { status: 200, headers: { 'content-security-policy': /^default-src 'none'; script/ } })
  t.match(await get(where, '/metrics'), {
    status: 200,
    headers: { 'content-type': /^text\/plain; version=0\.0\.4/ },
    body: '# metrics\n',
  })
  t.match(await get(where, '/healthz'), { status: 200, body: 'ok\n' })
  t.match(await get(where, '/readyz'), { status: 503, body: 'read: no replica qualifies\n' })
  t.match(await get(where, '/readyz?listener=write'), { status: 200, body: 'pg1\n' })
  t.strictSame(JSON.parse((await get(where, '/status')).body), status)
  t.strictSame(JSON.parse((await get(where, '/incidents')).body), [])
  t.strictSame(JSON.parse((await get(where, '/history')).body), noHistory)
  for (const path of ['/sessions', '/explain?listener=read', '/drain', '/nothing', '/../etc/passwd']) {
    t.equal((await get(where, path)).status, 404, path)
  }
  t.equal((await get(where, '/drain?member=self', 'POST')).status, 404)
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    t.match(await get(where, '/status', method), { status: 405, headers: { allow: 'GET, HEAD' } }, method)
  }
  const [whole, head] = [await get(where, '/status'), await get(where, '/status', 'HEAD')]
  t.match(head, { status: 200, headers: { 'content-length': whole.headers['content-length'] }, body: '' })
  t.match(await get(where, '/readyz', 'HEAD'), { status: 503, body: '' })
  t.match(await get(where, '/events', 'HEAD'), {
    status: 200,
    headers: { 'content-type': 'text/event-stream' },
    body: '',
  })
  t.strictSame(where.drained, [])
})

t.test('the control socket explains, lists and drains', async t => {
  const { path, drained } = await control(t)
  const where = { socketPath: path }
  t.match(await get(where, '/explain?listener=read'), { status: 200, body: /^pg1: not usable: the primary\npg2/ })
  t.match(await get(where, '/explain?listener=x'), { status: 404, body: 'no listener is named "x"; there are: read\n' })
  t.equal((await get(where, '/explain')).status, 400)
  t.match(await get(where, '/sessions'), { status: 200, body: '[]\n' })
  t.match(await get(where, '/incidents'), { status: 200, body: '[]\n' })
  t.equal((await get(where, '/status')).status, 200)
  t.equal((await get(where, '/drain?member=pg%203')).status, 405, 'a GET changes nothing')
  t.strictSame(drained, [])
  t.match(await get(where, '/drain?member=pg%203', 'POST'), { status: 200, body: 'pg 3: drained\n' })
  t.match(await get(where, '/undrain?member=pg%203', 'POST'), { status: 200, body: 'pg 3: undrained\n' })
  t.match(await get(where, '/drain?member=pg9', 'POST'), { status: 409, body: 'no member is named pg9\n' })
  t.equal((await get(where, '/drain', 'POST')).status, 400)
  t.strictSame(drained, ['pg 3 true', 'pg 3 false'])
})

t.test('bad requests are answered and harm nobody', async t => {
  const where = await admin(t)
  t.match(await raw(where.port, 'what is this\r\n\r\n'), /^HTTP\/1\.1 400 /)
  t.match(await raw(where.port, `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /)
  t.match(await raw(where.port, 'GET /status HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n'), /^HTTP\/1\.1 413 /)
  t.match(await raw(where.port, 'GET * HTTP/1.1\r\nhost: x\r\n\r\n'), /^HTTP\/1\.1 400 /)
  t.equal((await get(where, `/${'x'.repeat(3000)}`)).status, 414)
  t.equal((await get(where, '/healthz')).status, 200)
})

t.test('a request that never ends and a connection that says nothing are closed', async t => {
  const where = await admin(t)
  const before = Date.now()
  const [half] = await Promise.all([raw(where.port, 'GET / HT'), raw(where.port, '')])
  t.match(half, /^HTTP\/1\.1 408 /)
  t.ok(Date.now() - before < 8000)
})

t.test('a route that fails is a 500 with the reason, and the server goes on', async t => {
  const { deps } = fakes()
  const broken = { ...deps, metrics: () => Promise.reject(new Error('no registry')) }
  const server = started(await startAdmin({ kind: 'tcp', host: '127.0.0.1', port: 0 }, broken, nothingToReport, bind))
  t.teardown(server.stop)
  const where = { port: Number(server.listening.bound.split(':')[1]) }
  t.match(await get(where, '/metrics'), { status: 500, body: /this is a bug of mekare, please report it: no registry/ })
  t.equal((await get(where, '/healthz')).status, 200)
})

/** Opens an event stream; resolves once its headers and first bytes are there. */
function stream(where: Where, path = '/events') {
  return new Promise<Stream>((resolve, reject) => {
    const sent = request({ ...where, path, agent: false }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', part => {
        text += part
      })
      response.on('error', () => {})
      const until = async (what: RegExp) => {
        if (!(await retry(async () => what.test(text), 150))) throw new Error(`${what} did not come, but ${text}`)
      }
      const ready = { status: response.statusCode ?? 0, text: () => text, socket: response.socket, until }
      response.once('data', () => resolve(ready))
    })
    sent.on('error', reject)
    sent.end()
  })
}

interface Stream {
  readonly status: number
  readonly text: () => string
  readonly socket: Socket
  readonly until: (what: RegExp) => Promise<void>
}

const warned = (what: string): Event => ({ kind: 'warned', what })

t.test('events: the backlog, then each line as it comes; the hundred and first reader is turned away', async t => {
  const { port, tell } = await admin(t)
  tell(warned('before'))
  const first = await stream({ port })
  tell(warned('after'))
  await first.until(/after/)
  const lines = first.text().matchAll(/^id: (.+)\ndata: (.+)\n\n/gm)
  const seen = [...lines].map(([, id, data = '']) => ({ id, line: JSON.parse(data) }))
  t.match(
    seen.map(({ line }) => line),
    ['before', 'after'].map(message => ({ at: 7, level: 'warn', message, fields: { event: 'warned' } })),
  )
  t.strictSame(
    seen.map(({ line }) => line.id),
    seen.map(({ id }) => id),
  )
  t.not(seen[0]?.id, seen[1]?.id)
  t.equal(first.text().match(/^event:/gm), null, 'nothing but lines, unless asked for')
  const readers = await Promise.all(Array.from({ length: 99 }, () => stream({ port })))
  t.ok(readers.every(r => r.status === 200))
  const refused = await stream({ port })
  t.match(
    [refused.status, refused.text()],
    [503, /^100 event streams are open.*close one, or read \/status instead\n$/],
  )
  t.equal((await get({ port }, '/healthz')).status, 200)
  first.socket.destroy()
  const again = await retry(async () => (await stream({ port })).status === 200)
  t.ok(again, 'a place that became free is taken')
})

const frames = (text: string, name: string) =>
  [...text.matchAll(new RegExp(`^event: ${name}\\ndata: (.+)$`, 'gm'))].map(([, data = '']) => JSON.parse(data))

t.test(
  'a reader who asks for it gets the status document too: at once, each second, and when something happens',
  async t => {
    const { port, tell, world } = await admin(t)
    const reader = await stream({ port }, '/events?status')
    await reader.until(/^event: incidents/m)
    t.strictSame(frames(reader.text(), 'status'), [status])
    t.strictSame(frames(reader.text(), 'incidents'), [[]])
    world.status = { ...status, stopping: true }
    const begun = Date.now()
    tell(warned('something'))
    await reader.until(/"stopping":true/)
    t.ok(Date.now() - begun < 800, `after ${Date.now() - begun} ms`)
    await reader.until(/(event: status[\s\S]*){3}/)
    t.equal(frames(reader.text(), 'incidents').length, 1, 'incidents only when they have changed')
    world.incidents.push(incident)
    await reader.until(/"number":7/)
  },
)

const incident: Incident = {
  number: 7,
  cluster: 'demo',
  startedAt: epochMs(7),
  cause: 'switchover',
  sign: '',
  moments: {},
  held: 0,
  cut: 0,
  refused: 0,
}

t.test('a status document that cannot be made ends neither the router nor the stream', async t => {
  const broken: AdminDeps = {
    ...fakes().deps,
    status: () => {
      throw new Error('a\nbug')
    },
  }
  const server = started(await startAdmin({ kind: 'tcp', host: '127.0.0.1', port: 0 }, broken, nothingToReport, bind))
  t.teardown(server.stop)
  const port = Number(server.listening.bound.split(':')[1])
  const reader = await stream({ port }, '/events?status')
  await reader.until(/^: no status: a bug\n\nevent: incidents/m)
  t.match(await get({ port }, '/status'), { status: 500, body: /a\nbug/ })
})

t.test('the admin address names no client; the control socket does', async t => {
  const world = fakes()
  const where = directory(t)
  const open = started(await startAdmin({ kind: 'tcp', host: '127.0.0.1', port: 0 }, world.deps, nothingToReport, bind))
  const owned = started(await startControl(join(where, 'control.sock'), world.deps, bind))
  t.teardown(() => Promise.all([open.stop(), owned.stop()]))
  const message = 'mekare: 10.9.8.7 is not in listen.write.allow'
  world.tell({ kind: 'session_refused', listen: 'write', client: '10.9.8.7:4711', end: 'refused_address', message })
  const anybody = await stream({ port: Number(open.listening.bound.split(':')[1]) })
  const owner = await stream({ socketPath: join(where, 'control.sock') })
  t.match(owner.text(), /refused 10\.9\.8\.7:4711 .*10\.9\.8\.7 is not in/)
  t.match(anybody.text(), /refused a client \(refused_address\): mekare: a client is not in listen\.write\.allow/)
  t.notMatch(anybody.text(), /10\.9\.8\.7|4711/)
})

t.test('a reader that does not read is ended, the others go on', async t => {
  const { port, tell } = await admin(t)
  const deaf = connect(port, '127.0.0.1', () => deaf.write('GET /events HTTP/1.1\r\nhost: x\r\n\r\n'))
  const gone = new Promise<void>(resolve => deaf.on('error', () => {}).on('close', () => resolve()))
  await new Promise<void>(resolve => deaf.once('readable', () => resolve()))
  for (let i = 0; i < 300; i++) {
    tell(warned('x'.repeat(100_000)))
    await new Promise(setImmediate)
  }
  deaf.resume()
  await gone
  t.equal((await get({ port }, '/healthz')).status, 200)
})

async function retry(attempt: () => Promise<boolean>, times = 50): Promise<boolean> {
  for (let i = 0; i < times; i++) {
    if (await attempt()) return true
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  return false
}

t.test('a taken port is said with the remedy', async t => {
  const { deps } = fakes()
  const other = createServer()
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  t.equal(
    await hindered(await startAdmin({ kind: 'tcp', host: '127.0.0.1', port }, deps, nothingToReport, bind)),
    `admin.address: 127.0.0.1:${port} is taken (EADDRINUSE); stop the other process or choose another`,
  )
  t.match(
    await hindered(await startAdmin({ kind: 'tcp', host: '192.0.2.1', port: 0 }, deps, nothingToReport, bind)),
    /^admin\.address: 192\.0\.2\.1:0 is not an address of this machine \(EADDRNOTAVAIL\); choose one of/,
  )
})

t.test('an address that is not loopback is warned of, with what it shows', async t => {
  const { deps } = fakes()
  const events: Event[] = []
  const server = started(await startAdmin({ kind: 'tcp', host: '0.0.0.0', port: 0 }, deps, e => events.push(e), bind))
  await server.stop()
  t.match(events, [
    {
      kind: 'warned',
      what: /^admin\.address: 0\.0\.0\.0:\d+ is not loopback: whoever reaches it reads.*events \(no client addresses\)/,
    },
  ])
  t.equal(events.length, 1)
})

t.test('the control socket has mode 0600 whatever the umask, and goes at the stop', async t => {
  const path = join(directory(t), 'sub', 'control.sock')
  const before = process.umask(0)
  t.teardown(() => process.umask(before))
  const server = started(await startControl(path, fakes().deps, bind))
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(statSync(join(path, '..')).mode & 0o777, 0o755)
  t.equal(process.umask(), 0, 'the umask is as it was')
  await server.stop()
  t.notOk(existsSync(path))
})

t.test('the file has its mode at the moment it is there, before anybody could connect', async t => {
  const where = directory(t)
  const path = join(where, 'control.sock')
  const before = process.umask(0)
  t.teardown(() => process.umask(before))
  const modes = new Set<number>()
  const server = createServer()
  const listen = server.listen.bind(server)
  const watched = (how: { path: string }, done: () => void) => {
    listen(how, done)
    modes.add(statSync(how.path).mode & 0o777)
    return server
  }
  const bound = await bind(Object.assign(server, { listen: watched }), {
    key: 'admin.socket',
    address: { kind: 'unix', path },
    mode: 0o600,
  })
  t.ok(bound.ok)
  modes.add(statSync(path).mode & 0o777)
  t.strictSame([...modes], [0o600])
  t.strictSame(readdirSync(where), ['control.sock'], 'and no other name of it is left')
  if (bound.ok) bound.listening.close()
  t.strictSame(readdirSync(where), [])
})

t.test('the socket of a dead process is replaced, that of a live one is not', async t => {
  const path = join(directory(t), 'control.sock')
  const leave = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', leave])
  t.ok(existsSync(path), 'it was left behind')
  const first = started(await startControl(path, fakes().deps, bind))
  t.equal(
    await hindered(await startControl(path, fakes().deps, bind)),
    `admin.socket: ${path} is in use by another process (EADDRINUSE); stop that one or choose another path`,
  )
  t.equal((await get({ socketPath: path }, '/healthz')).status, 200, 'the first one still answers')
  await first.stop()
  t.notOk(existsSync(path))
})

t.test('what is not a socket is left alone; a path that cannot be is said', async t => {
  const where = directory(t)
  const file = join(where, 'precious')
  writeFileSync(file, 'data')
  t.match(
    await hindered(await startControl(file, fakes().deps, bind)),
    /is there and is not a socket; it is left alone/,
  )
  t.equal(readFileSync(file, 'utf8'), 'data')
  t.match(
    await hindered(await startControl(join(where, 'a', 'b', 'c.sock'), fakes().deps, bind)),
    /^admin\.socket: the directory .*\/a\/b does not exist, nor does the one above it; make it or choose another path$/,
  )
  t.match(
    await hindered(await startControl(join(where, 'x'.repeat(120)), fakes().deps, bind)),
    /has more than 107 bytes.*choose a shorter one$/,
  )
  t.match(await hindered(await startControl(join(file, 'c.sock'), fakes().deps, bind)), /^admin\.socket: /)
})

async function run(line: readonly string[], confirm?: CliDeps['confirm']) {
  const said = { out: '', err: '' }
  const fail = async () => Promise.reject(new Error('nobody expected this call'))
  const code = await cli(line, {
    version: '0.1.0',
    run: fail,
    check: async options => (options.flags.length === 1 && options.file === 'f.yaml' ? 78 : 1),
    vrrp: fail,
    demo: fail,
    socketOf: async file => `${file}.sock`,
    out: text => {
      said.out += text
    },
    err: text => {
      said.err += text
    },
    env: {},
    ...(confirm && { confirm }),
  })
  return { code, ...said }
}

t.test('the command line asks the control socket, prints, and ends with the right code', async t => {
  const { path, drained } = await control(t)
  const at = ['--socket', path]
  t.match(await run(['status', ...at]), { code: 0, out: /^mekare 0\.1\.0 on gate<1>, up 1s\n/, err: '' })
  t.strictSame(JSON.parse((await run(['status', '--json', ...at])).out), status)
  t.match(await run(['explain', 'read', ...at]), { code: 0, out: 'pg1: not usable: the primary\npg2: streaming?[2J\n' })
  t.match(await run(['explain', 'x', ...at]), { code: 1, err: /there are: read/ })
  t.match(await run(['sessions', ...at]), { code: 0, out: 'no such session is open\n' })
  t.match(await run(['incidents', ...at]), { code: 0, out: /no leader change/ })
  t.match(await run(['drain', 'pg 3', ...at]), { code: 0, out: 'pg 3: drained\n' })
  t.match(await run(['undrain', 'self', ...at]), { code: 0, out: 'self: undrained\n' })
  t.match(await run(['drain', 'pg9', ...at]), { code: 1, err: 'no member is named pg9\n' })
  t.strictSame(drained, ['pg 3 true', 'self false'])
  t.match(await run(['--version']), { code: 0, out: 'mekare 0.1.0\n' })
  t.match(await run(['stats']), { code: 2, err: /did you mean status\?/ })
  t.match(await run(['check', '--config', 'f.yaml', '--log.level', 'debug']), { code: 78 })
})

t.test('a switchover shows each phase and what clients paid; one that cannot be says why', async t => {
  const { path } = await control(t)
  const at = ['--socket', path]
  t.match(await run(['switchover', '--to', 'pg9', '--yes', ...at]), {
    code: 1,
    out: '',
    err: 'demo: no member is named pg9\n',
  })
  t.match(await run(['switchover', ...at]), { code: 2, err: 'there is no terminal to ask on: say --yes\n' })
  t.match(await run(['switchover', ...at], async () => false), { code: 1, err: 'nothing is done\n' })
  t.match(await run(['switchover', '--to', 'pg3', '--yes', ...at]), {
    code: 1,
    err: 'demo: Patroni refused: no good candidates\n',
  })
  t.strictSame(await run(['switchover', ...at], async () => true), {
    code: 0,
    out: `demo: pg1 → pg2 (streaming, 0B behind)
  3 open sessions on pg1 will end; who comes to write waits (holdFor: write 45s)
  +0.000s  0.000s  first sign
  +0.001s  0.001s  gate closed
  +0.200s  0.199s  open sessions of pg1 end
  +1.300s  1.100s  leader key names pg2
  +1.390s  0.090s  pg2 asked: no primary yet
  +1.400s  0.010s  pg2 confirms, gate open
  +1.405s  0.005s  first write let through
pg1 → pg2 took 1.405s: Patroni 1.389s, mekare 0.016s
  clients: new connections to write were let in again after 1.404s; open sessions were without a primary for 1.205s; 4 held, 0 cut, 0 refused
`,
    err: '',
  })
})

t.test('a session is cut by its ID; one that is not there is told', async t => {
  const { path } = await control(t)
  const at = ['--socket', path]
  t.match(await run(['sessions', '--cut', '7', ...at]), { code: 0, out: 'session 7 is cut\n' })
  t.match(await run(['sessions', '--cut', '8', ...at]), { code: 1, err: 'no session 8 is open\n' })
  for (const id of ['-1', '0', '7;8', '1e3'])
    t.match(await run(['sessions', `--cut=${id}`, ...at]), { code: 1, err: /which session\?/ })
})

t.test('no router: exit 69 and what to do', async t => {
  const where = directory(t)
  const missing = join(where, 'none')
  t.match(await run(['status', '--socket', missing]), { code: 69, out: '', err: /\(ENOENT\); start the router with/ })
  t.match(await run(['status', '--config', missing]), { code: 69, err: /none\.sock: no such socket/ })
  const file = join(where, 'file')
  writeFileSync(file, '')
  t.match(await run(['status', '--socket', file]), { code: 69, err: /(ENOTSOCK|ECONNREFUSED)/ })
})
