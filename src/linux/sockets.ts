// What the relay sets and asks of connected sockets: socket(7), tcp(7). A socket that is not TCP ignores what it does not know.

import { EAGAIN, type Libc } from './libc.js'

export const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000
/** How everybody sends: what does not go at once is the caller's to keep, and a lost peer is an errno. */
export const MSG_AT_ONCE = MSG_DONTWAIT | MSG_NOSIGNAL
export const SHUT_WR = 1

const SOL_SOCKET = 1
const SO_ERROR = 4
const SO_KEEPALIVE = 9
const SO_LINGER = 13
const IPPROTO_TCP = 6
const TCP_NODELAY = 1
const TCP_KEEPIDLE = 4
const TCP_KEEPINTVL = 5
const TCP_KEEPCNT = 6
const TCP_INFO = 11
const SIOCOUTQ = 0x5411
const F_DUPFD_CLOEXEC = 1030
/** sockaddr_in6, the longest name of an IP socket. */
export const NAME_ROOM = 28

/** Silence before the first probe, and between probes, in seconds, and how many go unanswered. */
const KEEPALIVE = { idle: 5, interval: 3, count: 3 }

/** struct tcp_info up to tcpi_notsent_bytes: 8 bytes of small fields, then 32-bit ones (and a few of 64 bits), by index of words. */
const INFO_WORDS = 37
const UNACKED = 6
const LAST_ACK_RECV = 14
const NOT_SENT = 36
/** The fourth byte: probes of a closed window that were not answered. */
const probesOf = (info: Int32Array): number => (info[0] ?? 0) >>> 24

export interface Sockets {
  /** Another descriptor of the same connection, not inherited by programs started. Negative errno on failure. */
  duplicate(fd: number): number
  noDelay(fd: number): void
  /** Keepalive after 5 s of silence, gone after 3 probes 3 s apart. TCP_USER_TIMEOUT stays off: it ends a reader that is alive but does not read. */
  keepAlive(fd: number): void
  /** Closes with RST; what is still unsent is dropped. A Unix socket, which has no RST, is closed. */
  reset(fd: number): void
  /** The sockaddr it is bound to, as much of it as an IP address needs. Used only until the next call. */
  name(fd: number): Uint8Array
  /** Takes the error that waits on the socket, 0 for none. */
  takeError(fd: number): number
  /** Bytes written that the peer has not acknowledged; 0 where it cannot be known. */
  unsent(fd: number): number
  /**
   * Milliseconds since the peer last acknowledged anything, while something it should acknowledge is under way. 0 while its window is
   * closed and it says so; undefined when it has acknowledged everything, or it cannot be known.
   */
  silence(fd: number): number | undefined
}

export function createSockets(libc: Libc): Sockets {
  const value = new Int32Array(1)
  const length = new Int32Array(1)
  const linger = new Int32Array([1, 0])
  const info = new Int32Array(INFO_WORDS)
  const name = new Uint8Array(NAME_ROOM)
  const set = (fd: number, level: number, name: number, to: number) => {
    value[0] = to
    libc.setsockopt(fd, level, name, value, 4)
  }
  return {
    duplicate(fd) {
      const copy = libc.fcntl(fd, F_DUPFD_CLOEXEC, 0)
      return copy < 0 ? -(libc.errno() || EAGAIN) : copy
    },
    noDelay(fd) {
      set(fd, IPPROTO_TCP, TCP_NODELAY, 1)
    },
    keepAlive(fd) {
      set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE.idle)
      set(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE.interval)
      set(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE.count)
      set(fd, SOL_SOCKET, SO_KEEPALIVE, 1)
    },
    reset(fd) {
      libc.setsockopt(fd, SOL_SOCKET, SO_LINGER, linger, 8)
      libc.close(fd)
    },
    name(fd) {
      name.fill(0)
      length[0] = NAME_ROOM
      libc.getsockname(fd, name, length)
      return name
    },
    takeError(fd) {
      value[0] = 0
      length[0] = 4
      libc.getsockopt(fd, SOL_SOCKET, SO_ERROR, value, length)
      return value[0] ?? 0
    },
    unsent(fd) {
      value[0] = 0
      return libc.ioctl(fd, SIOCOUTQ, value) < 0 ? 0 : (value[0] ?? 0)
    },
    silence(fd) {
      length[0] = info.byteLength
      if (libc.getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, length) < 0) return undefined
      const silence = info[LAST_ACK_RECV] ?? 0
      if ((info[UNACKED] ?? 0) > 0) return silence
      if ((info[NOT_SENT] ?? 0) === 0) return undefined
      // Nothing under way, something to send: a reader that does not read answers each probe; where the way there is gone nobody does.
      return probesOf(info) > 1 ? silence : 0
    },
  }
}
