// The engine that moves bytes in threads of its own, by Linux's system calls: epoll(7), recv(2), send(2).
// Hands a session over from Node to the thread with the fewest sessions; what cannot be handed over stays with Node's streams.

import { Connection } from '../linux/connection.js'
import { createConnections } from '../linux/connections.js'
import { loadLibc } from '../linux/libc.js'
import { createSockets } from '../linux/sockets.js'
import { ownAddress } from '../topology/address.js'
import { type Ms, ms } from '../units/units.js'
import { canTake, isWriting, type Taken, take, whenWritten } from './native-handover.js'
import { RelayThread } from './native-thread.js'
import { type OwnPair, Young } from './native-young.js'
import { createNetEngine } from './net.js'
import type { Attached, EndListener, Engine, Pair } from './relay.js'
import type { Wires } from './wire.js'

export interface NativeOptions {
  /** At least 1. */
  readonly threads: number
  /** How long a thread looks for more work before it sleeps; 0 or none: not at all. */
  readonly spin?: Ms
  /** Whether a thread may use io_uring(7) to make many calls in one; without it, or where there is none, each is made alone. */
  readonly batched?: boolean
  /** Whether the queries of plaintext sessions are counted. */
  readonly countQueries?: boolean
  /** How long a session of connections made here stays in the main thread, at most twice; 100 ms where nothing is said, 0: not at all. */
  readonly youngFor?: Ms
  /** Crashes of threads and sessions that had to stay with Node, in words for the log. */
  readonly told?: (what: string) => void
}

export interface NativeEngine extends Engine {
  readonly name: 'native'
  readonly wires: Wires
  /** Ends the threads; what is still attached is reset and ends. */
  stop(): Promise<void>
  /** Once every thread runs: nothing; else why one does not. */
  ready(): Promise<string | undefined>
  readonly threads: readonly Pick<RelayThread, 'size' | 'usable' | 'crash'>[]
}

/** Starts the threads. Throws with the reason where system calls cannot be made from here. */
export function createNativeEngine({
  threads: count,
  spin,
  batched = true,
  countQueries = false,
  youngFor = ms(100),
  told = () => {},
}: NativeOptions): NativeEngine {
  const libc = loadLibc()
  const sockets = createSockets(libc)
  const wires = createConnections(libc, sockets)
  const deps = { libc, sockets, spin: spin ?? 0, batched, told }
  const threads = Array.from({ length: count }, () => new RelayThread(deps))
  const young = new Young({ near: wires.home, stay: youngFor, thread: () => idlest(threads) })
  const net = createNetEngine({ countQueries })
  const close = (fd: number) => {
    libc.close(fd)
  }

  // A thread in epoll_wait cannot be ended from outside; the process would wait for it for ever.
  const stop = () => Promise.all(threads.map(thread => thread.stop())).then(() => {})
  const atExit = () => {
    stop()
  }
  process.once('exit', atExit)

  function handOver(pair: Pair, listener: EndListener): Attached {
    const thread = idlest(threads)
    if (!thread || !canTake(pair)) return net.attach(pair, listener)
    const taken: Taken | number = take(pair, sockets, close)
    return typeof taken === 'number'
      ? net.attach(pair, listener)
      : thread.attach(taken, countQueries && pair.plaintext === true, listener)
  }

  return {
    name: 'native',
    wires,
    threads,
    ready: async () => (await Promise.all(threads.map(thread => thread.ready))).find(why => why !== undefined),
    attach(pair, listener) {
      if (!canTake(pair)) return net.attach(pair, listener)
      if (isWriting(pair)) return new Waiting(pair, listener, handOver, net)
      // Whose queries are counted is the thread's from the first byte on: it reads the heads of messages.
      const counted = countQueries && pair.plaintext === true
      return youngFor > 0 && !counted && isOwn(pair) && young.hasRoom()
        ? young.attach(pair, listener)
        : handOver(pair, listener)
    },
    async stop() {
      process.off('exit', atExit)
      young.stop()
      await stop()
      wires.close()
    },
  }
}

const isOwn = (pair: Pair): pair is OwnPair => pair.session instanceof Connection && pair.link instanceof Connection

function idlest(threads: readonly RelayThread[]): RelayThread | undefined {
  let best: RelayThread | undefined
  for (const thread of threads) if (thread.usable() && (!best || thread.size() < best.size())) best = thread
  return best
}

/** A session that Node still has something to write for: handed over once that is written. Cut before, it is Node's to cut. */
class Waiting implements Attached {
  private attached: Attached | undefined

  constructor(
    private readonly pair: Pair,
    private readonly listener: EndListener,
    handOver: (pair: Pair, listener: EndListener) => Attached,
    private readonly net: Engine,
  ) {
    whenWritten(pair, () => {
      this.attached ??= handOver(pair, listener)
    })
  }

  counts() {
    const length = (chunks: readonly Buffer[]) => chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    const { toLink, toSession, passed } = this.pair
    return (
      this.attached?.counts() ?? {
        fromSession: (passed?.fromSession ?? 0) + length(toLink),
        fromLink: (passed?.fromLink ?? 0) + length(toSession),
      }
    )
  }

  halfClosed() {
    return this.attached?.halfClosed() ?? false
  }

  firstAnswer() {
    return this.attached?.firstAnswer()
  }

  cut() {
    this.attached ??= this.net.attach(this.pair, this.listener)
    this.attached.cut()
  }

  linkName() {
    return this.attached?.linkName() ?? ownAddress(this.pair.link)
  }

  stalledFor() {
    return this.attached?.stalledFor?.()
  }
}
