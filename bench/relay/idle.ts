// Memory of sessions that do nothing: some thousand connections through a forwarder to a sink, and what its process grew by.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, connect as dial, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Contender, end } from './contenders.js'

const WARM_UP = 3000

export interface Idle {
  readonly name: string
  readonly sessions: number
  /** Growth of resident memory and of the JavaScript heap, in bytes; the heap only where it is ours. */
  readonly perSession: number
  readonly heapPerSession?: number
  /** Of one core, in percent, while they do nothing. */
  readonly restCpu: number
}

/** Opens `sessions` through what `start` puts before the sink; each first sends one byte and gets it back. */
export async function idle(start: (target: number) => Promise<Contender>, sessions: number): Promise<Idle> {
  const sink = createServer(socket => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1')
  await once(sink, 'listening')
  const bound = sink.address()
  const contender = await start(typeof bound === 'object' && bound ? bound.port : 0)
  const open: Socket[] = []
  try {
    // One after another, so that what any later ones use too has grown, but no pool of sessions has.
    for (let i = 0; i < WARM_UP; i++) {
      await more(contender.port, open, 1)
      open.pop()?.destroy()
    }
    const before = await look(contender)
    await more(contender.port, open, sessions)
    const after = await look(contender)
    const rest = ticks(contender)
    await sleep(3000)
    const restCpu = ((ticks(contender) - rest) * 10) / 3000
    const heap =
      after.heap === undefined || before.heap === undefined
        ? {}
        : { heapPerSession: (after.heap - before.heap) / sessions }
    return {
      name: contender.name,
      sessions,
      perSession: (after.rss - before.rss) / sessions,
      ...heap,
      restCpu: 100 * restCpu,
    }
  } finally {
    for (const socket of open) socket.destroy()
    await end(contender.child)
    sink.close()
  }
}

async function more(port: number, open: Socket[], count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const socket = dial({ port, host: '127.0.0.1' })
    open.push(socket)
    await once(socket, 'connect')
    socket.write('x')
    await once(socket, 'data')
  }
}

async function look({ child, name }: Contender): Promise<{ rss: number; heap?: number }> {
  await sleep(500)
  if (name === 'haproxy' || !child?.stdin || !child.stdout) return { rss: resident(child?.pid) }
  let heap = 0
  // Collected twice: what the first leaves to finalizers, the second takes.
  for (let i = 0; i < 2; i++) {
    child.stdin.write('\n')
    const [line] = await once(child.stdout, 'data')
    heap = heapOf(String(line)) ?? heap
    await sleep(300)
  }
  return { rss: resident(child.pid), heap }
}

const heapOf = (line: string): number | undefined => {
  const found = /"heapUsed":(\d+)/.exec(line)?.[1]
  return found === undefined ? undefined : Number(found)
}

const resident = (pid: number | undefined): number =>
  1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])

function ticks({ child }: Contender): number {
  const stat = readFileSync(`/proc/${child?.pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}
