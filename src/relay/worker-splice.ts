// Moves what an end that streams has to its peer through a pipe, without a copy. What the peer does not take stays in the pipe, which is
// then the peer's until it is empty. Nobody sees these bytes.

import { EAGAIN, EINVAL, ENOMEM, ENOSYS, EPERM, type Libc } from '../linux/libc.js'
import { PIPE_ROOM, type Pipe, type Pipes } from '../linux/pipes.js'
import { type NativeTable, STATE } from './native-table.js'
import type { LaneDeps, RoundLane } from './worker-lane.js'

/** What splice(2) says of itself, not of the socket: such a socket is read instead. */
const REFUSED = new Set([EINVAL, ENOMEM, ENOSYS, EPERM])

export interface Splice {
  /**
   * Moves what there is at the end, at most what a pipe holds, to a peer that is owed nothing. `unable`: no pipe is to be had, the end
   * cannot be spliced, or it seems to have ended, so that it is to be read.
   */
  pass(end: number): 'moved' | 'more' | 'unable'
  /** Sends what waits in a pipe for the end; true when nothing is left. */
  flush(end: number): boolean
  /** What waits in a pipe for the end is dropped. */
  release(end: number): void
}

export interface SpliceDeps {
  readonly libc: Libc
  readonly pipes: Pipes
  readonly table: NativeTable
  readonly fail: LaneDeps['fail']
  readonly blocked: LaneDeps['blocked']
  lane(): Pick<RoundLane, 'none' | 'count'>
}

export function createSplice({ libc, pipes, table, fail, blocked, lane }: SpliceDeps): Splice {
  const { descriptor, state } = table
  /** By the end they are for. */
  const waiting = new Map<number, Pipe>()
  const fdOf = (end: number) => descriptor[end] ?? -1

  /** Sends what is in the pipe; false when the end has failed. */
  function send(end: number, pipe: Pipe): boolean {
    const sent = pipes.empty(pipe, fdOf(end))
    const errno = sent < 0 ? libc.errno() : EAGAIN
    if (sent > 0) state[end] = (state[end] ?? 0) | STATE.owing
    if (errno === EAGAIN) return true
    fail(end, errno, 'write')
    return false
  }

  return {
    pass(end) {
      const pipe = pipes.take()
      if (!pipe) return 'unable'
      const got = pipes.fill(pipe, fdOf(end))
      const errno = got < 0 ? libc.errno() : 0
      if (got <= 0) {
        pipes.give(pipe)
        if (got === 0 || REFUSED.has(errno)) return 'unable'
        lane().none(end, got, errno)
        return 'moved'
      }
      lane().count(end, got)
      const peer = end ^ 1
      const sent = send(peer, pipe)
      if (!sent || pipe.held === 0) {
        pipes.give(pipe)
        return sent && got === PIPE_ROOM ? 'more' : 'moved'
      }
      waiting.set(peer, pipe)
      state[peer] = (state[peer] ?? 0) | STATE.blocked
      blocked(peer)
      return 'moved'
    },
    flush(end) {
      const pipe = waiting.get(end)
      if (!pipe) return true
      if (!send(end, pipe) || pipe.held > 0) return false
      this.release(end)
      return true
    },
    release(end) {
      const pipe = waiting.get(end)
      if (!pipe) return
      waiting.delete(end)
      state[end] = (state[end] ?? 0) & ~STATE.blocked
      pipes.give(pipe)
    },
  }
}
