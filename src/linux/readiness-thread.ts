// The thread behind readiness.ts: waits for events, posts the keys of the ready descriptors. Does nothing else, so it is never late.

import { parentPort, workerData } from 'node:worker_threads'
import { loadLibc } from './libc.js'
import { EPOLL_DATA, EPOLL_WORDS } from './readiness-event.js'

const MOST = 64

interface Orders {
  readonly epoll: number
  readonly end: number
}

function run({ epoll, end }: Orders): void {
  const libc = loadLibc()
  const events = new Int32Array(MOST * EPOLL_WORDS)
  for (;;) {
    const count = Math.max(0, libc.epollWait(epoll, events, MOST, -1))
    const keys = Array.from({ length: count }, (_, i) => events[i * EPOLL_WORDS + EPOLL_DATA] ?? end)
    if (keys.includes(end)) return
    if (count > 0) parentPort?.postMessage(keys)
  }
}

run(workerData)
