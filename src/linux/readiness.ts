// Tells the main thread when a descriptor can be read: one thread waits in epoll_wait(2) for all of them.
// Each is told once and armed again in the next turn of the loop after its reader has run: a flood never queues more than one message per
// descriptor, and the timers run between two of them. Armed at once it would be told again while messages are still being taken, of which
// Node takes a thousand and more before it looks at its timers.

import { Worker } from 'node:worker_threads'
import { createWake, wake } from './epoll.js'
import { callError } from './errno.js'
import { type Libc, O_CLOEXEC } from './libc.js'
import { EPOLL_DATA, EPOLL_WORDS } from './readiness-event.js'

const EPOLL_CTL_ADD = 1
const EPOLL_CTL_DEL = 2
const EPOLL_CTL_MOD = 3
const EPOLLIN = 0x1
const EPOLLONESHOT = 1 << 30
/** The key of the descriptor that ends the thread. */
const END = 0

export interface Readiness {
  /** Calls `ready` in the main thread whenever `fd` can be read or has an error. Gives the way to stop, to be called before the descriptor is closed. */
  watch(fd: number, ready: () => void): () => void
  /** Ends the thread. */
  close(): Promise<void>
}

/**
 * Starts the thread; it keeps no process alive and delays no exit. `failed` is told if it ends on its own, which is a bug.
 * Throws CallError where the kernel refuses epoll.
 */
export function createReadiness(libc: Libc, failed: (error: Error) => void): Readiness {
  const epoll = libc.epollCreate(O_CLOEXEC)
  if (epoll < 0) throw callError({ call: 'epoll_create1', errno: libc.errno(), doing: 'wait for sockets' })
  const end = createWake(libc)
  const readers = new Map<number, { readonly fd: number; readonly ready: () => void }>()
  const event = new Int32Array(EPOLL_WORDS)
  const control = (operation: number, fd: number, key: number) => {
    event[0] = EPOLLIN | EPOLLONESHOT
    event[EPOLL_DATA] = key
    if (libc.epollControl(epoll, operation, fd, event) === 0) return
    throw callError({ call: 'epoll_ctl', errno: libc.errno(), doing: `wait for descriptor ${fd}` })
  }
  control(EPOLL_CTL_ADD, end, END)
  const rearm = (keys: readonly number[]) => {
    for (const key of keys) {
      const reader = readers.get(key)
      if (reader) control(EPOLL_CTL_MOD, reader.fd, key)
    }
  }
  const stopThread = startThread(epoll, failed, keys => {
    for (const key of keys) readers.get(key)?.ready()
    setImmediate(rearm, keys)
  })
  // A thread inside epoll_wait cannot be ended from outside: without this the exit of the process would wait for it.
  const rouse = () => wake(libc, end)
  process.once('exit', rouse)
  let last = END
  return {
    watch(fd, ready) {
      const key = ++last
      readers.set(key, { fd, ready })
      control(EPOLL_CTL_ADD, fd, key)
      return () => {
        if (readers.delete(key)) libc.epollControl(epoll, EPOLL_CTL_DEL, fd, event)
      }
    },
    async close() {
      process.off('exit', rouse)
      readers.clear()
      rouse()
      await stopThread()
      libc.close(epoll)
      libc.close(end)
    },
  }
}

function startThread(epoll: number, failed: (error: Error) => void, ready: (keys: readonly number[]) => void) {
  const worker = new Worker(new URL('./readiness-thread.js', import.meta.url), {
    workerData: { epoll, end: END },
    execArgv: [],
    stdin: false,
  })
  let stopping = false
  const ended = new Promise<void>(resolve => {
    worker.on('exit', code => {
      if (!stopping) failed(new Error(`the thread that waits for sockets ended by itself (exit code ${code})`))
      resolve()
    })
  })
  worker.on('error', failed)
  worker.on('message', ready)
  worker.unref()
  return async () => {
    stopping = true
    worker.ref()
    await ended
  }
}
