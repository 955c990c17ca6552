// One datagram to a Unix socket, which Node's own net cannot send: the sd_notify protocol of systemd needs nothing more.
// Linux's constants and sockaddr_un; loaded only where a service manager asks to be told.

import koffi from 'koffi'

const AF_UNIX = 1
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000
const MSG_NOSIGNAL = 0x4000
const PATH_OFFSET = 2

/** Sends text as one datagram to the socket at `path` (`@name`: the abstract namespace). Gives the errno, 0 when sent. unix(7). */
export function sendDatagram(path: string, text: string): number {
  const libc = koffi.load('libc.so.6')
  const socket = libc.func('int socket(int, int, int)')
  const sendto = libc.func('long sendto(int, const void *, size_t, int, const void *, unsigned int)')
  const close = libc.func('int close(int)')
  const fd: number = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0)
  if (fd < 0) return koffi.errno()
  const address = unixAddress(path)
  const body = Buffer.from(text)
  const sent = Number(sendto(fd, body, body.length, MSG_NOSIGNAL, address, address.length))
  const errno = sent < 0 ? koffi.errno() : 0
  close(fd)
  return errno
}

function unixAddress(path: string): Buffer {
  const name = Buffer.from(path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`)
  const address = Buffer.alloc(PATH_OFFSET + name.length)
  address.writeUInt16LE(AF_UNIX, 0)
  name.copy(address, PATH_OFFSET)
  return address
}
