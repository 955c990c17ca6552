// Runs beside a stand as its own process and outlives it: when the pipe from the stand ends, by `down`, a crash or
// SIGKILL, kills every process of the stand, deletes its namespaces and its directory. Holds the loopback block meanwhile.
// Told once, in one line of JSON: { dir, namespaces, hold }.

import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { PORTS } from './hosts.js'
import { killBeneath } from './processes.js'

export interface Task {
  readonly dir: string
  readonly namespaces: readonly string[]
  readonly hold: boolean
}

const listenOn = (host: string, port: number): Promise<Server | undefined> =>
  new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen({ host, port, exclusive: true }, () => resolve(server))
  })

/** Takes the first block 127.77.n.x nobody holds, and the least shift of the ports that no server on every address bars. */
async function holdBlock(): Promise<{ block: number; shift: number }> {
  for (let block = 0; block < 250; block++) {
    if ((await listenOn(`127.77.${block}.1`, 7700)) === undefined) continue
    for (const shift of [0, 10_000, 20_000, 30_000]) if (await allFree(block, shift)) return { block, shift }
  }
  throw new Error('no block of addresses between 127.77.0.x and 127.77.249.x has its ports free')
}

async function allFree(block: number, shift: number): Promise<boolean> {
  const servers = await Promise.all(Object.values(PORTS).map(port => listenOn(`127.77.${block}.2`, port + shift)))
  await Promise.all(servers.map(server => server && new Promise(resolve => server.close(resolve))))
  return servers.every(server => server !== undefined)
}

async function cleanUp(task: Task): Promise<void> {
  await killBeneath(task.dir)
  removeSharedMemory(task.dir)
  for (const name of task.namespaces) quietly('ip', ['netns', 'del', name])
  rmSync(task.dir, { recursive: true, force: true, maxRetries: 3 })
  // An interrupted test may have started one more meanwhile; in a directory that is gone nobody starts anything.
  await killBeneath(task.dir)
}

/** A killed postmaster leaves its System V segment, whose id is the second number of the seventh line of postmaster.pid. */
function removeSharedMemory(dir: string): void {
  for (const host of readdirSync(dir)) {
    try {
      const line = readFileSync(join(dir, host, 'data', 'postmaster.pid'), 'utf8').split('\n')[6]
      const id = line?.trim().split(/\s+/)[1]
      if (id) quietly('ipcrm', ['-m', id])
    } catch {}
  }
}

function quietly(program: string, args: readonly string[]): void {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
  } catch {}
}

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined)
process.stdout.on('error', () => undefined)

let task: Task | undefined
for await (const line of createInterface({ input: process.stdin })) {
  task = JSON.parse(line) as Task
  const held = task.hold ? await holdBlock() : { block: 0, shift: 0 }
  process.stdout.write(`${JSON.stringify(held)}\n`)
}
if (task) await cleanUp(task)
process.exit(0)
