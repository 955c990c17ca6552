// The thread behind lifeline.ts. It leaves the table of descriptors that all threads share, unshare(2) with CLONE_FILES, and listens on a
// socket that it alone has. Does nothing else.

import { readdirSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { failed, loadLibc } from './libc.js'

const CLONE_FILES = 0x400
const MOST = 64
const OWN = '/proc/thread-self/fd'

/** Connections, pipes and files of the other threads; what this one's own loop waits with (epoll, eventfd) is none of these. */
function others(): number[] {
  return readdirSync(OWN)
    .map(Number)
    .filter(fd => fd > 2 && /^(socket:|pipe:|\/)/.test(linkOf(fd)))
}

function linkOf(fd: number): string {
  try {
    return readlinkSync(`${OWN}/${fd}`)
  } catch {
    return ''
  }
}

function run(name: string): void {
  const libc = loadLibc()
  if (libc.unshare(CLONE_FILES) < 0) throw failed('unshare', libc.errno())
  // Else a connection that another thread ends would stay open here.
  for (const fd of others()) libc.close(fd)
  const server = createServer(socket => socket.on('error', () => socket.destroy()).resume())
  server.maxConnections = MOST
  server.listen(`\0${name}`, () => parentPort?.postMessage('listening'))
}

run(workerData as string)
