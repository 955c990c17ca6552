// Many recv(2) or send(2) in one system call, by io_uring(7): each as it would be alone with MSG_DONTWAIT, and none is under way
// when run() returns. Numbers and layouts are linux/io_uring.h's, the same on x64 and arm64. Knows no session.

import { EINTR, type Libc } from './libc.js'
import { MSG_AT_ONCE, MSG_DONTWAIT } from './sockets.js'

/** Calls in one go, and the memory of each, in bytes. */
const PLACES = 128
const ROOM = 8192

const OP_SEND = 26
const OP_RECV = 27
const SQE_BYTES = 64
const CQE_WORDS = 4
/** Both rings in one mapping: Linux 5.4. */
const FEAT_SINGLE_MMAP = 1
const OFF_SQES = 0x10000000

/** 32-bit words of struct io_uring_params. */
const PARAM = { sqEntries: 0, cqEntries: 1, features: 5, sqHead: 10, sqTail: 11, sqMask: 12, sqArray: 16 } as const
const PARAM_CQ = { head: 20, tail: 21, mask: 22, cqes: 25 } as const
const PARAM_WORDS = 30

/** The result of a call that was asked for and not made. */
export const UNMADE = -0x7fffffff

export interface Batch {
  readonly places: number
  /** Bytes of memory of each place: place `p` has those of `bytes` from p × room. */
  readonly room: number
  readonly bytes: Uint8Array
  /** Asks for a recv into the place's memory. */
  recv(place: number, fd: number): void
  /** Asks for a send of the first `length` bytes of the place's memory. */
  send(place: number, fd: number, length: number): void
  /** Makes the calls asked for. False when the kernel made only some: the others have the result UNMADE, and the batch is of no more use. */
  run(): boolean
  /** Of the last call at the place: bytes moved, the errno negated, or UNMADE. */
  result(place: number): number
  close(): void
}

interface Ring {
  readonly fd: number
  readonly words: Int32Array
  readonly sqes: DataView
  readonly params: Int32Array
}

/** Undefined where io_uring is not to be had: an older kernel, a seccomp profile, sysctl kernel.io_uring_disabled. */
export function createBatch(libc: Libc): Batch | undefined {
  const ring = openRing(libc)
  if (!ring) return undefined
  const batch = new UringBatch(libc, ring)
  // The ring is no socket: a kernel that knows recv says so (ENOTSOCK), an older one says EINVAL.
  batch.recv(0, ring.fd)
  if (batch.run() && batch.result(0) === -ENOTSOCK) return batch
  batch.close()
  return undefined
}

const ENOTSOCK = 88

function openRing(libc: Libc): Ring | undefined {
  const params = new Int32Array(PARAM_WORDS)
  const fd = libc.ioUringSetup(2 * PLACES, params)
  if (fd < 0) return undefined
  const word = (index: number) => params[index] ?? 0
  const size = Math.max(
    word(PARAM.sqArray) + 4 * word(PARAM.sqEntries),
    word(PARAM_CQ.cqes) + 4 * CQE_WORDS * word(PARAM.cqEntries),
  )
  const rings = word(PARAM.features) & FEAT_SINGLE_MMAP ? libc.map(fd, 0, size) : undefined
  const sqes = rings && libc.map(fd, OFF_SQES, SQE_BYTES * word(PARAM.sqEntries))
  if (rings && sqes) return { fd, params, words: new Int32Array(rings, 0, size >> 2), sqes: new DataView(sqes) }
  libc.close(fd)
  return undefined
}

class UringBatch implements Batch {
  readonly places = PLACES
  readonly room = ROOM
  readonly bytes = new Uint8Array(PLACES * ROOM)
  private readonly results = new Int32Array(PLACES)
  private readonly asked = new Int32Array(2 * PLACES)
  private count = 0

  constructor(
    private readonly libc: Libc,
    private readonly ring: Ring,
  ) {
    const start = libc.addressOf(this.bytes)
    for (let place = 0; place < PLACES; place++) {
      const address = start + BigInt(place * ROOM)
      this.prepare(place, { op: OP_RECV, address, flags: MSG_DONTWAIT, place })
      this.prepare(PLACES + place, { op: OP_SEND, address, flags: MSG_AT_ONCE, place })
      this.ring.sqes.setUint32(SQE_BYTES * place + 24, ROOM, true)
    }
  }

  recv(place: number, fd: number): void {
    this.ask(place, place, fd)
  }

  send(place: number, fd: number, length: number): void {
    this.ring.sqes.setUint32(SQE_BYTES * (PLACES + place) + 24, length, true)
    this.ask(PLACES + place, place, fd)
  }

  run(): boolean {
    const { count } = this
    this.count = 0
    const { words, params } = this.ring
    const [head, tail] = [(params[PARAM.sqHead] ?? 0) >> 2, (params[PARAM.sqTail] ?? 0) >> 2]
    const [array, mask] = [(params[PARAM.sqArray] ?? 0) >> 2, words[(params[PARAM.sqMask] ?? 0) >> 2] ?? 0]
    const first = words[tail] ?? 0
    for (let i = 0; i < count; i++) words[array + ((first + i) & mask)] = this.asked[i] ?? 0
    words[tail] = (first + count) | 0
    for (let made = 0; made < count; ) {
      const submitted = ((words[head] ?? 0) - first) | 0
      const errno = this.libc.ioUringEnter(this.ring.fd, count - submitted, count - made) < 0 ? this.libc.errno() : 0
      made += this.reap()
      if (errno === 0 || errno === EINTR) continue
      // What the kernel has not taken must not be made later.
      words[tail] = words[head] ?? 0
      return false
    }
    return true
  }

  result(place: number): number {
    return this.results[place] ?? UNMADE
  }

  close(): void {
    this.libc.close(this.ring.fd)
  }

  private prepare(index: number, call: { op: number; address: bigint; flags: number; place: number }): void {
    const { sqes } = this.ring
    const at = SQE_BYTES * index
    sqes.setUint8(at, call.op)
    sqes.setBigUint64(at + 16, call.address, true)
    sqes.setUint32(at + 28, call.flags, true)
    sqes.setUint32(at + 32, call.place, true)
  }

  private ask(index: number, place: number, fd: number): void {
    this.results[place] = UNMADE
    this.ring.sqes.setInt32(SQE_BYTES * index + 4, fd, true)
    this.asked[this.count++] = index
  }

  private reap(): number {
    const { words, params } = this.ring
    const [head, tail] = [(params[PARAM_CQ.head] ?? 0) >> 2, (params[PARAM_CQ.tail] ?? 0) >> 2]
    const [cqes, mask] = [(params[PARAM_CQ.cqes] ?? 0) >> 2, words[(params[PARAM_CQ.mask] ?? 0) >> 2] ?? 0]
    const [from, to] = [words[head] ?? 0, words[tail] ?? 0]
    const count = (to - from) | 0
    for (let i = 0; i < count; i++) {
      const cqe = cqes + CQE_WORDS * ((from + i) & mask)
      this.results[words[cqe] ?? 0] = words[cqe + 2] ?? UNMADE
    }
    words[head] = to
    return count
  }
}
