// How much of the machine went to processes that are no part of the measurement, for who wants to know whether it can be trusted.
// Ours are this process, all that works beneath the given directories, what either has waited for, and the kernel's handling of packets.

import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { pidsBeneath } from '../../test/lab/processes.js'
import { countCpu, ranFor, TICK_US } from './cpu.js'

/** Begins to count; the answer tells the percentage of all processors that others had since. */
export function countOthers(dirs: readonly string[]): () => Promise<number> {
  const counted = countCpu(undefined)
  const before = usedByUs(dirs)
  return async () => {
    // A server's sessions that are just ending are counted when it has waited for them.
    await sleep(SETTLE_MS)
    const after = usedByUs(dirs)
    const { machine, elapsed, processors } = counted()
    return (100 * Math.max(0, machine - (after - before))) / (elapsed * processors)
  }
}

const SETTLE_MS = 50

/** Microseconds, with those of children that have ended: of a server's sessions, of our own clients. */
function usedByUs(dirs: readonly string[]): number {
  const ours = new Set([...dirs.flatMap(pidsBeneath), process.pid, ...softirqThreads()])
  return [...ours].reduce((sum, pid) => sum + used(pid), 0)
}

function used(pid: number): number {
  try {
    return ranFor(pid) + waitedFor(pid)
  } catch {
    return 0
  }
}

/** ksoftirqd, one for each processor: where packets are handled when there are many. */
function softirqThreads(): number[] {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  return pids.map(Number).filter(pid => nameOf(pid).startsWith('ksoftirqd/'))
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8')
  } catch {
    return ''
  }
}

/** The fields after the program's name (proc(5)): 13 and 14 the children's user and system time. */
function waitedFor(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[13]) + Number(fields[14])) * TICK_US
}
