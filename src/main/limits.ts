// How many files this process may open.

import { readFileSync } from 'node:fs'

/** What is assumed where the system does not tell. */
const FALLBACK = 1024

/** The soft limit of open files (RLIMIT_NOFILE), from /proc. */
export function descriptorLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === undefined ? FALLBACK : Number(soft)
  } catch {
    return FALLBACK
  }
}
