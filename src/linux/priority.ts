// The scheduling priority of this process, sched(7): Linux keeps a nice value for each thread, setpriority(2), and a new thread has
// that of the one that began it.

import { readdirSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'

/**
 * Gives every thread of this process the nice value, unless somebody has given it one already; later threads have it too. Gives what the
 * kernel refused as an errno's name, undefined when there is nothing to complain of.
 */
export function raisePriority(nice: number): string | undefined {
  if (getPriority() !== 0) return undefined
  try {
    for (const thread of readdirSync('/proc/self/task')) setPriority(Number(thread), nice)
    return undefined
  } catch (error) {
    return reason(error)
  }
}

/** Node wraps what setpriority() says. */
function reason(error: unknown): string {
  const { info, code, message } = error as NodeJS.ErrnoException & { info?: { code: string } }
  return info?.code ?? code ?? message
}
