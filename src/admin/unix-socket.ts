// Listening on a Unix socket's path with mode 0600 from the first instant. Replaces the socket of a dead process, never that of
// a live one, and never deletes a file that is not a socket.

import { chmodSync, lstatSync, mkdirSync, type Stats, unlinkSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'

/** sockaddr_un.sun_path on Linux, less its final NUL (unix(7)). */
const LONGEST_PATH = 107
const LIVE_WITHIN_MS = 1000

/** Listens; undefined when it does, else why it cannot, opened by `key`, the configuration's name of the path. */
export async function listenOnPath(server: Server, path: string, key: string): Promise<string | undefined> {
  try {
    const why = prepareDirectory(path) ?? (await clearStale(path)) ?? (await listen(server, path))
    return why === undefined ? undefined : `${key}: ${why}`
  } catch (error) {
    return `${key}: ${path}: ${reason(error)}; choose a path this user may write to`
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

function prepareDirectory(path: string): string | undefined {
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    return `${path} has more than ${LONGEST_PATH} bytes, the most a Unix socket's path can have; choose a shorter one`
  }
  const directory = dirname(path)
  if (statOf(directory) !== undefined) return undefined
  if (statOf(dirname(directory)) === undefined) {
    return `the directory ${directory} does not exist, nor does the one above it; make it or choose another path`
  }
  mkdirSync(directory)
  // mkdir's own mode would be narrowed by the umask.
  chmodSync(directory, 0o755)
  return undefined
}

/** Makes room at the path if what stands there is a socket nobody listens on. */
async function clearStale(path: string): Promise<string | undefined> {
  const found = statOf(path)
  if (found === undefined) return undefined
  if (!found.isSocket()) return `${path} is there and is not a socket; it is left alone, choose another path`
  const answer = await knock(path)
  if (answer === 'live') return `${path} is in use by another process; stop that one or choose another path`
  if (answer !== 'dead') return `${path} is there and cannot be tried (${answer}); remove it or choose another path`
  // Another process may have replaced it while we knocked: then it is no longer the dead one's.
  const now = statOf(path)
  if (now !== undefined && now.ino === found.ino && now.dev === found.dev) unlinkSync(path)
  return undefined
}

/** Whether somebody listens there; else an error code. Who neither takes nor refuses the connection is alive but busy. */
function knock(path: string): Promise<string> {
  return new Promise(resolve => {
    const socket = connect(path)
    const done = (answer: string) => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(LIVE_WITHIN_MS, () => done('live'))
    socket.once('connect', () => done('live'))
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') done('dead')
      else done(error.code === 'EAGAIN' ? 'live' : (error.code ?? error.message))
    })
  })
}

function listen(server: Server, path: string): Promise<string | undefined> {
  return new Promise(resolve => {
    server.on('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE'
      resolve(taken ? `${path} was taken by another process just now` : `cannot listen on ${path}: ${error.message}`)
    })
    // Node.js binds a path within listen() itself, so the umask holds for the bind and for nothing else.
    const before = process.umask(0o177)
    try {
      server.listen(path, () => resolve(undefined))
    } finally {
      process.umask(before)
    }
  })
}
