// Knows which processes belong to a stand: those whose working directory lies beneath the stand's (Linux, /proc).
// Patroni lets its PostgreSQL go to another parent and session, and PostgreSQL overwrites its environment, so neither
// of these tells. Knows nothing of what the processes are.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** The processes that work in `dir` or beneath it. A zombie has no working directory and does not count. */
export function pidsBeneath(dir: string): number[] {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  return pids.filter(pid => isBeneath(workingDirectory(pid), dir)).map(Number)
}

function workingDirectory(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return ''
  }
}

function isBeneath(path: string, dir: string): boolean {
  return path === dir || path === `${dir} (deleted)` || path.startsWith(`${dir}/`)
}

/** Sends a signal; false when the process is gone. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name)
    return true
  } catch {
    return false
  }
}

/** Kills everything beneath `dir`, those born meanwhile too. Answers when none is left, or throws after five seconds. */
export const killBeneath = (dir: string): Promise<void> => killAll(() => pidsBeneath(dir))

/** Kills whatever `find` names, again and again until it names none; throws after five seconds. */
export async function killAll(find: () => readonly number[]): Promise<void> {
  for (let round = 0; round < 250; round++) {
    const pids = find()
    if (pids.length === 0) return
    for (const pid of pids) signal(pid, 'SIGKILL')
    await sleep(round < 5 ? 4 : 20)
  }
  throw new Error(`${find().join(', ')}: still there five seconds after SIGKILL (uninterruptible I/O?)`)
}

/** Stops everything that `pids` names, again and again until no running one is found. */
export function freezeAll(pids: () => readonly number[]): void {
  for (let round = 0; round < 100; round++) {
    const running = pids().filter(pid => !isStopped(pid))
    if (running.length === 0) return
    for (const pid of running) signal(pid, 'SIGSTOP')
  }
}

function isStopped(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return 'TtZX'.includes(stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3))
  } catch {
    return true
  }
}
