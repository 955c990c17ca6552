// The engine that works everywhere: Node's own streams. Passes bytes, ends and failures from one socket to the other.
// Never looks into a byte. Knows one deadline, that of a last flush; all others are the janitor's.

import type { Socket } from 'node:net'
import { QueryCounter } from '../protocol/queries.js'
import { ownAddress } from '../topology/address.js'
import { ago, heard, lastWords, monotonic, parts } from './last-words.js'
import type { Attached, EndListener, Engine, Pair, RelayEnd } from './relay.js'
import { reset } from './reset.js'
import type { Stream } from './wire.js'

/**
 * How long a side may take over its last bytes once the other side has failed or the session is cut, in milliseconds.
 * A reset drops what the kernel has not sent yet and Node cannot ask how much that is: with a backlog all of this is given.
 */
const FLUSH_LIMIT = 100

/** TCP keepalive starts after this much silence, in milliseconds. */
const KEEPALIVE_AFTER = 5000

/** An engine that relays within this process, through Node's streams. Holds at most their high-water marks and one chunk per direction. */
export function createNetEngine({ countQueries = false }: { readonly countQueries?: boolean } = {}): Engine {
  const counter = ({ plaintext }: Pair) => (countQueries && plaintext ? new QueryCounter() : undefined)
  return { name: 'net', attach: (pair, listener) => new NetRelay(pair, listener, counter(pair)) }
}

const socketOf = (stream: Stream): Socket => ('toSocket' in stream ? stream.toSocket() : stream)

/** One direction. */
interface Flow {
  readonly by: 'session' | 'link'
  readonly from: Socket
  readonly to: Socket
  readonly onData: (chunk: Buffer) => void
  readonly counter: QueryCounter | undefined
  taken: number
  /** `from` ended in order, and `to` was told. */
  ended: boolean
  /** `from` is closed, and that was counted. */
  gone: boolean
}

class NetRelay implements Attached {
  private readonly up: Flow
  private readonly down: Flow
  private open = 2
  /** Set by a failure or a cut: from then on nothing is relayed, only flushed and reset. */
  private dying = false
  private end: RelayEnd | undefined
  private readonly last = { first: [0], answered: [0], parted: [0] }

  constructor(
    pair: Pair,
    private readonly listener: EndListener,
    counter: QueryCounter | undefined,
  ) {
    const [session, link] = [socketOf(pair.session), socketOf(pair.link)]
    this.up = this.flow('session', session, link, counter)
    this.down = this.flow('link', link, session)
    this.up.taken = pair.passed?.fromSession ?? 0
    this.down.taken = pair.passed?.fromLink ?? 0
    this.listen(this.up)
    this.listen(this.down)
    // Everything handed over is written before either side is read or found dead, so that both keep their order.
    this.handOver(this.up, pair.toLink)
    this.handOver(this.down, pair.toSession)
    this.begin(this.up)
    this.begin(this.down)
  }

  counts() {
    const { counter, taken } = this.up
    const counts = { fromSession: taken, fromLink: this.down.taken }
    return counter ? { ...counts, queries: counter.queries } : counts
  }

  halfClosed() {
    return !this.dying && this.up.ended !== this.down.ended
  }

  firstAnswer() {
    return ago(this.last.first[0])
  }

  linkName() {
    return ownAddress(this.down.from)
  }

  cut() {
    // A failure's last flush may still carry a session's bytes to the member: a cut ends that too.
    if (this.dying && this.end?.by !== 'cut') reset(this.down.from)
    if (this.dying || this.open === 0) return
    this.dying = true
    this.end = { by: 'cut' }
    stop(this.up)
    this.drainLink()
  }

  private flow(by: Flow['by'], from: Socket, to: Socket, counter?: QueryCounter): Flow {
    const flow: Flow = {
      by,
      from,
      to,
      onData: chunk => {
        take(flow, chunk)
        if (by === 'link') heard(this.last, 0, chunk, 0, chunk.length, monotonic())
        if (!to.write(chunk)) from.pause()
      },
      counter,
      taken: 0,
      ended: false,
      gone: false,
    }
    return flow
  }

  private listen(flow: Flow): void {
    const { from, to } = flow
    // Else Node would answer the peer's end with our own before the other direction is through.
    from.allowHalfOpen = true
    from.setTimeout(0)
    from.setNoDelay(true)
    from.setKeepAlive(true, KEEPALIVE_AFTER)
    to.on('drain', () => from.resume())
    from.on('end', () => this.pass(flow))
    // Stays for good: a socket may fail after its end was reported.
    from.on('error', error => this.fail(flow, error))
    from.on('close', () => this.closed(flow))
  }

  private handOver(flow: Flow, chunks: readonly Buffer[]): void {
    for (const chunk of chunks) {
      take(flow, chunk)
      if (!flow.to.destroyed) flow.to.write(chunk)
    }
  }

  /** Starts reading, or catches up with what happened to the socket before it was ours: its events will not come again. */
  private begin(flow: Flow): void {
    const { from } = flow
    if (from.destroyed) this.fail(flow, from.errored)
    else if (from.readableEnded) this.pass(flow)
    if (from.closed) process.nextTick(() => this.closed(flow))
    if (this.dying) return
    from.on('data', flow.onData)
    from.resume()
  }

  /** Passes an end in order on. The other direction goes on. */
  private pass(flow: Flow): void {
    if (this.dying || flow.ended) return
    flow.ended = true
    if (flow === this.down && !this.up.ended) parts(this.last, 0, monotonic())
    this.end ??= { by: flow.by }
    flow.to.end()
  }

  /** Passes a failure on: the other side still gets what had been read, then a reset. */
  private fail(flow: Flow, error: Error | null): void {
    if (this.dying) return
    this.dying = true
    if (flow === this.down && !this.up.ended) parts(this.last, 0, monotonic())
    this.end = error ? { by: flow.by, error: error.message } : (this.end ?? { by: flow.by })
    stop(this.up)
    stop(this.down)
    takeRest(flow)
    reset(flow.from)
    if (flow.to.writableLength === 0) reset(flow.to)
    if (flow.to.destroyed) return
    const limit = setTimeout(reset, FLUSH_LIMIT, flow.to)
    flow.to.once('close', () => clearTimeout(limit))
  }

  /** After a cut: takes what the link has ready, writes it to the session, and resets both, within FLUSH_LIMIT. */
  private drainLink(): void {
    const { from: link, to: session } = this.down
    const before = this.down.taken
    const idle = session.writableLength === 0
    let taken = before
    let quietTurns = 0
    const look = () => {
      // A link that a slow session holds back is not quiet: the session's drain looks again, and the limit ends it.
      quietTurns = this.down.taken !== taken || link.isPaused() ? 0 : quietTurns + 1
      taken = this.down.taken
      // The first turn may not have polled the socket yet; after two more without a byte the kernel had none.
      const drained = session.destroyed || link.destroyed || link.readableEnded || quietTurns > 2
      if (drained) {
        reset(link)
        if (session.destroyed || (idle && taken === before)) finish()
      } else if (link.isPaused()) session.once('drain', look)
      else next = setImmediate(look)
    }
    const finish = () => {
      clearTimeout(limit)
      clearImmediate(next)
      stop(this.down)
      reset(link)
      reset(session)
    }
    const limit = setTimeout(finish, FLUSH_LIMIT)
    let next = setImmediate(look)
  }

  private closed(flow: Flow): void {
    // Node's `closed` is true a little before 'close' comes: a socket taken over in between is told twice.
    if (flow.gone) return
    flow.gone = true
    const inOrder = flow.from.readableEnded && flow.from.writableFinished
    // Destroyed by someone else, without an error to tell.
    if (!inOrder) this.fail(flow, null)
    this.open -= 1
    if (this.open === 0) this.listener.ended(this.end ?? { by: flow.by }, lastWords(this.last, 0, monotonic()))
  }
}

function take(flow: Flow, chunk: Buffer): void {
  flow.taken += chunk.length
  flow.counter?.feed(chunk, 0, chunk.length)
}

function stop(flow: Flow): void {
  flow.from.off('data', flow.onData)
  flow.from.pause()
}

/** A failed socket still holds what was read while the other side was slow; its 'data' comes no more, read() gives it. */
function takeRest(flow: Flow): void {
  for (let rest: Buffer | null = flow.from.read(); rest !== null; rest = flow.from.read()) {
    take(flow, rest)
    if (!flow.to.destroyed && !flow.to.writableEnded) flow.to.write(rest)
  }
}
