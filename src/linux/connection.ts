// One connection by system calls, half-open as a matter of course, that tells one listener what happens to it. Owns its descriptor until
// it is destroyed or given away. Buffers nothing it has read.

import { Socket } from 'node:net'
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP } from './epoll.js'
import { formatIp } from './ip-address.js'
import { EAGAIN, errnoName, type Libc } from './libc.js'
import { ipPort } from './sockaddr.js'
import { MSG_AT_ONCE, MSG_DONTWAIT, SHUT_WR, type Sockets } from './sockets.js'

/** What connections of one thread share. */
export interface Home {
  readonly libc: Libc
  readonly sockets: Sockets
  /** What is read goes here, and is told from here. */
  readonly chunk: Uint8Array
  /** The first so many bytes of it, uncopied. */
  chunkOf(length: number): Buffer
  /** Tells the owner from now on when the descriptor can be read. Errno, 0 when added. */
  watch(fd: number, owner: Owner): number
  /** And when it can be written to, which is told at once where it can be. */
  watchWriting(fd: number): void
  /** Tells this owner from now on, of the same. */
  adopt(fd: number, owner: Owner): void
  /** Something is to be done in a turn of the event loop: it is not to be kept waiting. */
  hurry(): void
  /** Tells nobody any more; `elsewhere`: the descriptor stays open. */
  unwatch(fd: number, elsewhere: boolean): void
}

/** Who hears of a descriptor. */
export interface Owner {
  /** Its readiness has changed, as epoll(7) tells it. */
  happened(events: number): void
}

/** Who hears of a connection, one thing at a time, and never from within a call to it. */
export interface Ear {
  /** It stands. Not told of one that stood when it was made. */
  opened(connection: Connection): void
  /** Bytes came; the memory is the connection's. */
  heard(connection: Connection, bytes: Buffer): void
  /** The peer sends no more. */
  ended(connection: Connection): void
  /** All that was owed to the peer is with the kernel. */
  drained(connection: Connection): void
  /** It is no more; with the error it failed with, if it did. */
  closed(connection: Connection, error?: Error): void
}

const EALREADY = 114
const MAPPED = '00000000000000000000ffff'

interface Name {
  readonly host: string | undefined
  readonly port: number | undefined
}

/** What the peer has not taken yet. */
interface Owed {
  readonly bytes: Uint8Array
  readonly done: (() => void) | undefined
}

export class Connection implements Owner {
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  ear: Ear | undefined
  bytesRead = 0
  writableLength = 0
  writableEnded = false
  destroyed = false
  connecting: boolean
  private paused = true
  private readable = false
  /** The peer has ended or failed: it is read until that shows, for no more news of it will come. */
  private closing = false
  private readEnded = false
  private told = false
  private lastWords = false
  private reading = false
  private writing = false
  private own: Name | undefined
  private owed = NOTHING_OWED

  constructor(
    private readonly home: Home,
    private fd: number,
    peer: Name,
    /** What connect(2) says when it is asked once more: 0 when it stands, EALREADY when it is under way. Absent: it was accepted. */
    opening?: number,
  ) {
    this.remoteAddress = peer.host
    this.remotePort = peer.port
    this.connecting = opening === EALREADY
    const refused = opening === EALREADY ? 0 : (opening ?? 0)
    const errno = refused || home.watch(fd, this)
    if (errno !== 0) this.destroy(failure(refused ? 'connect' : 'epoll_ctl', errno))
    else if (this.connecting) this.watchWriting()
  }

  descriptor(): number {
    return this.fd
  }

  get localAddress(): string | undefined {
    return this.name().host
  }

  get localPort(): number | undefined {
    return this.name().port
  }

  happened(events: number): void {
    if (this.connecting && !this.opened(events)) return
    if (events & EPOLLOUT && this.owed.length > 0) this.flush()
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) === 0) return
    this.readable = true
    // What came before a failure is read before it.
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) this.closing = true
    if (!this.paused) this.read()
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
    if (this.readable && !this.reading) this.readSoon(process.nextTick)
  }

  /** True when the kernel took all of it; else `drained` follows. `done` is called when it was taken, or never will be. */
  write(bytes: Uint8Array, done?: () => void): boolean {
    const waits = this.owed.length > 0 || this.connecting
    const sent = waits || this.writableEnded ? 0 : this.send(bytes)
    // A send that failed has destroyed it.
    if (this.destroyed || this.writableEnded || (!waits && sent === bytes.length)) {
      if (done) this.soon(done)
      return !this.destroyed && !this.writableEnded
    }
    if (this.owed === NOTHING_OWED) this.owed = []
    this.owed.push({ bytes: new Uint8Array(bytes.subarray(sent)), done })
    this.watchWriting()
    this.writableLength += bytes.length - sent
    return false
  }

  /** Sends this, then the end. */
  end(bytes?: Uint8Array): void {
    if (bytes) this.write(bytes)
    this.writableEnded = true
    if (this.owed.length === 0 && !this.connecting) this.tell()
  }

  destroySoon(): void {
    this.lastWords = true
    if (this.owed.length === 0) this.destroy()
    else if (!this.writableEnded) this.end()
  }

  destroy(error?: Error): void {
    if (this.destroyed) return
    this.destroyed = true
    this.home.unwatch(this.fd, false)
    this.home.libc.close(this.fd)
    this.fd = -1
    this.forgive()
    this.home.hurry()
    process.nextTick(tellClosed, this, error)
  }

  /** For an engine to take over: nobody hears of it, and nothing is read. */
  stream(): this {
    this.ear = undefined
    this.paused = true
    return this
  }

  /** Gives the descriptor to a new owner, without a word to listeners; nothing may be owed to the peer. -1 where there is none. */
  release(): number {
    const { fd } = this
    if (this.destroyed) return -1
    this.home.unwatch(fd, true)
    this.fd = -1
    this.destroyed = true
    return fd
  }

  /** The same within this thread: the new owner hears of its readiness, and is to read it at once where there may be something to read already. */
  bequeath(heir: Owner): { readonly fd: number; readonly unread: boolean } {
    const { fd } = this
    this.home.adopt(fd, heir)
    this.fd = -1
    this.destroyed = true
    return { fd, unread: this.readable || this.closing || this.readEnded }
  }

  /** The same connection as Node's own; this one is no more. What is still owed is written first. */
  toSocket(): Socket {
    const { owed } = this
    this.owed = NOTHING_OWED
    const fd = this.release()
    if (fd < 0) return new Socket().destroy()
    const socket = new Socket({ fd, allowHalfOpen: true, readable: true, writable: true })
    for (const { bytes, done } of owed) socket.write(bytes, done)
    if (this.writableEnded) socket.end()
    return socket
  }

  private watchWriting(): void {
    if (this.writing) return
    this.writing = true
    this.home.watchWriting(this.fd)
  }

  private name(): Name {
    this.own ??= nameOf(this.fd < 0 ? new Uint8Array() : this.home.sockets.name(this.fd))
    return this.own
  }

  /** Whether the connection stands. */
  private opened(events: number): boolean {
    if (this.fd < 0) return false
    const errno = events & EPOLLERR ? this.home.sockets.takeError(this.fd) : 0
    if (errno !== 0) this.destroy(failure('connect', errno))
    if (errno !== 0 || (events & EPOLLOUT) === 0) return false
    this.connecting = false
    if (this.writableEnded && this.owed.length === 0) this.tell()
    this.ear?.opened(this)
    return true
  }

  /** One read in a turn: whoever heard of it goes on before the next one, which may bring the end. */
  private read(): void {
    if (!this.readable || this.paused || this.fd < 0) return
    const { libc, chunk } = this.home
    const got = libc.recv(this.fd, chunk, chunk.length, MSG_DONTWAIT)
    if (got > 0) {
      this.bytesRead += got
      this.readable = got === chunk.length || this.closing
      this.ear?.heard(this, this.home.chunkOf(got))
      if (this.readable && !this.reading) this.readSoon(setImmediate)
    } else if (got === 0) this.ended()
    else this.notRead(libc.errno())
  }

  private readSoon(when: (go: () => void) => unknown): void {
    this.reading = true
    this.home.hurry()
    when(() => {
      this.reading = false
      this.read()
    })
  }

  private notRead(errno: number): void {
    if (errno !== EAGAIN) this.destroy(failure('read', errno))
    this.readable = false
    this.closing = false
  }

  private ended(): void {
    this.readable = false
    if (this.readEnded) return
    this.readEnded = true
    this.ear?.ended(this)
    if (this.told) this.destroy()
  }

  /** How much was sent; on failure it is destroyed. */
  private send(bytes: Uint8Array): number {
    if (bytes.length === 0 || this.destroyed) return 0
    const sent = this.home.libc.send(this.fd, bytes, bytes.length, MSG_AT_ONCE)
    if (sent >= 0) return sent
    const errno = this.home.libc.errno()
    if (errno !== EAGAIN) this.destroy(failure('write', errno))
    return 0
  }

  private flush(): void {
    for (let next = this.owed[0]; next && !this.destroyed; next = this.owed[0]) {
      const sent = this.send(next.bytes)
      if (this.destroyed) return
      this.writableLength -= sent
      if (sent < next.bytes.length) {
        this.owed[0] = { ...next, bytes: next.bytes.subarray(sent) }
        return
      }
      this.owed.shift()
      if (next.done) this.soon(next.done)
    }
    if (this.destroyed) return
    if (this.lastWords) this.destroy()
    else if (this.writableEnded) this.tell()
    else this.ear?.drained(this)
  }

  /** Tells the peer of the end, once it has all before it. */
  private tell(): void {
    if (this.told || this.destroyed) return
    this.told = true
    if (this.home.libc.shutdown(this.fd, SHUT_WR) < 0) this.destroy(failure('shutdown', this.home.libc.errno()))
    else if (this.readEnded) this.destroy()
  }

  private soon(done: () => void): void {
    this.home.hurry()
    process.nextTick(done)
  }

  private forgive(): void {
    this.writableLength = 0
    const { owed } = this
    this.owed = NOTHING_OWED
    for (const { done } of owed) if (done) this.soon(done)
  }
}

/** Of most connections the kernel takes all at once. */
const NOTHING_OWED: Owed[] = []

function tellClosed(connection: Connection, error: Error | undefined): void {
  connection.ear?.closed(connection, error)
}

/** As Node's own errors: the call, the errno's name. */
function failure(call: string, errno: number): Error {
  const code = errnoName(errno)
  return Object.assign(new Error(`${call} ${code}`), { code, syscall: call })
}

/** What a sockaddr says; an IPv4 address within IPv6 as Node writes it: ::ffff:10.0.0.7. Nothing of a Unix socket. */
export function nameOf(sockaddr: Uint8Array): Name {
  const found = ipPort(sockaddr)
  if (!found) return NAMELESS
  const { address, port } = found
  const mapped = address.length === 16 && Buffer.from(address.subarray(0, 12)).toString('hex') === MAPPED
  return { host: mapped ? `::ffff:${formatIp(address.slice(12))}` : formatIp(address), port }
}

/** The same for one after the other: of those who come from the host that the last one came from, the text is made once. */
export function createNames(): (sockaddr: Uint8Array) => Name {
  const last = new Uint8Array(ADDRESS_END)
  let host: string | undefined
  return sockaddr => {
    let same = host !== undefined
    for (let at = 0; at < ADDRESS_END && same; at++) same = at === 2 || at === 3 || sockaddr[at] === last[at]
    if (same) return { host, port: ((sockaddr[2] ?? 0) << 8) | (sockaddr[3] ?? 0) }
    last.set(sockaddr.subarray(0, ADDRESS_END))
    const name = nameOf(sockaddr)
    host = name.host
    return name
  }
}

/** Where the address in a sockaddr_in6 ends; that in a sockaddr_in ends before. */
const ADDRESS_END = 24

const NAMELESS: Name = { host: undefined, port: undefined }
