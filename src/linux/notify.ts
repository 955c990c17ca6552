// One datagram to a Unix socket, with a descriptor where one is to go along, which Node's own net cannot send: the sd_notify
// protocol of systemd needs nothing more.
// Linux's constants and sockaddr_un; loaded only where a service manager asks to be told.

import koffi from 'koffi'

const AF_UNIX = 1
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000
const MSG_NOSIGNAL = 0x4000
const PATH_OFFSET = 2
const SOL_SOCKET = 1
const SCM_RIGHTS = 1

/**
 * Sends text as one datagram to the socket at `path` (`@name`: the abstract namespace), with `descriptor` passed along (SCM_RIGHTS).
 * Gives the errno, 0 when sent. unix(7), sendmsg(2).
 */
export function sendDatagram(path: string, text: string, descriptor?: number): number {
  const libc = koffi.load('libc.so.6')
  const socket = libc.func('int socket(int, int, int)')
  const sendmsg = libc.func('long sendmsg(int, const void *, int)')
  const close = libc.func('int close(int)')
  const fd: number = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0)
  if (fd < 0) return koffi.errno()
  const sent = Number(sendmsg(fd, messageOf(unixAddress(path), Buffer.from(text), descriptor), MSG_NOSIGNAL))
  const errno = sent < 0 ? koffi.errno() : 0
  close(fd)
  return errno
}

/** Where the parts of a message lie in its memory: struct msghdr of 64-bit Linux, struct iovec, struct cmsghdr with one descriptor. */
const VECTOR = 56
const CONTROL = VECTOR + 16
const NAME = CONTROL + 24
/** CMSG_LEN of one descriptor; CMSG_SPACE, up to the next 8 bytes, is 24. cmsg(3). */
const RIGHTS = 20

/** All of it in one piece of memory, which is there as long as the call that gets it. */
function messageOf(name: Buffer, body: Buffer, descriptor: number | undefined): Buffer {
  const memory = Buffer.concat([Buffer.alloc(NAME), name, body])
  const start = BigInt(koffi.address(memory))
  const put = (at: number, value: bigint | number) => memory.writeBigUInt64LE(BigInt(value), at)
  put(0, start + BigInt(NAME))
  put(8, name.length)
  put(16, start + BigInt(VECTOR))
  put(24, 1)
  put(VECTOR, start + BigInt(NAME + name.length))
  put(VECTOR + 8, body.length)
  if (descriptor === undefined) return memory
  put(32, start + BigInt(CONTROL))
  put(40, NAME - CONTROL)
  put(CONTROL, RIGHTS)
  memory.writeInt32LE(SOL_SOCKET, CONTROL + 8)
  memory.writeInt32LE(SCM_RIGHTS, CONTROL + 12)
  memory.writeInt32LE(descriptor, CONTROL + 16)
  return memory
}

function unixAddress(path: string): Buffer {
  const name = Buffer.from(path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`)
  const address = Buffer.alloc(PATH_OFFSET + name.length)
  address.writeUInt16LE(AF_UNIX, 0)
  name.copy(address, PATH_OFFSET)
  return address
}
