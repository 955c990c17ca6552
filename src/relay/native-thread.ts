// One relay thread as the main thread sees it: gives slots out, sends commands, hears endings, and starts it anew when it has crashed.
// Owns the descriptors of a crashed thread's sessions, the epoll instance it waits on and the eventfd that wakes it.

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { createEpoll, createWake, type Epoll, wake } from '../linux/epoll.js'
import { errnoName, type Libc } from '../linux/libc.js'
import { MSG_AT_ONCE, type Sockets } from '../linux/sockets.js'
import type { Address } from '../topology/topology.js'
import { plural } from '../units/units.js'
import { joined, type Taken } from './native-handover.js'
import { endOf, linkName, NativeSession } from './native-session.js'
import { type Command, createTable, SLOTS, STATE, type Told } from './native-table.js'
import type { Attached, EndListener, RelayEnd } from './relay.js'

/** A thread that crashes this often within so many milliseconds is given up. */
const CRASHES = 3
const WITHIN = 60_000
/** In ms. */
const LOOK_LATER = 1000

export interface ThreadDeps {
  readonly libc: Libc
  readonly sockets: Sockets
  /** In ms. */
  readonly spin: number
  readonly batched: boolean
  /** Crashes, in words for the log. */
  readonly told: (what: string) => void
}

export class RelayThread {
  readonly table = createTable()
  private readonly wakeFd: number
  private readonly sessions: (NativeSession | undefined)[] = []
  private readonly free: number[] = []
  /** Ends that came within the last second. */
  private readonly fresh: number[] = []
  private readonly starts: { worker: Worker; port: MessagePort; epoll: Epoll }[] = []
  private live = 0
  private crashes: number[] = []
  private stopping = false
  private rousing = false
  private looking = false
  /** It has run once. A thread that cannot start is not started again. */
  private ran = false
  private stopped: (() => void) | undefined
  private started: (why?: string) => void = () => {}
  /** Once the thread runs for the first time: nothing; the reason when it could not. */
  readonly ready = new Promise<string | undefined>(resolve => {
    this.started = resolve
  })

  constructor(private readonly deps: ThreadDeps) {
    this.wakeFd = createWake(deps.libc)
    this.start()
  }

  size(): number {
    return this.live
  }

  usable(): boolean {
    return !this.stopping && this.crashes.length < CRASHES && this.live < SLOTS
  }

  /** Takes both descriptors. Only while usable. `counted`: the session's queries are. */
  attach(taken: Taken, counted: boolean, listener: EndListener): Attached {
    const attached = new NativeSession(this, -1, listener)
    this.take(taken, counted, attached)
    return attached
  }

  /** The same of a session that is known already. */
  take(taken: Taken, counted: boolean, attached: NativeSession): void {
    const slot = this.free.pop() ?? this.sessions.length
    const { table } = this
    const { past, heard, failed } = taken
    const [session, link] = [2 * slot, 2 * slot + 1]
    table.generation[slot] = ((table.generation[slot] ?? 0) + 1) | 0
    for (const end of [session, link]) {
      const before = past?.[end & 1]
      table.taken[end] = before?.taken ?? 0
      table.state[end] = before?.state ?? 0
      table.silence[end] = 0
    }
    if (slot > (table.control[1] ?? 0)) Atomics.store(table.control, 1, slot)
    table.queries[slot] = counted ? 0 : -1
    table.first[slot] = heard?.first ?? 0
    table.answered[slot] = heard?.answered ?? 0
    table.parted[slot] = heard?.parted ?? 0
    table.descriptor[session] = taken.session
    table.descriptor[link] = taken.link
    this.fresh.push(session, link)
    this.lookLater()
    attached.moveTo(this, slot)
    this.sessions[slot] = attached
    this.live += 1
    if (this.live === 1) this.hold(true)
    // Whoever counts sees every byte: nothing is sent past it. After a failure nothing is to be seen but what the thread makes of it.
    const whole = counted || failed !== undefined
    const toLink = whole ? joined(taken.toLink) : this.first(link, joined(taken.toLink))
    const toSession = whole ? joined(taken.toSession) : this.first(session, joined(taken.toSession))
    if (whole || toLink || toSession || !this.show(slot))
      this.send({
        kind: 'attach',
        slot,
        ...(toLink && { toLink }),
        ...(toSession && { toSession }),
        ...(failed && { failed }),
      })
  }

  /** Sends what an end is owed before anything else; gives what the kernel does not take, or what fails, for the thread to see to. */
  private first(end: number, bytes: Uint8Array<ArrayBuffer> | undefined): Uint8Array<ArrayBuffer> | undefined {
    if (!bytes) return undefined
    const { table } = this
    const sent = this.deps.libc.send(table.descriptor[end] ?? -1, bytes, bytes.length, MSG_AT_ONCE)
    if (sent <= 0) return bytes
    table.taken[end ^ 1] = (table.taken[end ^ 1] ?? 0) + sent
    table.state[end] = (table.state[end] ?? 0) | STATE.owing
    return sent < bytes.length ? bytes.slice(sent) : undefined
  }

  /**
   * Lets the thread wait for both ends, without waking it: it has nothing to do before one of them can be read. From the first on it may
   * do so, and end the session. False where it has to see to it itself.
   */
  private show(slot: number): boolean {
    const { descriptor, generation, state } = this.table
    const epoll = this.current()?.epoll
    const [first, second] = [2 * slot, 2 * slot + 1]
    const of = generation[slot] ?? 0
    const add = (end: number) => epoll?.add(descriptor[end] ?? -1, end, of, 'reading')
    if (add(first) !== 0) return false
    if (add(second) !== 0 && (descriptor[second] ?? -1) >= 0) this.cut(slot)
    // What could not be sent on to it before it was there to be waited for.
    if ((state[second] ?? 0) & STATE.blocked)
      epoll?.change(descriptor[second] ?? -1, second, of, { reading: true, writing: true })
    return true
  }

  linkName(slot: number): Address | undefined {
    return linkName(this.table, slot, this.deps.sockets)
  }

  cut(slot: number): void {
    this.send({ kind: 'cut', slot, generation: this.table.generation[slot] ?? 0 })
  }

  /** Makes the thread leave its wait and end; what is still attached is reset. At the process's exit nobody may wait for the result. */
  stop(): Promise<void> {
    this.stopping = true
    if (this.starts.length === 0) return Promise.resolve()
    Atomics.store(this.table.control, 0, 1)
    wake(this.deps.libc, this.wakeFd)
    for (const { worker } of this.starts) worker.ref()
    return new Promise(resolve => {
      this.stopped = resolve
    })
  }

  /** Ends the thread as a crash of it would, for tests. */
  crash(): void {
    this.send({ kind: 'crash' } as unknown as Command)
  }

  private current() {
    return this.starts.at(-1)
  }

  /** Whether the thread keeps the process: while it has sessions. */
  private hold(held: boolean): void {
    const current = this.current()
    if (held) {
      current?.port.ref()
      current?.worker.ref()
    } else {
      current?.port.unref()
      current?.worker.unref()
    }
  }

  private send(command: Command): void {
    if (this.starts.length === 0) return
    this.current()?.port.postMessage(command)
    // A new session can wait for the end of this turn of the event loop, and others come along; a cut cannot: bytes would pass meanwhile.
    if (command.kind === 'attach') this.rouseSoon()
    else wake(this.deps.libc, this.wakeFd)
  }

  /** Once for all that were attached in this turn: whom it wakes may take this thread's core. */
  private rouseSoon(): void {
    if (this.rousing) return
    this.rousing = true
    setImmediate(() => {
      this.rousing = false
      if (this.starts.length > 0) wake(this.deps.libc, this.wakeFd)
    })
  }

  /**
   * Within a second, for all that came meanwhile: the kernel is to look after those that are still there, which most new ones need
   * never (what is closed in between has no descriptor, and what has its number now needs the same), and the thread for who owes an
   * acknowledgement.
   */
  private lookLater(): void {
    if (this.looking) return
    this.looking = true
    setTimeout(() => {
      this.looking = false
      for (const end of this.fresh) {
        const fd = this.table.descriptor[end] ?? -1
        if (fd >= 0) this.deps.sockets.keepAlive(fd)
      }
      this.fresh.length = 0
      if (this.starts.length > 0) wake(this.deps.libc, this.wakeFd)
    }, LOOK_LATER).unref()
  }

  private start(): void {
    const { port1, port2 } = new MessageChannel()
    const epoll = createEpoll(this.deps.libc, 1)
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: {
        table: this.table,
        wake: this.wakeFd,
        epoll: epoll.fd,
        spin: this.deps.spin,
        batched: this.deps.batched,
        port: port2,
      },
      transferList: [port2],
      // Flags of this process are not the thread's.
      execArgv: [],
      // It makes hardly any garbage; without a bound its heap grows with what little there is.
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    })
    const started = { worker, port: port1, epoll }
    this.starts.push(started)
    let why = 'it ended'
    worker.on('error', error => {
      why = error instanceof Error ? error.message : String(error)
    })
    worker.on('exit', () => {
      port1.close()
      epoll.close()
      this.starts.splice(this.starts.indexOf(started), 1)
      this.ended(why)
    })
    // Both keep the process until the thread runs, else nobody hears why it does not.
    port1.on('message', (told: Told) => this.hear(told))
  }

  private hear(told: Told): void {
    if (told === 'ready') {
      this.ran = true
      this.started()
      // From here on only sessions keep the process.
      if (this.live === 0 && !this.stopping) this.hold(false)
    } else for (const ending of told) this.end(ending.slot, endOf(ending, errnoName))
  }

  private end(slot: number, end: RelayEnd): void {
    const session = this.sessions[slot]
    if (!session) return
    this.sessions[slot] = undefined
    this.free.push(slot)
    this.live -= 1
    if (this.live === 0 && !this.stopping) this.hold(false)
    session.finish(end)
  }

  /** The thread is gone: its sessions end with the reason, and another one takes its place. */
  private ended(why: string): void {
    const error = this.stopping ? 'the relay has stopped' : `the relay thread has crashed: ${why}`
    const lost = this.live
    for (const slot of this.sessions.keys()) if (this.sessions[slot]) this.abandon(slot, error)
    this.started(why)
    if (this.stopping || !this.ran) {
      this.close()
      return
    }
    const now = performance.now()
    this.crashes = [...this.crashes.filter(at => now - at < WITHIN), now]
    const givenUp = this.crashes.length >= CRASHES
    const next = givenUp ? `it is given up after ${CRASHES} crashes within a minute` : 'it is started anew'
    this.deps.told(`${error}; it took ${plural(lost, 'session')} with it; ${next}`)
    if (givenUp) this.close()
    else this.start()
  }

  private close(): void {
    this.stopping = true
    this.deps.libc.close(this.wakeFd)
    this.stopped?.()
  }

  private abandon(slot: number, error: string): void {
    for (const end of [2 * slot, 2 * slot + 1]) {
      const fd = this.table.descriptor[end] ?? -1
      this.table.descriptor[end] = -1
      if (fd >= 0) this.deps.sockets.reset(fd)
    }
    this.end(slot, { by: 'cut', error })
  }
}
