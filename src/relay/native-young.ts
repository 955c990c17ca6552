// Sessions in their first moments, moved by the main thread: many a session sends one query and leaves, and never meets a relay thread.
// Whoever stays, streams, fails, is cut or has a slow reader grows up: a thread goes on where this one stops. Nothing is kept here.

import type { Connection, Home as Near, Owner } from '../linux/connection.js'
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLRDHUP } from '../linux/epoll.js'
import { EAGAIN } from '../linux/libc.js'
import { MSG_AT_ONCE, MSG_DONTWAIT, SHUT_WR } from '../linux/sockets.js'
import type { Address } from '../topology/topology.js'
import { heard, monotonic, parts } from './last-words.js'
import { joined } from './native-handover.js'
import { type Home, linkName, NativeSession } from './native-session.js'
import { createTable, type Failure, SLOTS, STATE } from './native-table.js'
import type { RelayThread } from './native-thread.js'
import type { EndListener, Pair } from './relay.js'

/** Handed over before others have their turn. */
const TURN = 64
/** What a thread is to know of an end. */
const LASTING = STATE.ended | STATE.first | STATE.told | STATE.owing

/** Of a slot's two ends the second. */
const isLink = (end: number): boolean => (end & 1) === 1

/** A pair of connections made by system calls. */
export interface OwnPair extends Pair {
  readonly session: Connection
  readonly link: Connection
}

interface YoungDeps {
  readonly near: Near
  /** How long a session stays, at most twice, in ms. */
  readonly stay: number
  /** Who takes those that have grown up; undefined while nobody can. */
  thread(): RelayThread | undefined
}

/** What an end is still to be sent, at most one of the two: its session is handed over at once. */
interface Owed {
  readonly end: number
  readonly bytes: Uint8Array<ArrayBuffer>
}

export class Young implements Home {
  readonly table = createTable()
  private readonly sessions: (NativeSession | undefined)[] = []
  private readonly owners: Owner[] = []
  private readonly free: number[] = []
  /** Slots and their generations, by turns: those that came since the last look, and those that came before. */
  private fresh: number[] = []
  private aged: number[] = []
  private looking = false

  constructor(private readonly deps: YoungDeps) {}

  /** Whether there is a place, and a thread to go to from it. */
  hasRoom(): boolean {
    return (this.free.length > 0 || this.sessions.length < SLOTS) && this.deps.thread() !== undefined
  }

  /** Takes both connections, which owe their peers nothing. Only while there is room. */
  attach(pair: OwnPair, listener: EndListener): NativeSession {
    const slot = this.free.pop() ?? this.sessions.length
    const { table } = this
    const [session, link] = [2 * slot, 2 * slot + 1]
    const generation = ((table.generation[slot] ?? 0) + 1) | 0
    table.generation[slot] = generation
    table.queries[slot] = -1
    table.first[slot] = 0
    table.answered[slot] = 0
    table.parted[slot] = 0
    const attached = new NativeSession(this, slot, listener)
    this.sessions[slot] = attached
    const { passed } = pair
    const heard = this.take(session, pair.session, passed?.fromSession)
    const answered = this.take(link, pair.link, passed?.fromLink)
    if (pair.toLink.length + pair.toSession.length > 0) this.first(slot, joined(pair.toLink), joined(pair.toSession))
    // Later: nobody is told of an end before he knows of the session.
    if (heard || answered)
      this.soon(() => {
        if (heard && this.isHere(slot, generation)) this.pump(session, true)
        if (answered && this.isHere(slot, generation)) this.pump(link, true)
      })
    this.fresh.push(slot, generation)
    this.lookLater()
    return attached
  }

  linkName(slot: number): Address | undefined {
    return linkName(this.table, slot, this.deps.near.sockets)
  }

  cut(slot: number): void {
    const session = this.sessions[slot]
    if (!session) return
    if (this.growUp(slot)) session.cut()
    else this.abandon(slot)
  }

  /** Resets all that are still here. */
  stop(): void {
    for (const slot of this.sessions.keys()) this.abandon(slot, 'the relay has stopped')
  }

  private take(end: number, connection: Connection, passed = 0): boolean {
    const { table } = this
    this.owners[end] ??= { happened: events => this.happened(end, events) }
    const { fd, unread } = connection.bequeath(this.owners[end])
    table.descriptor[end] = fd
    table.taken[end] = passed
    table.state[end] = 0
    table.silence[end] = 0
    return unread
  }

  /** Sends what was handed over. What does not go at once goes with the session to its thread, and what fails is the thread's to see. */
  private first(slot: number, toLink?: Uint8Array<ArrayBuffer>, toSession?: Uint8Array<ArrayBuffer>): void {
    const up = this.sendFirst(2 * slot + 1, toLink)
    const down = this.sendFirst(2 * slot, toSession)
    if (up || down) this.mustGrowUp(slot, { owed: [up, down].filter(one => one !== undefined) })
  }

  /** Gives what does not go at once. */
  private sendFirst(end: number, bytes?: Uint8Array<ArrayBuffer>): Owed | undefined {
    if (!bytes) return undefined
    const sent = Math.max(0, this.deps.near.libc.send(this.fd(end), bytes, bytes.length, MSG_AT_ONCE))
    this.table.taken[end ^ 1] = (this.table.taken[end ^ 1] ?? 0) + sent
    this.mark(end, STATE.owing)
    return sent < bytes.length ? { end, bytes: bytes.slice(sent) } : undefined
  }

  private happened(end: number, events: number): void {
    if (events & EPOLLERR) {
      const errno = this.deps.near.sockets.takeError(this.fd(end))
      if (errno !== 0) {
        this.fail(end, errno, 'read')
        return
      }
    }
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) this.pump(end, (events & (EPOLLRDHUP | EPOLLHUP)) !== 0)
  }

  /** Moves what is there to the other end. One that fills the chunk streams, and grows up. `closing`: its end is to be seen. */
  private pump(end: number, closing: boolean): void {
    const { libc, chunk } = this.deps.near
    if (this.has(end, STATE.ended)) return
    for (;;) {
      const got = libc.recv(this.fd(end), chunk, chunk.length, MSG_DONTWAIT)
      if (got <= 0) {
        this.none(end, got === 0 ? 0 : libc.errno())
        return
      }
      if (isLink(end)) heard(this.table, end >> 1, chunk, 0, got, monotonic())
      if (!this.give(end ^ 1, got)) return
      if (got === chunk.length ? this.growUp(end >> 1) : !closing) return
    }
  }

  /** Sends the first `length` bytes of the chunk. False when the session is here no more. */
  private give(end: number, length: number): boolean {
    const { libc, chunk } = this.deps.near
    const sent = libc.send(this.fd(end), chunk, length, MSG_AT_ONCE)
    const errno = sent < 0 ? libc.errno() : 0
    const passed = Math.max(0, sent)
    const { taken } = this.table
    taken[end ^ 1] = (taken[end ^ 1] ?? 0) + passed
    this.mark(end, STATE.owing)
    if (sent === length) return true
    if (errno !== 0 && errno !== EAGAIN) this.fail(end, errno, 'write')
    else this.mustGrowUp(end >> 1, { owed: [{ end, bytes: chunk.slice(passed, length) }] })
    return false
  }

  private none(end: number, errno: number): void {
    if (errno === EAGAIN) return
    if (errno !== 0) this.fail(end, errno, 'read')
    else {
      if (isLink(end) && !this.has(end ^ 1, STATE.ended)) parts(this.table, end >> 1, monotonic())
      this.mark(end, this.has(end ^ 1, STATE.ended) ? STATE.ended : STATE.ended | STATE.first)
      this.tell(end ^ 1)
    }
  }

  /** Passes its peer's end on to an end; after the second one the session is over. */
  private tell(end: number): void {
    const { libc } = this.deps.near
    // Of the second one its closing tells the peer: all that came from it has been read.
    const last = this.has(end ^ 1, STATE.told)
    if (!last && libc.shutdown(this.fd(end), SHUT_WR) < 0) {
      this.fail(end, libc.errno(), 'write')
      return
    }
    this.mark(end, STATE.told)
    if (!last) return
    const slot = end >> 1
    const by = this.has(2 * slot, STATE.first) ? 'session' : 'link'
    libc.close(this.leave(2 * slot, false))
    libc.close(this.leave(2 * slot + 1, false))
    this.forget(slot)?.finish({ by })
  }

  private fail(end: number, errno: number, call: Failure['call']): void {
    this.mustGrowUp(end >> 1, { failed: { end: end & 1, errno, call } })
  }

  private mustGrowUp(slot: number, how: { readonly owed?: readonly Owed[]; readonly failed?: Failure }): void {
    if (!this.growUp(slot, how)) this.abandon(slot, 'no relay thread is left')
  }

  /** Hands a session over to a thread; false when there is none. */
  private growUp(
    slot: number,
    { owed = [], failed }: { readonly owed?: readonly Owed[]; readonly failed?: Failure } = {},
  ): boolean {
    const { table } = this
    const thread = this.deps.thread()
    if (!thread) return false
    const [session, link] = [2 * slot, 2 * slot + 1]
    const of = (end: number) => ({ taken: table.taken[end] ?? 0, state: (table.state[end] ?? 0) & LASTING })
    const past = [of(session), of(link)] as const
    const { first, answered, parted } = table
    const heard = { first: first[slot] ?? 0, answered: answered[slot] ?? 0, parted: parted[slot] ?? 0 }
    const owedTo = (end: number) => owed.filter(one => one.end === end).map(one => one.bytes)
    const [sessionFd, linkFd] = [this.leave(session, true), this.leave(link, true)]
    const moved = this.forget(slot)
    if (!moved) return true
    // The thread may have to be roused, which is done once in a turn.
    this.deps.near.hurry()
    const taken = { session: sessionFd, link: linkFd, toLink: owedTo(link), toSession: owedTo(session), past, heard }
    // What is spread comes last: a property added after it would give each object a hidden class of its own.
    thread.take(failed ? { failed, ...taken } : taken, false, moved)
    return true
  }

  private abandon(slot: number, error?: string): void {
    const session = this.sessions[slot]
    if (!session) return
    this.sessions[slot] = undefined
    for (const end of [2 * slot, 2 * slot + 1]) this.deps.near.sockets.reset(this.leave(end, false))
    this.soon(() => {
      session.finish(error === undefined ? { by: 'cut' } : { by: 'cut', error })
      this.free.push(slot)
    })
  }

  /** Nobody here hears of an end's descriptor any more. */
  private leave(end: number, elsewhere: boolean): number {
    const fd = this.fd(end)
    this.deps.near.unwatch(fd, elsewhere)
    this.table.descriptor[end] = -1
    return fd
  }

  private soon(call: () => void): void {
    this.deps.near.hurry()
    setImmediate(call)
  }

  private forget(slot: number): NativeSession | undefined {
    const session = this.sessions[slot]
    this.sessions[slot] = undefined
    this.free.push(slot)
    return session
  }

  private lookLater(): void {
    if (this.looking) return
    this.looking = true
    setTimeout(() => this.look(), this.deps.stay).unref()
  }

  /** Those that were here at the last look grow up, some of them in each turn. */
  private look(): void {
    const { aged } = this
    this.aged = this.fresh
    this.fresh = []
    const next = (from: number) => {
      const until = Math.min(aged.length, from + 2 * TURN)
      for (let at = from; at < until; at += 2) {
        const [slot = -1, generation] = [aged[at], aged[at + 1]]
        // Where no thread can take it now it has another turn.
        if (this.isHere(slot, generation) && !this.growUp(slot)) this.fresh.push(slot, generation ?? 0)
      }
      if (until < aged.length) setImmediate(next, until)
      else {
        this.looking = false
        if (this.aged.length + this.fresh.length > 0) this.lookLater()
      }
    }
    next(0)
  }

  private isHere(slot: number, generation: number | undefined): boolean {
    return this.sessions[slot] !== undefined && this.table.generation[slot] === generation
  }

  private fd(end: number): number {
    return this.table.descriptor[end] ?? -1
  }

  private has(end: number, bits: number): boolean {
    return ((this.table.state[end] ?? 0) & bits) !== 0
  }

  private mark(end: number, bits: number): void {
    this.table.state[end] = (this.table.state[end] ?? 0) | bits
  }
}
