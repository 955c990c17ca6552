// A Unix socket's file outlives a process that was killed, and then no other can listen there. Takes away such a file,
// never one that somebody listens on, nor one that is no socket.

import { lstatSync, unlinkSync } from 'node:fs'
import { connect } from 'node:net'

const LIVE_WITHIN_MS = 1000

/** Makes room at `path` if a dead process left its socket there. Whatever else stands there, listening will tell. */
export async function clearDeadSocket(path: string): Promise<void> {
  const found = statOf(path)
  if (!found?.isSocket() || !(await isDead(path))) return
  // Another process may have replaced it meanwhile: then it is no longer the dead one's.
  const now = statOf(path)
  if (now?.ino === found.ino && now.dev === found.dev) unlinkSync(path)
}

const statOf = (path: string) => lstatSync(path, { throwIfNoEntry: false })

/** Only a refusal shows that nobody listens: a live process may be too busy to accept. */
function isDead(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path)
    const done = (dead: boolean) => {
      socket.destroy()
      resolve(dead)
    }
    socket.setTimeout(LIVE_WITHIN_MS, () => done(false))
    socket.once('connect', () => done(false))
    socket.once('error', (error: NodeJS.ErrnoException) => done(error.code === 'ECONNREFUSED'))
  })
}
