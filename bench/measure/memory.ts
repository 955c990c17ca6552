// Resident memory of a process (Linux, /proc), now and at its highest over some time.

import { readFileSync } from 'node:fs'

export const residentBytes = (pid: number): number =>
  1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])

const EVERY_MS = 50

/** Looks every 50 ms while `work` goes on; answers the highest that was seen. */
export async function highestResident(pid: number, work: Promise<unknown>): Promise<number> {
  let highest = residentBytes(pid)
  const look = () => {
    highest = Math.max(highest, residentBytes(pid))
  }
  const looking = setInterval(look, EVERY_MS)
  try {
    await work
  } finally {
    clearInterval(looking)
  }
  look()
  return highest
}
