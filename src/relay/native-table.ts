// What the main thread and one relay thread share of that thread's sessions: numbers in shared memory, indexed by slot or by end.
// A session has a slot and two ends: 2 × slot is the session's socket, 2 × slot + 1 the link's; `end ^ 1` is the other one.
// The main thread gives slots out and takes them back; in between only the relay thread writes.

/** Sessions of one thread. Pages of the table that were never used cost no memory. */
export const SLOTS = 65_536

/** Bits of an end's state. */
export const STATE = {
  /** It may have something to read. */
  readable: 1,
  /** It has been closed or has failed: read it until that shows. */
  closing: 2,
  /** It takes no more for now; what it is owed waits, and its peer is not read. */
  blocked: 4,
  /** It has ended in order. */
  ended: 8,
  /** It was told of its peer's end. */
  told: 16,
  /** Something was sent to it that may not be acknowledged yet. */
  owing: 32,
  /** It waits for its next share of the thread's time. */
  queued: 64,
  /** Its session is being flushed and reset. */
  dying: 128,
  /** It ended in order before its peer did. */
  first: 256,
  /** It streams: arrivals are no news, it is looked at in intervals. */
  streaming: 512,
} as const

export interface NativeTable {
  /** The first word is set when the thread is to end; the second is the highest slot that was ever given out. */
  readonly control: Int32Array
  /** By slot. Changes each time a slot is given out, so that nothing late is taken for its present session. */
  readonly generation: Int32Array
  /** By end: the descriptor, -1 when closed. */
  readonly descriptor: Int32Array
  /** By end: bytes taken from it. */
  readonly taken: Float64Array
  /** By end. */
  readonly state: Uint16Array
  /** By slot: queries its session has sent, -1 where they are not counted. */
  readonly queries: Float64Array
  /** By slot: when the link first gave bytes to this thread, on the clock of those below. */
  readonly first: Float64Array
  /** By slot: when the link last gave bytes that were no parting word, in ms of the machine's monotonic clock; 0 before. */
  readonly answered: Float64Array
  /** By slot: since when the link has been ending the session, on the same clock; 0 while it is not. */
  readonly parted: Float64Array
  /** By end: for how long it has acknowledged nothing although it should have, in ms; 0 when it owes nothing. */
  readonly silence: Int32Array
}

export function createTable(): NativeTable {
  const shared = (bytes: number) => new SharedArrayBuffer(bytes)
  return {
    control: new Int32Array(shared(8)),
    generation: new Int32Array(shared(4 * SLOTS)),
    descriptor: new Int32Array(shared(8 * SLOTS)),
    taken: new Float64Array(shared(16 * SLOTS)),
    state: new Uint16Array(shared(4 * SLOTS)),
    queries: new Float64Array(shared(8 * SLOTS)),
    first: new Float64Array(shared(8 * SLOTS)),
    answered: new Float64Array(shared(8 * SLOTS)),
    parted: new Float64Array(shared(8 * SLOTS)),
    silence: new Int32Array(shared(8 * SLOTS)),
  }
}

export interface WorkerInput {
  readonly table: NativeTable
  /** The eventfd that says: look for commands. */
  readonly wake: number
  /** The epoll instance it waits on, which the main thread adds ends to. */
  readonly epoll: number
  /** How long to look for more work before sleeping, in ms. */
  readonly spin: number
  /** Whether many reads or sends may be made in one system call, where the kernel has it. */
  readonly batched: boolean
}

/** A failure of one end, 0 the session's or 1 the link's, that has been seen already. */
export interface Failure {
  readonly end: number
  readonly errno: number
  readonly call: Ending['call']
}

/**
 * What the main thread asks. `attach`: both descriptors are in the table, but not in epoll yet; the bytes are to be written before that,
 * and one end may have failed.
 */
export type Command =
  | {
      readonly kind: 'attach'
      readonly slot: number
      readonly toLink?: Uint8Array<ArrayBuffer>
      readonly toSession?: Uint8Array<ArrayBuffer>
      readonly failed?: Failure
    }
  | { readonly kind: 'cut'; readonly slot: number; readonly generation: number }

/** How a session ended. `errno` 0: in order, or cut. */
export interface Ending {
  readonly slot: number
  readonly by: 'session' | 'link' | 'cut'
  readonly errno: number
  readonly call: 'read' | 'write'
}

/** What a relay thread says: that it runs, and which sessions have ended. */
export type Told = 'ready' | readonly Ending[]
