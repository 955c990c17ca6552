// Connections by system calls within Node's event loop, accepted and opened: one epoll(7) instance for all of them, which the loop
// itself watches. What is ready is served in one turn; no thread is in between. Knows no session and no protocol.

import { Connection, createNames, type Home, nameOf, type Owner } from './connection.js'
import { createEpoll } from './epoll.js'
import { parseIp } from './ip-address.js'
import { EAGAIN, EBADF, type Libc, O_CLOEXEC, O_NONBLOCK } from './libc.js'
import { familyOf, ipPortSockaddr } from './sockaddr.js'
import { MSG_AT_ONCE, MSG_DONTWAIT, NAME_ROOM, type Sockets } from './sockets.js'

const EVENTS = 256
/** How long one turn of the loop may serve what becomes ready one after the other, in ms. */
const STAY = 2
/** How long it waits for the next one, in ms. */
const WAIT = 1
/** Turns without a wait after waits in vain, at most. */
const MOST_SKIPPED = 64
const CHUNK = 65_536
/** Bytes of a short read. */
const SHORT = 1024
/** Accepted before others have their turn. */
const TURN = 64
/** Before the next look for a descriptor, in ms. */
const PAUSE = 100
const SOCK_STREAM = 1
const EINPROGRESS = 115
const ECONNABORTED = 103
/** No descriptor left, of the process or of the machine. */
const USED_UP: ReadonlySet<number> = new Set([24, 23])

/** A socket that listens, in our hands. */
export interface Accepting {
  readonly fd: number
  /** Closes the descriptor; nobody new comes. */
  close(): void
}

interface Place {
  readonly host: string
  readonly port: number
}

type Peer = Pick<Connection, 'remoteAddress' | 'remotePort'>

export interface Connections {
  /** What they share, for whoever adopts one. */
  readonly home: Home
  /** Begins to open one, with no delay; undefined where the host is a name, or no descriptor is left. Keepalive is for whoever keeps it. */
  connect(to: Place): Connection | undefined
  /**
   * Accepts on a socket that listens, by a descriptor of our own; undefined where none is left. Whoever comes is paused; while no
   * descriptor is left he is told what `full` gives, if anything, and closed.
   */
  accept(fd: number, came: (connection: Connection) => void, full?: (peer: Peer) => Uint8Array): Accepting | undefined
  /** Nobody is told of anything any more. */
  close(): void
}

/** Throws with the reason where the kernel or Node's event loop refuses. Keeps the process while there is a connection or a listening socket. */
export function createConnections(libc: Libc, sockets: Sockets): Connections {
  const epoll = createEpoll(libc, EVENTS)
  /** By descriptor: who hears of it, and as which of those that had this number. */
  const owners: (Owner | undefined)[] = []
  const generations: number[] = []
  let owned = 0
  /** Of those the listening sockets: they expect nothing soon. */
  let doors = 0
  const patience = createPatience()
  let hurried = false
  let last = 0
  let due = false
  let closed = false

  // Where it is forbidden, that is to show now.
  epoll.wait(0)
  // The loop calls from outside of any turn, where no promise would go on: an immediate is a turn, in the same round of the loop.
  const watch = libc.watch(epoll.fd, () => {
    if (due) return
    due = true
    setImmediate(serve)
  })
  watch.unref()

  /**
   * What is ready, and what becomes ready soon after: on a busy machine the next one of many steps is never far, and a wait for it here
   * is one system call where a turn of the loop is several. Whoever needs the loop says so (`hurry`), and gets it after STAY in any case.
   */
  function serve(): void {
    due = false
    hurried = false
    const until = performance.now() + STAY
    serveReady(epoll.wait(0))
    while (!closed) {
      const waits = owned > doors && !hurried && patience.has()
      const count = epoll.wait(waits ? WAIT : 0)
      if (waits) patience.learn(count > 0)
      if (count === 0) return
      serveReady(count)
      if (performance.now() >= until) return
    }
  }

  function serveReady(count: number): void {
    // Whoever was closed by one before it has no owner any more, whoever has its descriptor now.
    for (let index = 0; index < count; index++) {
      const fd = epoll.key(index)
      if (generations[fd] === epoll.generation(index)) owners[fd]?.happened(epoll.events(index))
    }
  }

  function add(fd: number, owner: Owner): number {
    if (closed) return EBADF
    last = (last + 1) & 0x7fffffff
    const errno = epoll.add(fd, fd, last, 'reading')
    if (errno !== 0) return errno
    owners[fd] = owner
    generations[fd] = last
    owned += 1
    if (owned === 1) watch.ref()
    return 0
  }

  function remove(fd: number, elsewhere: boolean): void {
    if (closed || !owners[fd]) return
    owners[fd] = undefined
    owned -= 1
    if (owned === 0) watch.unref()
    if (elsewhere) epoll.remove(fd)
  }

  const chunk = new Uint8Array(CHUNK)
  /** By length: those of a login are short, and are the same ones again and again. */
  const views: (Buffer | undefined)[] = []
  const home: Home = {
    libc,
    sockets,
    chunk,
    chunkOf(length) {
      const view = views[length] ?? Buffer.from(chunk.buffer, 0, length)
      if (length <= SHORT) views[length] = view
      return view
    },
    watch: add,
    watchWriting: fd => epoll.change(fd, fd, generations[fd] ?? 0, { reading: true, writing: true }),
    adopt: (fd, owner) => {
      owners[fd] = owner
    },
    unwatch: remove,
    hurry() {
      hurried = true
    },
  }

  /** Made once for each place: the same few members are dialled again and again. */
  const addresses = new WeakMap<Place, Uint8Array | undefined>()
  function addressOf(to: Place): Uint8Array | undefined {
    if (addresses.has(to)) return addresses.get(to)
    const ip = parseIp(to.host)
    const address = ip && ipPortSockaddr(ip, to.port)
    addresses.set(to, address)
    return address
  }

  function connect(to: Place): Connection | undefined {
    const address = addressOf(to)
    if (!address) return undefined
    const fd = libc.socket(familyOf(address), SOCK_STREAM | O_NONBLOCK | O_CLOEXEC, 0)
    if (fd < 0) return undefined
    sockets.noDelay(fd)
    const ask = () => (libc.connect(fd, address, address.length) < 0 ? libc.errno() : 0)
    const errno = ask()
    // To an address of this machine it stands at once, although the first call never says so.
    return new Connection(home, fd, to, errno === EINPROGRESS ? ask() : errno)
  }

  /** His last words, to a peer for whom there is no descriptor but the one he is about to lose. Read first: what is left unread would reset it. */
  function dismiss(fd: number, words: Uint8Array): void {
    libc.recv(fd, home.chunk, CHUNK, MSG_DONTWAIT)
    libc.send(fd, words, words.length, MSG_AT_ONCE)
  }

  const accept: Connections['accept'] = (listening, came, full) => {
    const fd = sockets.duplicate(listening)
    if (fd < 0) return undefined
    const name = new Uint8Array(NAME_ROOM)
    const peerOf = createNames()
    const length = new Int32Array(1)
    let spare = sockets.duplicate(fd)
    let open = true

    const next = () => {
      name.fill(0)
      length[0] = NAME_ROOM
      return libc.accept4(fd, name, length, O_NONBLOCK | O_CLOEXEC)
    }
    /** Whoever comes while no descriptor is left is closed: left alone he would wait for ever. False: not even that can be done. */
    const turnAway = () => {
      libc.close(spare)
      const taken = next()
      if (taken >= 0 && full) {
        const { host: remoteAddress, port: remotePort } = nameOf(name)
        dismiss(taken, full({ remoteAddress, remotePort }))
      }
      libc.close(taken)
      spare = sockets.duplicate(fd)
      return spare >= 0
    }
    const take = () => {
      for (let turn = 0; turn < TURN && open; turn++) {
        const taken = next()
        const errno = taken < 0 ? libc.errno() : 0
        if (errno === 0) came(new Connection(home, taken, peerOf(name)))
        else if (errno === EAGAIN) return
        else if (errno !== ECONNABORTED && !(USED_UP.has(errno) && turnAway())) {
          setTimeout(take, PAUSE)
          return
        }
      }
      if (!open) return
      hurried = true
      setImmediate(take)
    }

    // Who is accepted has the options of the socket he came to.
    sockets.noDelay(fd)
    sockets.keepAlive(fd)
    const accepting = {
      fd,
      close() {
        if (open) doors -= 1
        open = false
        remove(fd, true)
        for (const one of [fd, spare]) libc.close(one)
      },
    }
    doors += 1
    if (add(fd, { happened: take }) === 0) return accepting
    accepting.close()
    return undefined
  }

  return {
    home,
    connect,
    accept,
    close() {
      closed = true
      watch.close()
      epoll.close()
    },
  }
}

/** Whether a wait is worth it: after one in vain the next turn goes without, after more of them more turns do. */
function createPatience() {
  let skip = 0
  let left = 0
  return {
    has: () => left === 0 || --left === 0,
    learn(worth: boolean) {
      skip = worth ? 0 : Math.min(MOST_SKIPPED, 2 * skip + 1)
      left = skip
    },
  }
}
