// The C library as typed functions: one foreign call each, negative on failure with errno() right after it.
// glibc on x64 and arm64 (constants and layouts are Linux's). Knows no session and no policy.

import { constants } from 'node:os'
import koffi from 'koffi'

/** Memory handed to a system call; it is used during the call only. */
type Memory = Uint8Array | Int32Array | BigInt64Array

export interface Libc {
  recv(fd: number, into: Memory, length: number, flags: number): number
  send(fd: number, from: Memory, length: number, flags: number): number
  read(fd: number, into: Memory, length: number): number
  write(fd: number, from: Memory, length: number): number
  close(fd: number): number
  shutdown(fd: number, how: number): number
  fcntl(fd: number, command: number, argument: number): number
  ioctl(fd: number, request: number, into: Memory): number
  setsockopt(fd: number, level: number, name: number, value: Memory, length: number): number
  getsockopt(fd: number, level: number, name: number, value: Memory, length: Memory): number
  eventfd(initial: number, flags: number): number
  epollCreate(flags: number): number
  epollControl(epoll: number, operation: number, fd: number, event: Memory): number
  epollWait(epoll: number, events: Memory, most: number, timeout: number): number
  /** Of the last call that failed on this thread: to be asked for before any other call. */
  errno(): number
}

/** Loads glibc. Throws where there is none (another operating system, or musl). */
export function loadLibc(): Libc {
  if (process.platform !== 'linux') throw new Error(`needs Linux, this is ${process.platform}`)
  if (process.arch !== 'x64' && process.arch !== 'arm64') throw new Error(`needs x64 or arm64, this is ${process.arch}`)
  const library = koffi.load('libc.so.6')
  return {
    recv: library.func('int recv(int, void *, size_t, int)'),
    send: library.func('int send(int, const void *, size_t, int)'),
    read: library.func('int read(int, void *, size_t)'),
    write: library.func('int write(int, const void *, size_t)'),
    close: library.func('int close(int)'),
    shutdown: library.func('int shutdown(int, int)'),
    // Variadic in C; both architectures pass integers the same way to either kind.
    fcntl: library.func('int fcntl(int, int, int)'),
    ioctl: library.func('int ioctl(int, unsigned long, void *)'),
    setsockopt: library.func('int setsockopt(int, int, int, const void *, unsigned int)'),
    getsockopt: library.func('int getsockopt(int, int, int, void *, void *)'),
    eventfd: library.func('int eventfd(unsigned int, int)'),
    epollCreate: library.func('int epoll_create1(int)'),
    epollControl: library.func('int epoll_ctl(int, int, int, void *)'),
    epollWait: library.func('int epoll_wait(int, void *, int, int)'),
    errno: () => koffi.errno(),
  }
}

export const { EAGAIN, EINTR } = constants.errno

const NAMES = new Map(Object.entries(constants.errno).map(([name, value]) => [value, name]))
// One number, two names: the one that manual pages use.
NAMES.set(EAGAIN, 'EAGAIN')

/** `ECONNRESET` for 104; `errno 9999` for one without a name. */
export const errnoName = (errno: number): string => NAMES.get(errno) ?? `errno ${errno}`

/** An error that names the call and its errno, as Node's own do. */
export const failed = (call: string, errno: number): Error => new Error(`${call}: ${errnoName(errno)}`)
