// The native relay engine where it differs from every other: threads that crash, descriptors used up, sockets that are busy at
// hand-over, peers that fall silent, shares of time, and the choice of an engine at the start.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { createServer, connect as dial, type Socket } from 'node:net'
import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createBatch } from '../../src/linux/batch.js'
import { loadLibc } from '../../src/linux/libc.js'
import { createSockets } from '../../src/linux/sockets.js'
import { createEngine } from '../../src/relay/create.js'
import { createNativeEngine, type NativeEngine } from '../../src/relay/native.js'
import type { Attached, RelayEnd } from '../../src/relay/relay.js'
import { ms } from '../../src/units/units.js'

const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, '127.0.0.1')
await once(server, 'listening')
t.teardown(() => server.close())
const bound = server.address()
const port = typeof bound === 'object' && bound ? bound.port : 0

async function pair(): Promise<[Socket, Socket]> {
  const near = dial({ port, host: '127.0.0.1', allowHalfOpen: true })
  const [[far]] = await Promise.all([once(server, 'connection'), once(near, 'connect')])
  return [near, far as Socket]
}

const { EAGAIN, EBADF, ECONNRESET, EPIPE } = constants.errno
const fdOf = (socket: Socket): number => (socket as unknown as { _handle: { fd: number } })._handle.fd

interface Wire {
  readonly client: Socket
  readonly backend: Socket
  readonly session: Socket
  readonly link: Socket
}

async function wire(): Promise<Wire> {
  const [client, session] = await pair()
  const [link, backend] = await pair()
  for (const socket of [client, backend, session, link]) socket.on('error', () => {})
  return { client, backend, session, link }
}

interface Joined extends Wire {
  readonly attached: Attached
  readonly ended: Promise<RelayEnd>
}

function attach(engine: NativeEngine, made: Wire): Joined {
  let attached: Attached | undefined
  const ended = new Promise<RelayEnd>(resolve => {
    attached = engine.attach({ session: made.session, link: made.link, toLink: [], toSession: [] }, { ended: resolve })
  })
  if (!attached) throw new Error('not attached')
  return { ...made, attached, ended }
}

const descriptors = () => readdirSync('/proc/self/fd').length

async function settled(before: number): Promise<number> {
  for (let i = 0; i < 2000 && descriptors() > before; i++) await sleep(5)
  return descriptors()
}

async function echo({ client, backend }: Wire, word: string): Promise<string> {
  backend.resume()
  client.resume()
  client.write(word)
  backend.write(String((await once(backend, 'data'))[0]))
  return String((await once(client, 'data'))[0])
}

async function started(threads: number, told: string[] = []): Promise<NativeEngine> {
  const engine = createNativeEngine({ threads, told: what => told.push(what) })
  t.teardown(() => engine.stop())
  t.equal(await engine.ready(), undefined)
  return engine
}

/** Writes without end, one block after another. */
function pour(socket: Socket): void {
  const block = Buffer.alloc(262_144)
  const more = () => {
    if (!socket.destroyed) socket.write(block, () => setImmediate(more))
  }
  more()
}

t.test(
  'a thread that crashes ends its own sessions with the reason; the others go on, and it is started anew',
  async t => {
    const before = descriptors()
    const told: string[] = []
    const engine = createNativeEngine({ threads: 2, told: what => told.push(what) })
    await engine.ready()
    const first = attach(engine, await wire())
    const second = attach(engine, await wire())
    t.same(
      engine.threads.map(thread => thread.size()),
      [1, 1],
      'one session in each thread',
    )
    engine.threads[0]?.crash()
    const end = await first.ended
    t.match(end, { by: 'cut', error: /the relay thread has crashed: unknown command/ })
    t.match(told, [/crashed.*it took 1 session with it; it is started anew/])
    t.equal(await echo(second, 'still here'), 'still here')
    const third = attach(engine, await wire())
    t.equal(engine.threads[0]?.size(), 1, 'the new thread has the new session')
    t.equal(await echo(third, 'works again'), 'works again')

    engine.threads[0]?.crash()
    await third.ended
    engine.threads[0]?.crash()
    for (let i = 0; i < 2000 && told.length < 3; i++) await sleep(5)
    t.match(told[2], /given up after 3 crashes/)
    const fourth = attach(engine, await wire())
    t.equal(await echo(fourth, 'elsewhere'), 'elsewhere')
    await engine.stop()
    t.match(await second.ended, { by: 'cut', error: /stopped/ })
    const fifth = attach(engine, await wire())
    t.equal(await echo(fifth, 'by Node'), 'by Node')
    for (const one of [first, second, third, fourth, fifth])
      for (const side of [one.client, one.backend]) side.destroy()
    await fifth.ended
    t.equal(await settled(before), before, 'no descriptor is left')
  },
)

t.test('a session for which no descriptor is left stays with Node, and the next one is handed over again', async t => {
  const engine = await started(1)
  const [first, second] = [await wire(), await wire()]
  const usual = /Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  const limitTo = (soft: string) => execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${soft}:`])
  limitTo(String(descriptors() + 20))
  const held: number[] = []
  try {
    for (;;) held.push(openSync('/dev/null', 'r'))
  } catch {}
  const one = attach(engine, first)
  t.equal(first.session.destroyed, false)
  for (const fd of held) closeSync(fd)
  limitTo(String(usual))
  t.equal(await echo(one, 'by Node'), 'by Node')
  const two = attach(engine, second)
  t.equal(second.session.destroyed, true)
  t.equal(await echo(two, 'native'), 'native')
  for (const joined of [one, two]) {
    joined.client.end()
    joined.backend.end()
    t.match(await joined.ended, { by: /session|link/ })
  }
})

t.test('a session that Node still writes to is handed over when that is written, with nothing lost', async t => {
  const engine = await started(1)
  const made = await wire()
  const size = 8 * 1024 * 1024
  made.session.write(Buffer.alloc(size, 'a'))
  t.ok(made.session.writableLength > 0)
  const joined = attach(engine, made)
  made.client.write('early')
  made.backend.write('tail')
  t.equal(made.session.destroyed, false, 'not yet')
  let heard = 0
  let last = ''
  made.client.on('data', (chunk: Buffer) => {
    heard += chunk.length
    last = (last + chunk.subarray(-4).toString('latin1')).slice(-4)
  })
  made.backend.resume()
  t.equal(String((await once(made.backend, 'data'))[0]), 'early')
  while (heard < size + 4) await sleep(5)
  t.equal(last, 'tail')
  t.equal(made.session.destroyed, true, 'handed over')
  made.client.end()
  made.backend.end()
  await joined.ended

  const cut = attach(engine, await filled())
  cut.attached.cut()
  t.same(await cut.ended, { by: 'cut' })
})

async function filled(): Promise<Wire> {
  const made = await wire()
  made.session.write(Buffer.alloc(8 * 1024 * 1024))
  return made
}

t.test('an end or a reset between hand-over and first read ends the session as it would have', async t => {
  const engine = await started(1)
  for (const how of ['reset', 'end'] as const) {
    const made = await wire()
    const joined = attach(engine, made)
    made.backend.resume()
    if (how === 'reset') made.client.resetAndDestroy()
    else {
      made.client.end()
      made.backend.end()
      made.client.resume()
    }
    const end = await joined.ended
    t.match(end, how === 'reset' ? { by: 'session', error: 'read ECONNRESET' } : { by: /session|link/ })
  }
})

t.test('a session that fails at its hand-over leaves nothing to the next one in its place', async t => {
  const engine = await started(1)
  const failed = await wire()
  failed.backend.resetAndDestroy()
  const end = await new Promise<RelayEnd>(resolve => {
    engine.attach({ ...failed, toLink: [Buffer.from('too late')], toSession: [] }, { ended: resolve })
  })
  t.equal(end.by, 'link')

  const { client, backend, attached } = attach(engine, await wire())
  const sent = 32 * 1024 * 1024
  backend.end(Buffer.alloc(sent))
  for (let [moved, last] = [0, -1]; moved === 0 || moved !== last; ) {
    await sleep(100)
    last = moved
    moved = attached.counts().fromLink
  }
  t.ok(attached.counts().fromLink < sent, 'the reader has stopped it')
  let got = 0
  client.on('data', chunk => {
    got += chunk.length
  })
  await Promise.race([once(client, 'end'), sleep(5000)])
  t.equal(got, sent, 'and gets the rest once it reads')
  attached.cut()
})

t.test('a session is answered soon while others move as much as they can', async t => {
  const engine = await started(1)
  const bulk = [attach(engine, await wire()), attach(engine, await wire()), attach(engine, await wire())]
  for (const { client, backend } of bulk) {
    client.resume()
    pour(backend)
  }
  const small = attach(engine, await wire())
  const took: number[] = []
  for (let i = 0; i < 20; i++) {
    const since = performance.now()
    await echo(small, 'x')
    took.push(performance.now() - since)
  }
  took.sort((a, b) => a - b)
  // The far ends are in this process too and share its one thread: most of this time is theirs.
  t.ok((took[10] ?? 10_000) < 1000, `median ${took[10]?.toFixed(1)} ms`)
  for (const { attached } of bulk) t.ok(attached.counts().fromLink > 1_000_000)
  for (const { attached } of [...bulk, small]) attached.cut()
  for (const { ended } of [...bulk, small]) t.same(await ended, { by: 'cut' })
})

t.test('a reader that does not read is not taken for a dead peer', async t => {
  const engine = await started(1)
  const joined = attach(engine, await wire())
  pour(joined.backend)
  await sleep(2500)
  const stalled = joined.attached.stalledFor?.() ?? 0
  t.ok(stalled < 1500, `${stalled} ms`)
  joined.attached.cut()
  await joined.ended
})

/** A far end in a network namespace of its own, whose cable can be pulled. */
async function farAway(): Promise<{ socket: Socket; pull(end: 'near' | 'far'): void; close(): void }> {
  const [space, here] = [`mekare-far-${process.pid}`, `mkfar${process.pid % 10_000}`]
  const ip = (...args: string[]) => execFileSync('ip', args)
  // A network for each process: two tests at once must not find each other's far end.
  const network = 4 * (process.pid % 16_384)
  const [near, far] = [1, 2].map(host => `10.211.${network >> 8}.${(network & 255) + host}`)
  ip('netns', 'add', space)
  ip('link', 'add', here, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space)
  ip('address', 'add', `${near}/30`, 'dev', here)
  ip('link', 'set', here, 'up')
  ip('-n', space, 'address', 'add', `${far}/30`, 'dev', 'eth0')
  ip('-n', space, 'link', 'set', 'eth0', 'up')
  const script = `require('node:net').createServer(s => s.resume()).listen(5432, '${far}', () => console.log('ready'))`
  const child = spawn('ip', ['netns', 'exec', space, process.execPath, '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  const socket = dial({ port: 5432, host: String(far), allowHalfOpen: true })
  await once(socket, 'connect')
  return {
    socket,
    pull: end => (end === 'far' ? ip('-n', space, 'link', 'set', 'eth0', 'down') : ip('link', 'set', here, 'down')),
    close() {
      child.kill('SIGKILL')
      ip('link', 'delete', here)
      ip('netns', 'delete', space)
    },
  }
}

// Only root may make a network namespace; nobody else has a cable to pull.
if (process.getuid?.() === 0)
  for (const end of ['far', 'near'] as const)
    t.test(
      `a peer that vanished (cable pulled at the ${end} end) is told by its silence; silence before that counts for nothing`,
      async t => {
        const engine = await started(1)
        const far = await farAway()
        t.teardown(() => far.close())
        const [client, session] = await pair()
        client.on('error', () => {})
        const joined = attach(engine, { client, session, link: far.socket, backend: client })
        client.write('hello')
        await sleep(3000)
        t.equal(joined.attached.stalledFor?.(), undefined, 'all is acknowledged')
        far.pull(end)
        await sleep(100)
        const asked = performance.now()
        const since = () => performance.now() - asked
        client.write('anybody there?')
        await sleep(1500)
        const early = joined.attached.stalledFor?.() ?? 0
        t.ok(early < since() + 100, `${early} ms after ${since()} ms, though nothing was heard for 3 s longer`)
        await sleep(3000)
        const late = joined.attached.stalledFor?.() ?? 0
        t.ok(late > 1500 && late < since() + 200, `${late} ms after ${since()} ms`)
        joined.attached.cut()
        t.same(await joined.ended, { by: 'cut' })
      },
    )

t.test('an engine is chosen: what is asked for, or the best that works, with the reason', async t => {
  const config = { engine: 'auto', threads: 1, spin: ms(0), batch: 'auto', countQueries: false } as const
  const auto = await createEngine(config, () => {})
  t.match(auto, { ok: true, engine: { name: 'native' }, why: undefined })
  const net = await createEngine({ ...config, engine: 'net' }, () => {})
  t.match(net, { ok: true, engine: { name: 'net' }, why: undefined })
  for (const one of [auto, net]) if (one.ok) await one.engine.stop?.()

  const platform = Object.getOwnPropertyDescriptor(process, 'platform')
  Object.defineProperty(process, 'platform', { ...platform, value: 'plan9' })
  const elsewhere = await createEngine(config, () => {})
  const wanted = await createEngine({ ...config, engine: 'native' }, () => {})
  if (platform) Object.defineProperty(process, 'platform', platform)
  t.match(elsewhere, { ok: true, engine: { name: 'net' }, why: 'needs Linux, this is plan9' })
  t.match(wanted, {
    ok: false,
    why: /relay.engine: native does not work here: needs Linux, this is plan9; set it to auto/,
  })
})

/** Creates an engine in a process of its own, after `before` was done to it; gives what createEngine answered. */
function createdAfter(before: string, engine: 'auto' | 'native'): { engine?: string; why?: string; told: string[] } {
  const create = new URL('../../src/relay/create.js', import.meta.url).href
  const script = `${before}
    const { createEngine } = await import(${JSON.stringify(create)})
    const told = []
    const made = await createEngine({ engine: ${JSON.stringify(engine)}, threads: 2, spin: 0, batch: 'auto' }, what => told.push(what))
    console.log(JSON.stringify({ engine: made.engine?.name, why: made.why, told }))`
  const cwd = new URL('../../..', import.meta.url)
  const text = execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd, timeout: 20_000 })
  return JSON.parse(String(text))
}

t.test('without koffi the engine is Node’s, with the reason; asked for by name it is refused', async t => {
  const hook = `export const resolve = (name, context, next) => {
    if (name === 'koffi') throw new Error('koffi is not here')
    return next(name, context)
  }`
  const without = `import { register } from 'node:module'
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hook)}))`
  t.match(createdAfter(without, 'auto'), { engine: 'net', why: 'koffi is not here', told: [] })
  t.match(createdAfter(without, 'native'), { why: /native does not work here: koffi is not here; set it to auto/ })
})

/** A seccomp filter that answers the call of this number with EPERM; numbers are x64's. */
const forbidding = (call: number) => `import koffi from 'koffi'
      const prctl = koffi.load('libc.so.6').func('int prctl(int, unsigned long, unsigned long, void *, unsigned long)')
      const EPERM = 1
      const step = (code, yes, no, k) => { const b = Buffer.alloc(8); b.writeUInt16LE(code); b[2] = yes; b[3] = no; b.writeUInt32LE(k, 4); return b }
      const filter = Buffer.concat([step(0x20, 0, 0, 0), step(0x15, 0, 1, ${call}), step(6, 0, 0, 0x50000 + EPERM), step(6, 0, 0, 0x7fff0000)])
      const program = Buffer.alloc(16)
      program.writeUInt16LE(4)
      program.writeBigUInt64LE(koffi.address(filter), 8)
      if (prctl(38, 1, 0, null, 0) !== 0 || prctl(22, 2, 0, null, 0) === 0) throw new Error('prctl')
      const seccomp = koffi.load('libc.so.6').func('int prctl(int, unsigned long, void *)')
      if (seccomp(22, 2, program) !== 0) throw new Error('seccomp ' + koffi.errno())`

const [EPOLL_WAIT, IO_URING_SETUP] = [232, 425]

// The C library's epoll_wait is a system call of its own on x64 only; elsewhere it is the one that Node needs too.
if (process.arch === 'x64') {
  t.test('where seccomp forbids a call the engine is Node’s, with the reason', async t => {
    const made = createdAfter(forbidding(EPOLL_WAIT), 'auto')
    t.match(made, { engine: 'net', why: /epoll_wait: EPERM/, told: [] })
  })

  t.test('where io_uring is forbidden, as in many containers, the engine is native all the same', async t => {
    t.match(createdAfter(forbidding(IO_URING_SETUP), 'auto'), { engine: 'native', why: undefined, told: [] })
  })
}

t.test('many calls made in one answer as they would one by one', async t => {
  const libc = loadLibc()
  const batch = createBatch(libc)
  if (!batch) return t.comment('no io_uring here')
  const sockets = createSockets(libc)
  const { client, session, backend, link } = await wire()
  const [one, other] = [session, link].map(socket => sockets.duplicate(fdOf(socket))) as [number, number]
  client.write('hello')
  await sleep(20)
  batch.recv(0, one)
  batch.recv(1, other)
  batch.recv(2, 1_000_000)
  t.equal(batch.run(), true)
  t.same(
    [0, 1, 2].map(place => batch.result(place)),
    [5, -EAGAIN, -EBADF],
  )
  t.equal(Buffer.from(batch.bytes.subarray(0, 5)).toString(), 'hello')
  batch.send(0, other, 5)
  batch.send(1, one, batch.room)
  t.equal(batch.run(), true)
  t.same(
    [0, 1].map(place => batch.result(place)),
    [5, batch.room],
  )
  t.equal(String((await once(backend.resume(), 'data'))[0]), 'hello')
  client.resetAndDestroy()
  await sleep(20)
  batch.send(0, one, 1)
  t.equal(batch.run(), true)
  t.ok([-ECONNRESET, -EPIPE].includes(batch.result(0)))
  batch.close()
  for (const fd of [one, other]) libc.close(fd)
  for (const socket of [session, backend, link]) socket.destroy()
})

t.test('a process with sessions attached ends when it is told to', async t => {
  const url = new URL('../../src/relay/native.js', import.meta.url)
  const script = `import { createNativeEngine } from ${JSON.stringify(url.href)}
    const engine = createNativeEngine({ threads: 2 }); await engine.ready(); process.exit(3)`
  const since = performance.now()
  let status: unknown
  try {
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 10_000 })
  } catch (error) {
    status = (error as { status?: unknown }).status
  }
  t.equal(status, 3)
  t.ok(performance.now() - since < 5000)
})
