// How many files this process may open, and whether it still can.

import { closeSync, openSync, readSync } from 'node:fs'
import type { Report } from '../events/event.js'
import { type Ms, ms } from '../units/units.js'

/** What is assumed where the system does not tell. */
const FALLBACK = 1024
/** Bytes; the kernel writes 1,300. */
const LIMITS_ROOM = 4096
/** In ms, how old the last look may be for whoever needs to know, and for nobody. */
const [FRESH, STALE] = [1000, 10_000]
/** Descriptors that were used up count as left again after so long without a want of one: what ends makes room for what comes. */
const CALM = 10_000

/** The soft limit of open files (RLIMIT_NOFILE), from /proc. */
export function descriptorLimit(): number {
  const limit = readLimit()
  return typeof limit === 'number' ? limit : FALLBACK
}

function readLimit(): number | 'none left' | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(limits()) ?? []
    return soft === undefined ? undefined : Number(soft)
  } catch (error) {
    return /^(EMFILE|ENFILE)$/.test((error as NodeJS.ErrnoException).code ?? '') ? 'none left' : undefined
  }
}

/** In one read, without the buffers of 64 KiB that Node takes for a file of unknown length: this is read each second. */
function limits(): string {
  const fd = openSync('/proc/self/limits', 'r')
  try {
    const text = Buffer.allocUnsafe(LIMITS_ROOM)
    return text.toString('latin1', 0, readSync(fd, text))
  } finally {
    closeSync(fd)
  }
}

/** The descriptors of this process. */
export interface Descriptors {
  /** How many it may have, as of the last second: prlimit(1) may change that while it runs. */
  limit(): number
  /** Somebody needed one and found none. */
  missing(): void
  /** To be called often; looks every 10 s, and each second while none is left. */
  look(): void
}

/** Watches them, and reports once when none is left, and once when that is over. */
export function watchDescriptors(report: Report, now: () => Ms): Descriptors {
  let limit = descriptorLimit()
  let lookedAt = now()
  let since: Ms | undefined
  let missedAt = now()
  function missing(): void {
    missedAt = now()
    if (since !== undefined) return
    since = missedAt
    report({ kind: 'descriptors_used_up', limit })
  }
  function refresh(after: number): void {
    if (now() - lookedAt < after) return
    lookedAt = now()
    const found = readLimit()
    if (found === 'none left') missing()
    else if (found !== undefined) limit = found
  }
  return {
    limit() {
      refresh(FRESH)
      return limit
    },
    missing,
    look() {
      refresh(since === undefined ? STALE : FRESH)
      if (since === undefined || now() - missedAt < CALM) return
      report({ kind: 'descriptors_left', limit, lasted: ms(now() - since) })
      since = undefined
    },
  }
}
