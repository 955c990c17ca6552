// An epoll instance and the eventfd that wakes it: epoll(7), eventfd(2). Knows the layout of epoll_event on both architectures.
// What an event means is its owner's: each descriptor carries two 32-bit numbers of theirs.

import { EINTR, failed, type Libc } from './libc.js'

export const EPOLLIN = 0x1
export const EPOLLOUT = 0x4
export const EPOLLERR = 0x8
export const EPOLLHUP = 0x10
export const EPOLLRDHUP = 0x2000
const EPOLLET = 1 << 31
const EPOLL_CTL_ADD = 1
const CLOEXEC = 0o2000000
const NONBLOCK = 0o4000

/** epoll_event is packed on x86-64 only: events, then the data at once; elsewhere the 64-bit data is aligned. */
const WORDS = process.arch === 'x64' ? 3 : 4
const DATA = WORDS - 2

export interface Epoll {
  /** Reports every change of readiness of `fd`, once each (edge-triggered). Gives errno, 0 when added. */
  add(fd: number, key: number, generation: number): number
  /** Waits for events: at most `timeout` milliseconds, -1 for ever. Gives how many there are, 0 also after a signal. Throws where it is forbidden. */
  wait(timeout: number): number
  key(index: number): number
  generation(index: number): number
  events(index: number): number
  close(): void
}

/** Throws with the call's name where the kernel or a seccomp profile refuses it. */
export function createEpoll(libc: Libc, most: number): Epoll {
  const epoll = libc.epollCreate(CLOEXEC)
  if (epoll < 0) throw failed('epoll_create1', libc.errno())
  const events = new Int32Array(most * WORDS)
  const one = new Int32Array(WORDS)
  return {
    add(fd, key, generation) {
      one[0] = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET
      one[DATA] = key
      one[DATA + 1] = generation
      return libc.epollControl(epoll, EPOLL_CTL_ADD, fd, one) < 0 ? libc.errno() : 0
    },
    wait(timeout) {
      const count = libc.epollWait(epoll, events, most, timeout)
      if (count >= 0) return count
      const errno = libc.errno()
      if (errno === EINTR) return 0
      throw failed('epoll_wait', errno)
    },
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
  const fd = libc.eventfd(0, CLOEXEC | NONBLOCK)
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
