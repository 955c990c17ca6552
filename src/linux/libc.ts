// The C library as typed functions: one foreign call each, negative on failure with errno() right after it.
// glibc on x64 and arm64 (constants and layouts are Linux's). Knows no session and no policy.

import { constants } from 'node:os'
import koffi from 'koffi'

/** System call numbers (one for all architectures) and flags of the calls that glibc has no function for. */
const IO_URING_SETUP = 425
const IO_URING_ENTER = 426
const EPOLL_PWAIT2 = 441
const ENTER_GETEVENTS = 1
const PROT_READ_WRITE = 3
const MAP_SHARED_POPULATE = 0x8001

/** Memory handed to a system call; it is used during the call only. */
type Memory = Uint8Array | Int32Array | BigInt64Array

export interface Libc {
  recv(fd: number, into: Memory, length: number, flags: number): number
  send(fd: number, from: Memory, length: number, flags: number): number
  read(fd: number, into: Memory, length: number): number
  write(fd: number, from: Memory, length: number): number
  close(fd: number): number
  unshare(flags: number): number
  shutdown(fd: number, how: number): number
  socket(family: number, type: number, protocol: number): number
  connect(fd: number, address: Memory, length: number): number
  accept4(fd: number, address: Memory, length: Memory, flags: number): number
  getsockname(fd: number, address: Memory, length: Memory): number
  fcntl(fd: number, command: number, argument: number): number
  ioctl(fd: number, request: number, into: Memory): number
  setsockopt(fd: number, level: number, name: number, value: Memory, length: number): number
  getsockopt(fd: number, level: number, name: number, value: Memory, length: Memory): number
  eventfd(initial: number, flags: number): number
  epollCreate(flags: number): number
  epollControl(epoll: number, operation: number, fd: number, event: Memory): number
  epollWait(epoll: number, events: Memory, most: number, timeout: number): number
  /** The same with a timeout in nanoseconds, less than a second (epoll_pwait2, Linux 5.11). */
  epollWaitFinely(epoll: number, events: Memory, most: number, nanoseconds: number): number
  /** The write end comes second. */
  pipe2(ends: Memory, flags: number): number
  /** From one descriptor to another, one of which is a pipe. */
  splice(from: number, to: number, length: number, flags: number): number
  ioUringSetup(entries: number, params: Memory): number
  /** Submits so many calls and waits until `least` have completed. */
  ioUringEnter(ring: number, submit: number, least: number): number
  /** Shared memory of a descriptor, to be read and written; undefined on failure. It stays mapped for the life of the process. */
  map(fd: number, offset: number, length: number): ArrayBuffer | undefined
  /** Where memory lies. It stays there for as long as it is referenced. */
  addressOf(memory: Memory): bigint
  /** Tells this thread's event loop: `ready` is called, outside of any turn of it, whenever the descriptor can be read. Until then it keeps the process. */
  watch(fd: number, ready: () => void): Watch
  /** Of the last call that failed on this thread: to be asked for before any other call. */
  errno(): number
}

/** A descriptor in the event loop. */
export interface Watch {
  /** Whether it keeps the process. */
  ref(): void
  unref(): void
  close(): void
}

/** Loads glibc. Throws where there is none (another operating system, or musl). */
export function loadLibc(): Libc {
  if (process.platform !== 'linux') throw new Error(`needs Linux, this is ${process.platform}`)
  if (process.arch !== 'x64' && process.arch !== 'arm64') throw new Error(`needs x64 or arm64, this is ${process.arch}`)
  const library = koffi.load('libc.so.6')
  // Variadic in C; both architectures pass integers the same way to either kind.
  const setup = library.func('long syscall(long, unsigned int, void *)')
  const enter = library.func(
    'long syscall(long, unsigned int, unsigned int, unsigned int, unsigned int, size_t, size_t)',
  )
  const wait = library.func('long syscall(long, int, void *, int, void *, size_t, size_t)')
  const splice = library.func('long splice(int, size_t, int, size_t, size_t, unsigned int)')
  const timeout = new BigInt64Array(2)
  const mmap = library.func('intptr_t mmap(intptr_t, size_t, int, int, int, int64_t)')
  return {
    recv: library.func('int recv(int, void *, size_t, int)'),
    send: library.func('int send(int, const void *, size_t, int)'),
    read: library.func('int read(int, void *, size_t)'),
    write: library.func('int write(int, const void *, size_t)'),
    close: library.func('int close(int)'),
    unshare: library.func('int unshare(int)'),
    shutdown: library.func('int shutdown(int, int)'),
    socket: library.func('int socket(int, int, int)'),
    connect: library.func('int connect(int, const void *, unsigned int)'),
    accept4: library.func('int accept4(int, void *, void *, int)'),
    getsockname: library.func('int getsockname(int, void *, void *)'),
    // Variadic in C; both architectures pass integers the same way to either kind.
    fcntl: library.func('int fcntl(int, int, int)'),
    ioctl: library.func('int ioctl(int, unsigned long, void *)'),
    setsockopt: library.func('int setsockopt(int, int, int, const void *, unsigned int)'),
    getsockopt: library.func('int getsockopt(int, int, int, void *, void *)'),
    eventfd: library.func('int eventfd(unsigned int, int)'),
    epollCreate: library.func('int epoll_create1(int)'),
    epollControl: library.func('int epoll_ctl(int, int, int, void *)'),
    epollWait: library.func('int epoll_wait(int, void *, int, int)'),
    epollWaitFinely(epoll, events, most, nanoseconds) {
      timeout[1] = BigInt(nanoseconds)
      return wait(EPOLL_PWAIT2, epoll, events, most, timeout, 0, 0)
    },
    pipe2: library.func('int pipe2(void *, int)'),
    splice: (from, to, length, flags) => splice(from, 0, to, 0, length, flags),
    ioUringSetup: (entries, params) => setup(IO_URING_SETUP, entries, params),
    ioUringEnter: (ring, submit, least) => enter(IO_URING_ENTER, ring, submit, least, ENTER_GETEVENTS, 0, 0),
    map(fd, offset, length) {
      const at = mmap(0, length, PROT_READ_WRITE, MAP_SHARED_POPULATE, fd, offset)
      return at === -1 ? undefined : koffi.view(BigInt(at), length)
    },
    addressOf: memory => koffi.address(memory),
    watch: (fd, ready) => koffi.node.poll(fd, { readable: true }, ready),
    errno: () => koffi.errno(),
  }
}

/** Also what SOCK_, EFD_ and EPOLL_CLOEXEC and _NONBLOCK are, on x64 and arm64. */
export const O_CLOEXEC = 0o2000000
export const O_NONBLOCK = 0o4000

export const { EAGAIN, EBADF, EINTR, EINVAL, ENOMEM, ENOSYS, EPERM } = constants.errno

const NAMES = new Map(Object.entries(constants.errno).map(([name, value]) => [value, name]))
// One number, two names: the one that manual pages use.
NAMES.set(EAGAIN, 'EAGAIN')

/** `ECONNRESET` for 104; `errno 9999` for one without a name. */
export const errnoName = (errno: number): string => NAMES.get(errno) ?? `errno ${errno}`

/** An error that names the call and its errno, as Node's own do. */
export const failed = (call: string, errno: number): Error => new Error(`${call}: ${errnoName(errno)}`)
