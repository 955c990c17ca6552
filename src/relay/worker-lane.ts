// Moves bytes between the two ends of each session: recv, send, and what waits when a send was partial.
// Knows ends in order; hands every failure on. Knows no command and no clock. What streams is moved by others where they can
// (worker-splice.ts), when another says so (worker-stream.ts).

import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP } from '../linux/epoll.js'
import { EAGAIN, type Libc } from '../linux/libc.js'
import { MSG_AT_ONCE, MSG_DONTWAIT, SHUT_WR, type Sockets } from '../linux/sockets.js'
import { type Ending, type NativeTable, STATE } from './native-table.js'
import type { Splice } from './worker-splice.js'
import type { Streams } from './worker-stream.js'

/** Bytes asked for at once: of an end that has filled the smaller one, the larger; what a session whose reader is slow may hold. */
const CHUNK = 65_536
const BULK = 262_144
/** A read so long is no single message any more: the end streams. */
const STREAMING = 8192
/** Bytes of one end before the others have their turn. */
const SHARE = 262_144
/** Buffers kept for the next partial send. */
const KEPT = 64

/** What an end is still owed. */
interface Backlog {
  readonly bytes: Uint8Array
  sent: number
  readonly length: number
}

export interface Lane {
  /** Takes a change of readiness of an end, as epoll tells it. */
  happened(end: number, events: number): void
  /** The end is owed these bytes before anything that comes later; flush() sends them. */
  first(end: number, bytes: Uint8Array): void
  /** Gives one share of time to every end that had more to read. */
  goOn(): void
  /** True when goOn() has work. */
  busy(): boolean
  /** Sends what the end is owed; true when nothing is left. */
  flush(end: number): boolean
  /** Passes on what is there to read, at most a share: `empty` when the end has no more, `more` when it may, `blocked` when its peer takes no more. */
  drain(end: number): 'empty' | 'more' | 'blocked'
  /** Forgets both ends of a slot whose descriptors are closed. */
  forget(slot: number): void
}

/** What a round of many ends at once needs beside. */
export interface RoundLane {
  mayRead(end: number): boolean
  /** Moves at most a share from an end to its peer. */
  pump(end: number): void
  /** A read gave no byte: `got` 0 for an end in order, else its errno. */
  none(end: number, got: number, errno: number): void
  /** The end gave so many bytes that nobody saw. */
  count(end: number, got: number): void
  /** A read gave so many bytes, which are on their way; they are in `bytes` from `start` on. */
  took(end: number, got: number, bytes: Uint8Array, start: number): void
  /** Sends the end what was kept for it; when nothing is left, its peer is read again. */
  flushed(end: number): void
  /** The end takes these bytes later, before anything else. */
  keep(end: number, bytes: Uint8Array): void
  /** The end has no more for now, or is read on when it was cut short. */
  readOn(end: number, short: boolean): void
}

export interface LaneDeps {
  readonly libc: Libc
  readonly sockets: Sockets
  readonly table: NativeTable
  /** The end's connection has failed. */
  fail(end: number, errno: number, call: Ending['call']): void
  /** The end takes no more for now; that it does again is news. */
  blocked(end: number): void
  /** The end has ended in order. */
  left(end: number): void
  /** Both ends have ended in order and were told. */
  ended(slot: number): void
  /** An end gave these bytes. */
  passed(end: number, bytes: Uint8Array, start: number, length: number): void
  /** An end had given these bytes before its session came to this thread. */
  handed(end: number, bytes: Uint8Array): void
  /** An end gave bytes that nobody saw. */
  unseen(end: number): void
  /** Offered an end that has something to read; true when it is seen to. */
  later(end: number): boolean
  /** Somebody wants to see what the end gives. */
  watched(end: number): boolean
  splice(): Splice
  streams(): Pick<Streams, 'took' | 'stop' | 'forget'>
}

export function createLane(deps: LaneDeps): Lane & RoundLane {
  const { libc, sockets, table, fail, ended, blocked, left, passed, handed, unseen, later, watched, splice, streams } =
    deps
  const { descriptor, state, taken } = table
  const chunk = new Uint8Array(BULK)
  /** By end: how much its last read gave. */
  const last = new Int32Array(state.length)
  const backlogs = new Map<number, Backlog>()
  const spare: Uint8Array[] = []
  let queue: number[] = []

  const fdOf = (end: number) => descriptor[end] ?? -1
  const has = (end: number, bits: number) => ((state[end] ?? 0) & bits) !== 0
  const mark = (end: number, bits: number) => {
    state[end] = (state[end] ?? 0) | bits
  }
  const clear = (end: number, bits: number) => {
    state[end] = (state[end] ?? 0) & ~bits
  }

  /** Sends the first `length` bytes of the chunk. What does not fit is kept, and the end is blocked until it has gone. */
  function give(end: number, length: number): boolean {
    const sent = libc.send(fdOf(end), chunk, length, MSG_AT_ONCE)
    mark(end, STATE.owing)
    if (sent === length) return true
    if (sent < 0) {
      const errno = libc.errno()
      if (errno !== EAGAIN) {
        fail(end, errno, 'write')
        return false
      }
    }
    keep(end, chunk.subarray(Math.max(0, sent), length))
    return false
  }

  function keep(end: number, rest: Uint8Array): void {
    const bytes = rest.length > CHUNK ? new Uint8Array(rest.length) : (spare.pop() ?? new Uint8Array(CHUNK))
    bytes.set(rest)
    backlogs.set(end, { bytes, sent: 0, length: rest.length })
    mark(end, STATE.blocked)
    blocked(end)
  }

  function flush(end: number): boolean {
    const backlog = backlogs.get(end)
    if (!backlog) return splice().flush(end)
    const left = backlog.length - backlog.sent
    const sent = libc.send(fdOf(end), backlog.bytes.subarray(backlog.sent, backlog.length), left, MSG_AT_ONCE)
    if (sent < 0) {
      const errno = libc.errno()
      if (errno !== EAGAIN) fail(end, errno, 'write')
      return false
    }
    mark(end, STATE.owing)
    backlog.sent += sent
    if (sent < left) return false
    release(end)
    return true
  }

  function release(end: number): void {
    splice().release(end)
    const backlog = backlogs.get(end)
    if (!backlog) return
    backlogs.delete(end)
    clear(end, STATE.blocked)
    if (backlog.bytes.length === CHUNK && spare.length < KEPT) spare.push(backlog.bytes)
  }

  function drain(end: number): 'empty' | 'more' | 'blocked' {
    const peer = end ^ 1
    for (let moved = 0; moved < SHARE; moved += last[end] ?? 0) {
      const got = libc.recv(fdOf(end), chunk, CHUNK, MSG_DONTWAIT)
      if (got <= 0) return 'empty'
      took(end, got, chunk, 0)
      if (!give(peer, got)) return 'blocked'
    }
    return 'more'
  }

  const mayRead = (end: number) => !has(end ^ 1, STATE.blocked) && !has(end, STATE.ended)
  const count = (end: number, got: number) => {
    taken[end] = (taken[end] ?? 0) + got
    last[end] = got
  }
  const took = (end: number, got: number, bytes: Uint8Array, start: number) => {
    count(end, got)
    passed(end, bytes, start, got)
  }

  /** Moves at most a share from an end to its peer. Reading stops where a read was short: what comes later is told by epoll. */
  function pump(end: number): void {
    if (!mayRead(end)) return
    if (has(end, STATE.streaming) && !watched(end)) {
      const moved = splice().pass(end)
      if (moved === 'more') enqueue(end)
      if (moved !== 'unable') return
    }
    for (let moved = 0; moved < SHARE; moved += last[end] ?? 0) {
      const most = (last[end] ?? 0) < CHUNK ? CHUNK : BULK
      const got = libc.recv(fdOf(end), chunk, most, MSG_DONTWAIT)
      if (got <= 0) {
        none(end, got, got < 0 ? libc.errno() : 0)
        return
      }
      took(end, got, chunk, 0)
      if (got >= STREAMING && !has(end, STATE.closing)) streams().took(end, got)
      if (!give(end ^ 1, got)) return
      if (got < most && !has(end, STATE.closing)) {
        clear(end, STATE.readable)
        return
      }
    }
    enqueue(end)
  }

  function enqueue(end: number): void {
    if (has(end, STATE.queued)) return
    mark(end, STATE.queued)
    queue.push(end)
  }

  function none(end: number, got: number, errno: number): void {
    if (got === 0) {
      clear(end, STATE.readable)
      left(end)
      mark(end, has(end ^ 1, STATE.ended) ? STATE.ended : STATE.ended | STATE.first)
      tell(end ^ 1)
    } else if (errno === EAGAIN) clear(end, STATE.readable | STATE.closing)
    else fail(end, errno, 'read')
  }

  /** Passes its peer's end on to an end that has been given everything before it. */
  function tell(end: number): void {
    if (libc.shutdown(fdOf(end), SHUT_WR) < 0) {
      fail(end, libc.errno(), 'write')
      return
    }
    mark(end, STATE.told)
    if (has(end ^ 1, STATE.told)) ended(end >> 1)
  }

  function flushed(end: number): void {
    if (!flush(end)) return
    if (has(end ^ 1, STATE.ended)) tell(end)
    else if (has(end ^ 1, STATE.readable | STATE.streaming)) pump(end ^ 1)
  }

  return {
    happened(end, events) {
      if (events & EPOLLERR) {
        const errno = sockets.takeError(fdOf(end))
        if (errno !== 0) {
          fail(end, errno, 'read')
          return
        }
      }
      if (events & EPOLLOUT && has(end, STATE.blocked)) flushed(end)
      if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) === 0 || fdOf(end) < 0 || has(end, STATE.dying)) return
      const closing = (events & (EPOLLRDHUP | EPOLLHUP)) !== 0
      if (closing) streams().stop(end)
      mark(end, closing ? STATE.readable | STATE.closing : STATE.readable)
      if (closing || (last[end] ?? 0) >= STREAMING || !later(end)) pump(end)
    },
    first(end, bytes) {
      taken[end ^ 1] = (taken[end ^ 1] ?? 0) + bytes.length
      handed(end ^ 1, bytes)
      backlogs.set(end, { bytes, sent: 0, length: bytes.length })
      mark(end, STATE.blocked)
    },
    goOn() {
      const turn = queue
      queue = []
      for (const end of turn) {
        if (!has(end, STATE.queued)) continue
        clear(end, STATE.queued)
        if (fdOf(end) >= 0 && !has(end, STATE.dying)) pump(end)
      }
    },
    busy: () => queue.length > 0,
    flush,
    drain,
    mayRead,
    pump,
    none,
    count(end, got) {
      count(end, got)
      unseen(end)
    },
    took,
    flushed,
    keep,
    readOn(end, short) {
      if (short && !has(end, STATE.closing)) clear(end, STATE.readable)
      else pump(end)
    },
    forget(slot) {
      streams().forget(slot)
      for (const end of [2 * slot, 2 * slot + 1]) {
        release(end)
        last[end] = 0
        // From here on the state is the main thread's to reset: it must not be written once more for a place in the queue.
        clear(end, STATE.queued)
      }
    },
  }
}
