// Hires a reaper: a process beside this one that clears away what was made when this one ends, however it ends.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Task } from './reaper.js'

export interface Reaper {
  /** The block of loopback addresses it holds, and the shift of their ports; zeros where none was asked for. */
  readonly block: number
  readonly shift: number
  /** Lets it do its work; answers when it has. */
  leave(): Promise<void>
}

/** From now on the task's processes, namespaces and directory are gone when this process is. */
export async function hireReaper(task: Task): Promise<Reaper> {
  const program = fileURLToPath(new URL('reaper.js', import.meta.url))
  const reaper = spawn(process.execPath, [program], { cwd: '/', detached: true, stdio: ['pipe', 'pipe', 'inherit'] })
  reaper.stdin.on('error', () => undefined)
  reaper.stdin.write(`${JSON.stringify(task)}\n`)
  const held = await firstLine(reaper.stdout)
  return {
    ...held,
    leave: async () => {
      reaper.stdin.end()
      if (reaper.exitCode === null && reaper.signalCode === null) await once(reaper, 'exit')
    },
  }
}

async function firstLine(stream: NodeJS.ReadableStream): Promise<{ block: number; shift: number }> {
  for await (const line of createInterface({ input: stream })) return JSON.parse(line)
  throw new Error('the reaper ended before it said which addresses it holds')
}
