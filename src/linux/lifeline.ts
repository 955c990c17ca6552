// A socket that ends with this process sooner than its other ones. The kernel of a killed process first takes its memory apart, 10 to 40 ms for
// a router's, and closes what its threads share after that; what one thread has to itself is closed with the thread, within a few ms.

import { randomUUID } from 'node:crypto'
import { Worker } from 'node:worker_threads'

export interface Lifeline {
  /** Begins to listen, once. */
  start(): void
  /** Its name in the abstract namespace of Unix sockets (unix(7)); undefined while nobody listens there. */
  name(): string | undefined
}

/** Where it cannot be had there is none: the other sockets tell the same, later. It keeps no process alive. */
export function createLifeline(): Lifeline {
  const name = `mekare-lifeline/${randomUUID()}`
  let started = false
  let listening = false
  return {
    start() {
      if (started || process.platform !== 'linux') return
      started = true
      const worker = new Worker(new URL('./lifeline-thread.js', import.meta.url), {
        workerData: name,
        execArgv: [],
        stdin: false,
        resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
      })
      worker.on('message', () => {
        listening = true
      })
      // An exit follows.
      worker.on('error', () => {})
      worker.on('exit', () => {
        listening = false
      })
      worker.unref()
    },
    name: () => (listening ? name : undefined),
  }
}
