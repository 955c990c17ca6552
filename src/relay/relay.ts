// The contract between the proxy and whatever moves the bytes. An engine owns both connections from attach() on.

import type { Address } from '../topology/topology.js'
import type { Ms } from '../units/units.js'
import type { Stream, Wires } from './wire.js'

export interface Pair {
  readonly session: Stream
  readonly link: Stream
  /** Bytes already read from the session, to be written to the link before anything else; and the reverse. */
  readonly toLink: readonly Buffer[]
  readonly toSession: readonly Buffer[]
  /** Bytes that had passed before the engine had both: counted with those it moves. None where it is absent. */
  readonly passed?: Passed
  /** What the session sends from here on are PostgreSQL's messages in plaintext, so that its queries can be counted. */
  readonly plaintext?: boolean
}

/** Who ended it: one side closed in order, one side failed, or we cut it. A cut with an error is the engine's own failure. */
export type RelayEnd =
  | { readonly by: 'session' | 'link'; readonly error?: string }
  | { readonly by: 'cut'; readonly error?: string }

/** What the link gave last, so long before the end was told. Each is absent where it did not come. */
export interface LastWords {
  /** The first bytes of it that the engine passed on. */
  readonly first?: Ms
  /** The last bytes that were no parting word: in plaintext, the last answer. */
  readonly answered?: Ms
  /**
   * The link began to end it, and not the session: by its parting word, which can only be told from an answer in plaintext, its end or
   * its failure.
   */
  readonly parted?: Ms
}

export interface Passed {
  /** Bytes. */
  readonly fromSession: number
  readonly fromLink: number
}

export interface Counts extends Passed {
  /** Queries the session has sent; absent where they are not counted. */
  readonly queries?: number
}

/** Whose session it is. An object and no function: a closure for each would cost more than all else that an engine keeps of it. */
export interface EndListener {
  /** Called exactly once, after both connections are closed and counts() is final. */
  ended(end: RelayEnd, last: LastWords): void
}

export interface Attached {
  /** What was taken from the session and from the link so far, with what was handed over and what had passed before. */
  counts(): Counts
  /** True once exactly one direction has ended in order and the other still runs. */
  halfClosed(): boolean
  /** How long ago the link first gave bytes, beside those handed over; undefined before. */
  firstAnswer(): Ms | undefined
  /** Sends what the link had still sent, then resets the session and the link. Ends with `{ by: 'cut' }`; a second call does nothing. */
  cut(): void
  /** Our own end of the link; undefined once it is closed. */
  linkName(): Address | undefined
  /** For how long a side has acknowledged nothing although something was under way to it; undefined while nobody owes. Only where the kernel can be asked. */
  stalledFor?(): Ms | undefined
}

export interface Engine {
  readonly name: 'net' | 'native'
  /** Connections of its own making, which cost it least to take over; absent: Node makes them. */
  readonly wires?: Wires
  /** Takes both connections over. */
  attach(pair: Pair, listener: EndListener): Attached
  /** Ends what the engine runs; sessions still attached are reset and end. */
  stop?(): Promise<void>
}
