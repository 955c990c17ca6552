// Connections by system calls, with Node's own sockets as the other side: what Node's Socket does for the proxy, they do.

import { execFileSync, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync, unlinkSync } from 'node:fs'
import { createServer, connect as dial, type ListenOptions, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Connection } from '../../src/linux/connection.js'
import { type Accepting, createConnections } from '../../src/linux/connections.js'
import { loadLibc } from '../../src/linux/libc.js'
import { createSockets } from '../../src/linux/sockets.js'
import { listenOnPath } from '../../src/listening/unix-path.js'
import { opened } from '../../src/relay/wire.js'

const libc = loadLibc()
const connections = createConnections(libc, createSockets(libc))
t.teardown(() => connections.close())
t.setTimeout(120_000)

interface Door {
  readonly port: number
  readonly accepting: Accepting
  readonly came: Connection[]
}

/** A socket that Node has opened and that is accepted on here. */
async function open(where: ListenOptions): Promise<Door> {
  const server = createServer(() => t.fail('Node accepts no more'))
  if (where.path) await listenOnPath(server, where.path, { key: 'listen', mode: 0o700 })
  else await once(server.listen(where), 'listening')
  const bound = server.address()
  const came: Connection[] = []
  const accepting = connections.accept((server as unknown as { _handle: { fd: number } })._handle.fd, one => {
    came.push(one)
  })
  server.close()
  if (!accepting) throw new Error('not accepted on')
  return { port: typeof bound === 'object' && bound ? bound.port : 0, accepting, came }
}

async function until<T>(look: () => T | undefined): Promise<T> {
  for (let left = 2000; left > 0; left--) {
    const found = look()
    if (found !== undefined) return found
    await sleep(5)
  }
  throw new Error('waited in vain')
}

async function pair(where: ListenOptions = { host: '127.0.0.1', port: 0 }): Promise<[Socket, Connection]> {
  const door = await open(where)
  const near = dial({ ...where, port: door.port, path: where.path ?? '', allowHalfOpen: true })
  near.on('error', () => {})
  const far = await until(() => door.came[0])
  door.accepting.close()
  return [near, far]
}

/** What is told of a connection, in the words of Node's sockets. */
function emitterOf(connection: Connection): EventEmitter {
  const emitter = new EventEmitter().on('error', () => {})
  connection.ear = {
    opened: () => emitter.emit('connect'),
    heard: (_, bytes) => emitter.emit('data', Buffer.from(bytes)),
    ended: () => emitter.emit('end'),
    drained: () => emitter.emit('drain'),
    closed(_, error) {
      if (error) emitter.emit('error', error)
      emitter.emit('close')
    },
  }
  return emitter
}

function hear(
  near: Socket | Connection,
  from: EventEmitter = 'ear' in near ? emitterOf(near) : near,
): { text: string; length: number; news: string[] } {
  const heard = { text: '', length: 0, news: [] as string[] }
  from.on('data', (chunk: Buffer) => {
    heard.length += chunk.length
    heard.text = (heard.text + chunk.toString('latin1')).slice(-20)
    if (heard.news.at(-1) !== 'data') heard.news.push('data')
  })
  for (const one of ['end', 'close'] as const) from.on(one, () => heard.news.push(one))
  from.on('error', (error: Error) => heard.news.push(error.message))
  near.resume()
  return heard
}

const descriptors = () => readdirSync('/proc/self/fd').length

t.test('an accepted connection is paused, and knows its peer as Node names it', async t => {
  const [four, atFour] = await pair()
  t.same([atFour.remoteAddress, atFour.remotePort], ['127.0.0.1', four.localPort])
  t.same([atFour.localAddress, atFour.localPort], ['127.0.0.1', four.remotePort])
  four.write('early')
  await sleep(20)
  t.equal(atFour.bytesRead, 0)
  const heard = hear(atFour)
  await until(() => (heard.text === 'early' ? true : undefined))
  t.equal(atFour.bytesRead, 5)
  const [mapped, atMapped] = await pair({ host: '::', port: 0 })
  t.equal(atMapped.remoteAddress, mapped.localAddress)
  const path = join(tmpdir(), `mekare-connections-${process.pid}.sock`)
  const [unix, atUnix] = await pair({ path })
  t.same([atUnix.remoteAddress, atUnix.remotePort], [undefined, undefined])
  for (const one of [four, atFour, mapped, atMapped, unix, atUnix]) one.destroy()
  unlinkSync(path)
})

t.test('an end of one direction leaves the other; after both it closes', async t => {
  const [near, far] = await pair()
  const [atNear, atFar] = [hear(near), hear(far)]
  near.end('question')
  await until(() => (atFar.news.includes('end') ? true : undefined))
  t.equal(atFar.text, 'question')
  t.equal(far.destroyed, false)
  far.end(Buffer.from('answer'))
  t.equal(far.write(Buffer.from('more')), false, 'nothing after the end')
  await until(() => (atFar.news.includes('close') ? true : undefined))
  await until(() => (atNear.news.includes('end') ? true : undefined))
  t.equal(atNear.text, 'answer')
  t.same(atFar.news, ['data', 'end', 'close'])
})

t.test(
  'what the peer does not take waits; the end comes after it, and whoever asked hears when it is written',
  async t => {
    const [near, far] = await pair()
    const size = 16 * 1024 * 1024
    let written = 0
    t.equal(
      far.write(Buffer.alloc(size, 'a'), () => written++),
      false,
    )
    far.write(Buffer.from('tail'), () => written++)
    t.ok(far.writableLength > 0)
    emitterOf(far).on('drain', () => written++)
    await sleep(20)
    t.equal(written, 0)
    const heard = hear(near)
    await until(() => (written === 3 ? true : undefined))
    far.write(Buffer.alloc(size, 'b'))
    far.end(Buffer.from('bye'))
    await until(() => (heard.news.includes('end') ? true : undefined))
    t.equal(heard.length, 2 * size + 7)
    t.match(heard.text, /^b+bye$/)
    near.destroy()
    far.destroy()
  },
)

t.test('what a peer sent before its reset is heard before the failure', async t => {
  const [near, far] = await pair()
  near.write('last words')
  await sleep(20)
  near.resetAndDestroy()
  await sleep(20)
  const heard = hear(far)
  await until(() => (heard.news.includes('close') ? true : undefined))
  t.equal(heard.text, 'last words')
  t.same(heard.news, ['data', 'read ECONNRESET', 'close'])
})

t.test('a connection that is refused says so with its code; a name is left to Node', async t => {
  const door = await open({ host: '127.0.0.1', port: 0 })
  door.accepting.close()
  const refused = connections.connect({ host: '127.0.0.1', port: door.port })
  if (!refused) throw new Error('not tried')
  const error = await opened(refused).catch((failure: Error) => failure)
  t.match(error, { code: 'ECONNREFUSED', syscall: 'connect' })
  t.equal(refused.destroyed, true)
  t.equal(connections.connect({ host: 'localhost', port: door.port }), undefined)
})

t.test('what is written while it connects follows, and it may become Node’s own', async t => {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bound = server.address()
  const link = connections.connect({ host: '127.0.0.1', port: typeof bound === 'object' && bound ? bound.port : 0 })
  if (!link) throw new Error('not opened')
  link.write(Buffer.from('first '))
  const [[far]] = await Promise.all([once(server, 'connection'), opened(link)])
  const heard = hear(far as Socket)
  const socket = link.toSocket()
  t.equal(link.destroyed, true)
  socket.end('then Node')
  await until(() => (heard.news.includes('end') ? true : undefined))
  t.equal(heard.text, 'first then Node')
  ;(far as Socket).destroy()
  socket.destroy()
  server.close()
})

t.test('whoever comes while no descriptor is left is closed, and those after him are served again', async t => {
  const door = await open({ host: '127.0.0.1', port: 0 })
  // Another process, for this one could open no more either; it comes when it is told to.
  const script = `process.stdin.once('data', () => require('net').connect(${door.port}, '127.0.0.1').resume().on('close', () => process.exit(7)))`
  const other = spawn(process.execPath, ['-e', script])
  const gone = once(other, 'exit')
  const usual = /Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  const limitTo = (soft: string) => execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${soft}:`])
  limitTo(String(descriptors() + 10))
  const held: number[] = []
  try {
    for (;;) held.push(openSync('/dev/null', 'r'))
  } catch {}
  other.stdin.write('go')
  while (other.exitCode === null) await sleep(20)
  for (const fd of held) closeSync(fd)
  limitTo(String(usual))
  t.same(await gone, [7, null], 'closed')
  t.same(door.came, [], 'and nobody was taken in')
  const late = dial(door.port, '127.0.0.1')
  const accepted = await until(() => door.came[0])
  for (const one of [late, accepted]) one.destroy()
  door.accepting.close()
})
