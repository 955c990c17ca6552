// Relayed connections on loopback, each with its two far ends in this process, and what is heard at those; the engines that tests drive.

import { createHash, type Hash } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createServer, connect as dial, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createNativeEngine, type NativeEngine } from '../../../src/relay/native.js'
import { createNetEngine } from '../../../src/relay/net.js'
import type { Attached, Engine, LastWords, Pair, RelayEnd } from '../../../src/relay/relay.js'
import { type Stream as End, opened } from '../../../src/relay/wire.js'
import { ms } from '../../../src/units/units.js'

export const native = createNativeEngine({ threads: 2, countQueries: true })
await native.ready()
t.teardown(() => native.stop())
export const net = createNetEngine({ countQueries: true })
/** The native engine as it is where io_uring is not to be had: every call made alone. */
export const unbatched = createNativeEngine({ threads: 1, batched: false })
await unbatched.ready()
t.teardown(() => unbatched.stop())

/** What a busy machine may need for anything, in ms. */
export const PATIENCE = 10_000

export const unhandled: unknown[] = []
process.on('uncaughtException', error => unhandled.push(error))
process.on('unhandledRejection', error => unhandled.push(error))

/** One relayed connection: `client` and `backend` are the far ends, `session` and `link` the sockets handed to the engine. */
export interface Wire<E extends End = Socket> {
  readonly client: Socket
  readonly session: E
  readonly link: E
  readonly backend: Socket
}

export type Join<Near = Socket, Far = Socket> = () => Promise<{ near: Near; far: Far }>

/** Joins one at a time: two at once would both take the first connection that comes. */
export function oneByOne<Near, Far>(join: Join<Near, Far>): Join<Near, Far> {
  let last: Promise<unknown> = Promise.resolve()
  return () => {
    const joined = last.then(join)
    last = joined
    return joined
  }
}

export function joiner(server: Server, address: { port: number; host: string } | { path: string }): Join {
  return oneByOne(async () => {
    const near = dial({ ...address, allowHalfOpen: true })
    const [[far]] = await Promise.all([once(server, 'connection'), once(near, 'connect')])
    return { near, far: far as Socket }
  })
}

export async function listening(
  server: Server,
  where: { port: number; host: string } | { path: string },
): Promise<Server> {
  server.listen(where)
  await once(server, 'listening')
  return server
}

export async function loopback(): Promise<{ join: Join; server: Server }> {
  const server = await listening(createServer({ allowHalfOpen: true, pauseOnConnect: true }), {
    port: 0,
    host: '127.0.0.1',
  })
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0
  return { join: joiner(server, { port, host: '127.0.0.1' }), server }
}

export const tcp = await loopback()
t.teardown(() => tcp.server.close())

export async function wire(sessionSide: Join = tcp.join): Promise<Wire> {
  const { near: client, far: session } = await sessionSide()
  const { near: link, far: backend } = await tcp.join()
  // As their owner does until it hands them over; relay() takes it away again, so that an engine must have its own.
  for (const socket of [session, link]) socket.on('error', noop)
  return { client, session, link, backend }
}

export const portOf = (server: Server): number => {
  const bound = server.address()
  return typeof bound === 'object' && bound !== null ? bound.port : 0
}

/** Sessions accepted and links opened by a native engine itself. */
export async function ownWires({ wires }: NativeEngine): Promise<() => Promise<Wire<End>>> {
  const { server } = await loopback()
  const port = portOf(server)
  let came: (session: End) => void = noop
  const accepting = wires.accept((server as unknown as { _handle: { fd: number } })._handle.fd, session =>
    came(session.stream()),
  )
  server.close()
  t.teardown(() => accepting?.close())
  const sessions = oneByOne(async () => {
    const accepted = new Promise<End>(resolve => {
      came = resolve
    })
    const near = dial({ port, host: '127.0.0.1', allowHalfOpen: true })
    const [far] = await Promise.all([accepted, once(near, 'connect')])
    return { near, far }
  })
  const links = oneByOne(async () => {
    const near = wires.connect({ host: '127.0.0.1', port: portOf(tcp.server) })
    if (!near) throw new Error('not opened')
    const [[far]] = await Promise.all([once(tcp.server, 'connection'), opened(near)])
    return { near: near.stream(), far: far as Socket }
  })
  return async () => {
    const { near: client, far: session } = await sessions()
    const { near: link, far: backend } = await links()
    return { client, session, link, backend }
  }
}

/** One whose sessions leave the main thread in the midst of what they do. */
export const hasty = createNativeEngine({ threads: 1, countQueries: true, youngFor: ms(4) })
await hasty.ready()
t.teardown(() => hasty.stop())

/** The engine's own, made before any test counts descriptors. */
export const ownWire = await ownWires(native)
export const hastyWire = await ownWires(hasty)

/** Each engine with its connections, as tests of all of them are named. */
export const ENGINES = [
  ['engine net', net, wire],
  ['engine native', native, wire],
  ['engine native, its own connections', native, ownWire],
  ['engine native, its own connections, handed over while they speak', hasty, hastyWire],
] as const

export interface Relayed extends Attached {
  readonly ended: Promise<RelayEnd>
  readonly endings: RelayEnd[]
  readonly words: LastWords[]
}

export function relay(engine: Engine, { session, link }: Wire<End>, given: Partial<Pair> = {}): Relayed {
  const endings: RelayEnd[] = []
  const words: LastWords[] = []
  const { promise, resolve } = withResolvers<RelayEnd>()
  const attached = engine.attach(
    { session, link, toLink: [], toSession: [], ...given },
    {
      ended(end, last) {
        endings.push(end)
        words.push(last)
        if (!session.destroyed || !link.destroyed) unhandled.push('ended before both were closed')
        resolve(end)
      },
    },
  )
  for (const stream of [session, link]) if ('off' in stream) stream.off('error', noop)
  return {
    counts: () => attached.counts(),
    halfClosed: () => attached.halfClosed(),
    firstAnswer: () => attached.firstAnswer(),
    cut: () => attached.cut(),
    linkName: () => attached.linkName(),
    ended: promise,
    endings,
    words,
  }
}

export function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>(r => {
    resolve = r
  })
  return { promise, resolve }
}

/** What arrives at a far end, and how it ends. */
export interface Heard {
  readonly hash: Hash
  bytes: number
  text: string
  end: 'open' | 'end' | 'reset'
  readonly done: Promise<void>
}

export function hear(socket: Socket): Heard {
  const { promise, resolve } = withResolvers<void>()
  const heard: Heard = { hash: createHash('sha1'), bytes: 0, text: '', end: 'open', done: promise }
  const finish = (end: 'end' | 'reset') => {
    if (heard.end === 'open') heard.end = end
    resolve()
  }
  socket.on('data', (chunk: Buffer) => {
    heard.hash.update(chunk)
    heard.bytes += chunk.length
    if (heard.bytes < 10_000) heard.text += chunk.toString('latin1')
  })
  socket.on('end', () => finish('end'))
  socket.on('error', () => finish('reset'))
  socket.on('close', () => finish('reset'))
  socket.resume()
  return heard
}

export const descriptors = (): number => readdirSync('/proc/self/fd').length

/** Waits until it is so; a busy machine may take its time. */
export async function until(what: string, so: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE
  while (!so()) {
    if (performance.now() > end) throw new Error(`${what}: not within ${PATIENCE} ms`)
    await sleep(5)
  }
}

/** Waits until a count has grown and then stood still for 200 ms: whoever pours is stopped. */
export async function stalled(count: () => number): Promise<number> {
  for (let [last, looks] = [count(), 0]; looks < 10; looks++) {
    await sleep(20)
    if (count() !== last || last === 0) [last, looks] = [count(), -1]
  }
  return count()
}

/** Waits until no more descriptors are open than before; a socket's last close may be a turn away. */
export async function settled(before: number): Promise<number> {
  await until('descriptors are left', () => descriptors() <= before).catch(noop)
  return descriptors()
}

export function close({ client, session, link, backend }: Wire<End>): void {
  const ends: End[] = [client, session, link, backend]
  for (const end of ends) {
    if ('on' in end) end.on('error', noop)
    end.destroy()
  }
}

/** Throws once nothing has moved for so long, in ms, by any of the counts; a reader that pauses often may take its time. */
export async function within<T>(limit: number, wanted: Promise<T>, ...counts: readonly (() => number)[]): Promise<T> {
  const timer = new AbortController()
  const bytes = () => counts.map(count => count()).join(' and ')
  const stuck = async () => {
    for (let last = '-'; last !== bytes(); ) {
      last = bytes()
      await sleep(limit, undefined, { signal: timer.signal })
    }
    throw new Error(`nothing within ${limit} ms${counts.length > 0 ? `, after ${bytes()} bytes` : ''}`)
  }
  const late = stuck()
  late.catch(noop)
  try {
    return await Promise.race([wanted, late])
  } finally {
    timer.abort()
  }
}

export function noop(): void {}
