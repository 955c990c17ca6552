// How many files this process may open, and so how many sessions it can hold.

import { readFileSync } from 'node:fs'

/** Descriptors kept for listeners, probes, etcd, the log and admin clients. */
const RESERVE = 256
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

/** `session.max: auto`: each session costs two descriptors. */
export function sessionLimit(max: number | 'auto', descriptors: number): number {
  return max === 'auto' ? Math.max(1, Math.floor((descriptors - Math.min(RESERVE, descriptors / 2)) / 2)) : max
}
