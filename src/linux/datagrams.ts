// Sockets of datagrams of every family: open, bind, send to, receive with the sender and control messages. One foreign call each.
// Knows the layout of msghdr on 64-bit Linux. Knows no protocol.

import koffi from 'koffi'
import { EAGAIN, EINTR, type Libc, loadLibc, O_CLOEXEC, O_NONBLOCK } from './libc.js'
import { MSG_AT_ONCE, MSG_DONTWAIT } from './sockets.js'

export const SOCK_RAW = 3
export const SOL_SOCKET = 1

const HEADER = 56
const NAME_ROOM = 28

export interface Datagram {
  readonly data: Uint8Array
  /** The sender's sockaddr. */
  readonly name: Uint8Array
  readonly control: Uint8Array
}

export interface Datagrams {
  readonly libc: Libc
  /** A non-blocking socket that started programs do not inherit; negative errno on failure. */
  open(family: number, type: number, protocol: number): number
  /** Errno, 0 when bound. */
  bind(fd: number, name: Uint8Array): number
  /** Errno, 0 when the kernel took it. Never waits. */
  sendTo(fd: number, bytes: Uint8Array, name: Uint8Array): number
  /** Sets an option; a number goes as an int. Errno, 0 when set. */
  option(fd: number, level: number, name: number, value: number | Uint8Array): number
  /** Memory for receiving datagrams of up to `room` bytes, to be used again and again; longer ones are cut. */
  receiver(room: number, controlRoom: number): (fd: number) => Datagram | number
}

/** Loads glibc. Throws where there is none. */
export function loadDatagrams(): Datagrams {
  const libc = loadLibc()
  const library = koffi.load('libc.so.6')
  const socket = library.func('int socket(int, int, int)')
  const bind = library.func('int bind(int, const void *, unsigned int)')
  const sendto = library.func('long sendto(int, const void *, size_t, int, const void *, unsigned int)')
  const recvmsg = library.func('long recvmsg(int, void *, int)')
  const errnoOf = (result: unknown) => (Number(result) < 0 ? libc.errno() : 0)
  return {
    libc,
    open(family, type, protocol) {
      const fd = Number(socket(family, type | O_CLOEXEC | O_NONBLOCK, protocol))
      return fd < 0 ? -libc.errno() : fd
    },
    bind: (fd, name) => errnoOf(bind(fd, name, name.length)),
    sendTo: (fd, bytes, name) => errnoOf(sendto(fd, bytes, bytes.length, MSG_AT_ONCE, name, name.length)),
    option(fd, level, name, value) {
      const bytes = typeof value === 'number' ? Int32Array.of(value) : value
      return errnoOf(libc.setsockopt(fd, level, name, bytes, bytes.byteLength))
    },
    receiver: (room, controlRoom) => createReceiver(libc, recvmsg, room, controlRoom),
  }
}

/** The addresses inside the header stay valid because an ArrayBuffer's memory never moves while it is referenced. */
function createReceiver(libc: Libc, recvmsg: (...args: unknown[]) => unknown, room: number, controlRoom: number) {
  const [data, name, control] = [memory(room), memory(NAME_ROOM), memory(controlRoom)]
  const vector = memory(16)
  const header = memory(HEADER)
  const view = new DataView(header.buffer)
  const vectorView = new DataView(vector.buffer)
  vectorView.setBigUint64(0, koffi.address(data), true)
  vectorView.setBigUint64(8, BigInt(room), true)
  const prepare = () => {
    view.setBigUint64(0, koffi.address(name), true)
    view.setUint32(8, NAME_ROOM, true)
    view.setBigUint64(16, koffi.address(vector), true)
    view.setBigUint64(24, 1n, true)
    view.setBigUint64(32, koffi.address(control), true)
    view.setBigUint64(40, BigInt(controlRoom), true)
    view.setInt32(48, 0, true)
  }
  return (fd: number): Datagram | number => {
    prepare()
    const length = Number(recvmsg(fd, header, MSG_DONTWAIT))
    if (length < 0) return libc.errno()
    const controlLength = Number(view.getBigUint64(40, true))
    return {
      data: data.slice(0, length),
      name: name.slice(0, view.getUint32(8, true)),
      control: control.slice(0, controlLength),
    }
  }
}

const memory = (size: number) => new Uint8Array(new ArrayBuffer(Math.max(8, size)))

export interface Batch<T> {
  readonly got: readonly T[]
  /** How many `read` gave undefined for. */
  readonly unread: number
  /** Why the reading stopped, other than that nothing was left: the errno, 0 for none. */
  readonly errno: number
}

/** Reads until nothing is left, but at most `most` datagrams. */
export function receiveBatch<T>(
  next: () => Datagram | number,
  read: (one: Datagram) => T | undefined,
  most: number,
): Batch<T> {
  const got: T[] = []
  let unread = 0
  for (let n = 0; n < most; n++) {
    const one = next()
    if (typeof one === 'number') {
      if (one === EINTR) continue
      return { got, unread, errno: one === EAGAIN ? 0 : one }
    }
    const value = read(one)
    if (value === undefined) unread++
    else got.push(value)
  }
  return { got, unread, errno: 0 }
}
