// Listening on a Unix socket's path. The file has its mode from the first instant. Replaces the socket of a dead process, never
// that of a live one, and never deletes a file that is not a socket.

import { chmodSync, linkSync, lstatSync, mkdirSync, rmSync, type Stats, unlinkSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { dirname, join } from 'node:path'
import { BACKLOG, type Bound, type Want } from './listening.js'

/** sockaddr_un.sun_path on Linux, less its final NUL (unix(7)). */
const LONGEST_PATH = 107
const LIVE_WITHIN_MS = 1000

/** Listens; undefined when it does, else why it cannot. */
export async function listenOnPath(
  server: Server,
  path: string,
  { key, mode }: Pick<Want, 'key' | 'mode'>,
): Promise<Extract<Bound, { ok: false }> | undefined> {
  // Whoever listens there is alive, and will not go by itself.
  const no = (why: string) => ({ ok: false, why: `${key}: ${why}`, passing: false }) as const
  try {
    const why = prepareDirectory(path) ?? (await clearStale(path))
    if (why !== undefined) return no(why)
    const problem = await listen(server, path, mode)
    return problem === undefined ? undefined : no(problem)
  } catch (error) {
    return no(
      `${path}: ${error instanceof Error ? error.message : String(error)}; choose a path this user may write to`,
    )
  }
}

/** Gives what takes the path's file away again, if it is still the one that stands there now. */
export function removeOwn(path: string): () => void {
  const own = statOf(path)
  return () => {
    if (own !== undefined && isSame(own, statOf(path))) rmSync(path, { force: true })
  }
}

const statOf = (path: string): Stats | undefined => lstatSync(path, { throwIfNoEntry: false })

const isSame = (a: Stats, b: Stats | undefined) => b !== undefined && a.ino === b.ino && a.dev === b.dev

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
  if (answer === 'live')
    return `${path} is in use by another process (EADDRINUSE); stop that one or choose another path`
  if (answer !== 'dead') return `${path} is there and cannot be tried (${answer}); remove it or choose another path`
  // Another process may have replaced it while we knocked: then it is no longer the dead one's.
  if (isSame(found, statOf(path))) unlinkSync(path)
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

/**
 * libuv deletes the path that a server was bound to when the server is closed, and a successor on the same socket would stand
 * there without one. So it is bound to a name of its own for a moment, and the path is a second name of the same file.
 */
function listen(server: Server, path: string, mode: number): Promise<string | undefined> {
  const bound = join(dirname(path), `.${process.pid.toString(36)}`)
  rmSync(bound, { force: true })
  return new Promise(resolve => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(`cannot listen on ${path}: ${error.message}`))
    // Node.js binds a path within listen() itself, so the umask holds for the bind and for nothing else.
    const before = process.umask(0o777 & ~mode)
    try {
      server.listen({ path: bound, backlog: BACKLOG }, () => resolve(undefined))
    } finally {
      process.umask(before)
    }
    const why = statOf(bound) && giveName(bound, path)
    if (why === undefined) return
    server.close()
    resolve(why)
  })
}

/** In one step, so that of two processes only one has the path. */
function giveName(bound: string, path: string): string | undefined {
  try {
    linkSync(bound, path)
    return undefined
  } catch {
    return `${path} was taken by another process just now (EADDRINUSE); stop that one or choose another path`
  } finally {
    unlinkSync(bound)
  }
}
