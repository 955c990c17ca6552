// An epoll instance and the eventfd that wakes it: epoll(7), eventfd(2). Knows the layout of epoll_event on both architectures.
// What an event means is its owner's: each descriptor carries two 32-bit numbers of theirs.

import { EBADF, EINTR, failed, type Libc, O_CLOEXEC, O_NONBLOCK } from './libc.js'

export const EPOLLIN = 0x1
export const EPOLLOUT = 0x4
export const EPOLLERR = 0x8
export const EPOLLHUP = 0x10
export const EPOLLRDHUP = 0x2000
const EPOLLET = 1 << 31
const READING = EPOLLIN | EPOLLRDHUP | EPOLLET
const EPOLL_CTL_ADD = 1
const EPOLL_CTL_DEL = 2
const EPOLL_CTL_MOD = 3

/** epoll_event is packed on x86-64 only: events, then the data at once; elsewhere the 64-bit data is aligned. */
const WORDS = process.arch === 'x64' ? 3 : 4
const DATA = WORDS - 2

export interface Epoll {
  /** The instance itself, which can be waited for like any other descriptor: it can be read when an event waits. */
  readonly fd: number
  /**
   * Reports every change of readiness of `fd`, once each (edge-triggered). Gives errno, 0 when added. `reading`: only that it can be
   * read, has ended or has failed; a socket that can be written to is then no news.
   */
  add(fd: number, key: number, generation: number, reading?: 'reading'): number
  /** From here on just this is news of it, beside that it has ended or failed; what is so already is told. */
  change(fd: number, key: number, generation: number, interest: { reading: boolean; writing: boolean }): void
  /** Reports it no more: needed where another descriptor of the same socket stays open. */
  remove(fd: number): void
  /** Waits for events: at most `timeout` milliseconds, -1 for ever. Gives how many there are, 0 also after a signal. Throws where it is forbidden. */
  wait(timeout: number): number
  /** The same, with a timeout below a second that may be a part of a millisecond. Only where canWaitFinely(). */
  waitFinely(timeout: number): number
  /** Whether the kernel can, and lets us. */
  canWaitFinely(): boolean
  key(index: number): number
  generation(index: number): number
  events(index: number): number
  close(): void
}

/** An instance, or another thread's by its descriptor. Throws with the call's name where the kernel or a seccomp profile refuses it. */
export function createEpoll(libc: Libc, most: number, of?: number): Epoll {
  const epoll = of ?? libc.epollCreate(O_CLOEXEC)
  if (epoll < 0) throw failed('epoll_create1', libc.errno())
  const events = new Int32Array(most * WORDS)
  const one = new Int32Array(WORDS)
  const control = (operation: number, fd: number, interest: number, [key, generation]: readonly [number, number]) => {
    one[0] = interest
    one[DATA] = key
    one[DATA + 1] = generation
    return libc.epollControl(epoll, operation, fd, one) < 0 ? libc.errno() : 0
  }
  const counted = (count: number, call: string) => {
    if (count >= 0) return count
    const errno = libc.errno()
    if (errno === EINTR) return 0
    throw failed(call, errno)
  }
  return {
    fd: epoll,
    add: (fd, key, generation, reading) =>
      control(EPOLL_CTL_ADD, fd, reading ? READING : READING | EPOLLOUT, [key, generation]),
    change(fd, key, generation, { reading, writing }) {
      const interest = READING & ~(reading ? 0 : EPOLLIN)
      control(EPOLL_CTL_MOD, fd, writing ? interest | EPOLLOUT : interest, [key, generation])
    },
    remove(fd) {
      libc.epollControl(epoll, EPOLL_CTL_DEL, fd, one)
    },
    wait: timeout => counted(libc.epollWait(epoll, events, most, timeout), 'epoll_wait'),
    waitFinely: timeout =>
      counted(libc.epollWaitFinely(epoll, events, most, Math.round(timeout * 1e6)), 'epoll_pwait2'),
    // Not of this instance, whose news would be taken and lost.
    canWaitFinely: () => libc.epollWaitFinely(-1, events, most, 0) < 0 && libc.errno() === EBADF,
    key: index => events[index * WORDS + DATA] ?? 0,
    generation: index => events[index * WORDS + DATA + 1] ?? 0,
    events: index => events[index * WORDS] ?? 0,
    close: () => {
      libc.close(epoll)
    },
  }
}

const ONE = new BigInt64Array([1n])

/** A descriptor that one thread waits for and any other thread may make ready. Throws with the call's name. */
export function createWake(libc: Libc): number {
  const fd = libc.eventfd(0, O_CLOEXEC | O_NONBLOCK)
  if (fd < 0) throw failed('eventfd', libc.errno())
  return fd
}

/** Makes it ready. */
export function wake(libc: Libc, fd: number): void {
  libc.write(fd, ONE, 8)
}

/** Makes it wait again. */
export function calm(libc: Libc, fd: number): void {
  libc.read(fd, new BigInt64Array(1), 8)
}
