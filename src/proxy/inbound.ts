// A client's bytes before a relay has them: reads up to 10,000 bytes, and notices that the client has left.
// Owns the socket's listeners until release(); never looks at the socket again after it.

import type { Wire } from '../relay/wire.js'

/** PostgreSQL's MAX_STARTUP_PACKET_LENGTH: more than this is never read before a member is joined. */
export const READ_AHEAD = 10_000

export interface Inbound {
  /** What was read and not taken yet. */
  peek(): Buffer
  take(length: number): Buffer
  /** Waits until peek() has grown or the client has left; at once when it has left already. */
  more(): Promise<void>
  /** Why the client is gone, once it is: `end`, or the socket's error. */
  gone(): string | undefined
  onGone(listener: (error?: string) => void): void
  /** Calls the listener for bytes that are there or come, and when the client leaves; without one, reading stops. */
  onBytes(listener: (() => void) | undefined): void
  /** Ends reading: gives what is left; the caller owns the socket from here. */
  release(): Buffer
}

export function createInbound(socket: Wire): Inbound {
  let held: Buffer = Buffer.alloc(0)
  let left: string | undefined
  let wake: (() => void) | undefined
  let told: ((error?: string) => void) | undefined
  let eager: (() => void) | undefined

  const awaken = () => {
    const woken = wake
    wake = undefined
    woken?.()
    eager?.()
  }
  const onData = (chunk: Buffer) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    if (held.length >= READ_AHEAD) socket.pause()
    awaken()
  }
  const onLeft = (why: string, error?: string) => {
    if (left !== undefined) return
    left = why
    told?.(error)
    awaken()
  }
  const onEnd = () => onLeft('end')
  const onError = (error: Error) => onLeft(error.message, error.message)
  const onClose = () => onLeft('end')

  socket.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose)

  return {
    peek: () => held,
    take(length) {
      const taken = held.subarray(0, length)
      held = held.subarray(length)
      if (held.length < READ_AHEAD && left === undefined) socket.resume()
      return taken
    },
    more: () =>
      left === undefined
        ? new Promise(resolve => {
            wake = resolve
          })
        : Promise.resolve(),
    gone: () => left,
    onGone(listener) {
      told = listener
    },
    onBytes(listener) {
      eager = listener
      if (!listener) {
        socket.pause()
        return
      }
      socket.resume()
      if (held.length > 0 || left !== undefined) listener()
    },
    release() {
      eager = undefined
      socket.pause()
      socket.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose)
      const rest = held
      held = Buffer.alloc(0)
      return rest
    },
  }
}
