// Pipes through which bytes go from socket to socket without being copied: pipe2(2), splice(2). Few, and made on first need.
// Knows no session: whoever takes a pipe gives it back.

import { type Libc, O_CLOEXEC, O_NONBLOCK } from './libc.js'

const F_SETPIPE_SZ = 1031
const SPLICE_F_MOVE = 1
const SPLICE_F_NONBLOCK = 2
const FLAGS = SPLICE_F_MOVE | SPLICE_F_NONBLOCK

/** Bytes a pipe may hold. Where the kernel refuses that (fs.pipe-max-size, too much for one user) it stays smaller. */
export const PIPE_ROOM = 1_048_576
/** Pipes at one time, of two descriptors each. */
const MOST = 8

export interface Pipe {
  readonly out: number
  readonly in: number
  /** Bytes in it. */
  held: number
}

export interface Pipes {
  /** An empty pipe; undefined while all are in use, or none is to be had. */
  take(): Pipe | undefined
  /** Takes a pipe back. What it still holds is dropped. */
  give(pipe: Pipe): void
  /** Takes what a socket has into an empty pipe, as recv(2) would. 0 may mean its end, or nothing. The socket must be non-blocking. */
  fill(pipe: Pipe, fd: number): number
  /** Sends what a pipe holds, as send(2) would. The socket must be non-blocking, and SIGPIPE ignored (Node does). */
  empty(pipe: Pipe, fd: number): number
  /** Closes those that nobody uses. */
  close(): void
}

export function createPipes(libc: Libc): Pipes {
  const ends = new Int32Array(2)
  const free: Pipe[] = []
  let open = 0

  function make(): Pipe | undefined {
    if (open === MOST || libc.pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return undefined
    open += 1
    const pipe = { out: ends[0] ?? -1, in: ends[1] ?? -1, held: 0 }
    libc.fcntl(pipe.in, F_SETPIPE_SZ, PIPE_ROOM)
    return pipe
  }

  function close(pipe: Pipe): void {
    libc.close(pipe.out)
    libc.close(pipe.in)
    open -= 1
  }

  return {
    take: () => free.pop() ?? make(),
    give(pipe) {
      if (pipe.held === 0) free.push(pipe)
      else close(pipe)
    },
    fill(pipe, fd) {
      const got = libc.splice(fd, pipe.in, PIPE_ROOM, FLAGS)
      pipe.held = Math.max(0, got)
      return got
    },
    empty(pipe, fd) {
      const sent = libc.splice(pipe.out, fd, pipe.held, FLAGS)
      pipe.held -= Math.max(0, sent)
      return sent
    },
    close() {
      while (free.length > 0) close(free.pop() as Pipe)
    },
  }
}
