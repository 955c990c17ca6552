// Takes a connection from its owner. One of our own gives its descriptor up; of Node's the descriptor is duplicated, what Node had read
// is taken, and the stream is destroyed, which closes Node's descriptor and sends nothing. The one place that knows where Node keeps a socket's descriptor (undocumented: `_handle.fd`).

import type { Socket } from 'node:net'
import { Connection } from '../linux/connection.js'
import type { Sockets } from '../linux/sockets.js'
import type { Failure } from './native-table.js'
import type { Pair } from './relay.js'
import type { Stream } from './wire.js'

interface Handle {
  readonly fd?: number
  readStop?(): void
}

/** Two descriptors that are now the relay's, and everything read so far. */
export interface Taken {
  readonly session: number
  readonly link: number
  readonly toLink: readonly Uint8Array[]
  readonly toSession: readonly Uint8Array[]
  /** Of the session's end and of the link's: what was taken from it, and the bits of its state, where it was relayed before. */
  readonly past?: readonly [Past, Past]
  /** When the link answered before, as the table has it. */
  readonly heard?: Readonly<Record<'first' | 'answered' | 'parted', number>>
  /** How one end has failed, if so. */
  readonly failed?: Failure
}

interface Past {
  /** Bytes. */
  readonly taken: number
  readonly state: number
}

const handleOf = (stream: Stream): Handle | undefined =>
  (stream as unknown as { readonly _handle?: Handle | null })._handle ?? undefined

/** The descriptor under a connection, or undefined where there is none to take. */
function descriptorOf(stream: Stream): number | undefined {
  if (stream instanceof Connection) return stream.descriptor()
  const handle = handleOf(stream)
  return handle?.readStop && typeof handle.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined
}

/** One that is broken, ending or not open yet has a history that only its owner knows: it stays with Node. */
const isWhole = (stream: Stream): boolean =>
  !stream.destroyed && !stream.connecting && !stream.writableEnded && descriptorOf(stream) !== undefined

export const canTake = ({ session, link }: Pair): boolean => isWhole(session) && isWhole(link)

/** True while something is still to be written that nobody else can take. */
export const isWriting = ({ session, link }: Pair): boolean => session.writableLength > 0 || link.writableLength > 0

/** Takes both, or neither: then the errno says why (descriptors used up). Only for a pair that can be taken and is not writing. */
export function take(
  pair: Pair,
  sockets: Pick<Sockets, 'duplicate' | 'noDelay'>,
  close: (fd: number) => void,
): Taken | number {
  const descriptor = (stream: Stream) => {
    const fd = descriptorOf(stream) ?? -1
    return stream instanceof Connection ? fd : sockets.duplicate(fd)
  }
  const session = descriptor(pair.session)
  if (session < 0) return -session
  const link = descriptor(pair.link)
  if (link < 0) {
    if (!(pair.session instanceof Connection)) close(session)
    return -link
  }
  const { passed } = pair
  return {
    session,
    link,
    ...(passed && { past: [past(passed.fromSession), past(passed.fromLink)] }),
    toLink: [...pair.toLink, ...strip(pair.session, session, sockets)],
    toSession: [...pair.toSession, ...strip(pair.link, link, sockets)],
  }
}

const past = (taken: number): Past => ({ taken, state: 0 })

/** What Node had read; its stream is gone after it. Nothing comes in between: this thread is the one that reads. */
function strip(stream: Stream, fd: number, sockets: Pick<Sockets, 'noDelay'>): Buffer[] {
  if (stream instanceof Connection) {
    stream.release()
    return []
  }
  sockets.noDelay(fd)
  const socket = stream as Socket
  handleOf(socket)?.readStop?.()
  const chunks: Buffer[] = []
  for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) chunks.push(chunk)
  socket.destroy()
  return chunks
}

const NOTHING = Buffer.alloc(0)

/** Calls back once all that was to be written to both is written, or one is broken. Reading does not go on meanwhile. */
export function whenWritten({ session, link }: Pair, done: () => void): void {
  let left = 2
  for (const stream of [session, link]) {
    const socket = stream instanceof Connection ? undefined : (stream as Socket)
    const onError = () => {}
    socket?.on('error', onError)
    stream.pause()
    // Calls back after everything before it, or with the error that made it pointless.
    stream.write(NOTHING, () => {
      left -= 1
      if (left === 0) done()
      socket?.off('error', onError)
    })
  }
}

/** One array of its own: a message would else carry the whole of each chunk's memory. */
export function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> | undefined {
  let length = 0
  for (const chunk of chunks) length += chunk.length
  if (length === 0) return undefined
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
