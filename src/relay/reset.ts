// The last things done to a socket: wait until its bytes are the kernel's, and reset it. Knows where Node's own way leaks.

import type { Socket } from 'node:net'

const NOTHING = new Uint8Array(0)

/** Closes with RST and drops what is still to be written. Does nothing to a socket already destroyed; a Unix socket, which has no RST, is closed. */
export function reset(socket: Socket): void {
  if (socket.destroyed) return
  // While libuv's shutdown is under way its close_reset answers EINVAL, and Node then leaks the descriptor.
  if (socket.writableEnded && !socket.writableFinished && socket.writableLength === 0) {
    socket.once('finish', () => reset(socket))
    return
  }
  try {
    socket.resetAndDestroy()
  } catch {
    // ERR_INVALID_HANDLE_TYPE: not TCP.
    socket.destroy()
  }
}

/** Calls `done` when everything written so far is with the kernel, or the write failed. Never, when the peer takes nothing: the caller owns a deadline. */
export function whenWritten(socket: Socket, done: () => void): void {
  if (socket.destroyed || socket.writableLength === 0) done()
  else if (socket.writableEnded) socket.once('finish', done)
  // 'drain' comes only to writers who were told to wait; the callback of an empty write comes always, and in order.
  else socket.write(NOTHING, () => done())
}
