// Resets a socket. Knows where Node's own way to do it leaks.

import type { Socket } from 'node:net'

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
