// CPU time out of Linux's /proc: of the whole machine and of one process. Knows nothing of what they do.
// The machine's is what is neither idle nor stolen: the kernel counts idle time exactly, busy time by samples only.

import { readdirSync, readFileSync } from 'node:fs'

export interface CpuTime {
  /** Microseconds of all processors. */
  readonly machine: number
  /** Microseconds of the process, all its threads; 0 where there is none. */
  readonly own: number
  /** Microseconds that other guests of the same hardware had meanwhile, of all processors. */
  readonly stolen: number
  readonly elapsed: number
  readonly processors: number
}

/** Begins to count; the answer ends it and tells what was used since. */
export function countCpu(pid: number | undefined): () => CpuTime {
  const before = read(pid)
  return () => {
    const after = read(pid)
    const { processors } = after
    const elapsed = after.at - before.at
    const [idle, stolen] = [after.idle - before.idle, after.stolen - before.stolen]
    const machine = elapsed * processors - idle - stolen
    return { machine, own: after.own - before.own, stolen, elapsed, processors }
  }
}

/** Ticks of /proc per second (USER_HZ), the same on every Linux that Node runs on. */
export const TICK_US = 10_000

function read(pid: number | undefined) {
  const at = Number(process.hrtime.bigint() / 1000n)
  const lines = readFileSync('/proc/stat', 'utf8').split('\n')
  const fields = (lines[0] ?? '').split(/\s+/).slice(1).map(Number)
  const [idle = 0, iowait = 0, steal = 0] = [fields[3], fields[4], fields[7]]
  const processors = lines.filter(line => /^cpu\d/.test(line)).length
  return {
    at,
    processors,
    idle: (idle + iowait) * TICK_US,
    stolen: steal * TICK_US,
    own: pid === undefined ? 0 : ranFor(pid),
  }
}

/** Microseconds that the threads of a process ran; exact, unlike the ticks of /proc/PID/stat. */
export function ranFor(pid: number): number {
  const times = readdirSync(`/proc/${pid}/task`).map(task => {
    const text = readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8')
    return Number(text.split(' ')[0]) / 1000
  })
  return times.reduce((sum, time) => sum + time, 0)
}
