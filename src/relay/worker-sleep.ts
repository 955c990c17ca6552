// How a relay thread waits for events: not at all, a little, or until something happens; with `spin`, it looks on for a while before it sleeps.

import type { Epoll } from '../linux/epoll.js'

/** How long a wait may take, by what else is to be done. */
export type Patience = 'not' | 'short' | 'second' | 'long'

const LIMITS: Record<Patience, number> = { not: 0, short: 2, second: 1000, long: -1 }
/** So many spins in vain, and the next sleeps are taken at once, until one turns out to have been shorter than a spin. */
const IN_VAIN = 8

/** `spin` in ms, 0 to never spin. The returned function gives the number of events; where something is due within so many ms, it waits no longer. */
export function createSleep(
  epoll: Pick<Epoll, 'wait' | 'waitFinely'>,
  spin: number,
  now: () => number,
): (patience: Patience, due?: number) => number {
  const wait = (patience: Patience, due?: number) =>
    patience === 'not' || due === undefined ? epoll.wait(LIMITS[patience]) : epoll.waitFinely(due)
  if (spin <= 0) return wait
  let vain = 0

  function look(longest: number): number {
    for (const until = now() + longest; now() < until; ) {
      const count = epoll.wait(0)
      if (count > 0) return count
    }
    return 0
  }

  return (patience, due) => {
    if (patience === 'not') return epoll.wait(0)
    if (vain < IN_VAIN) {
      const count = look(Math.min(spin, due ?? spin))
      vain = count > 0 ? 0 : vain + 1
      if (count > 0) return count
    }
    const asleep = now()
    const count = wait(patience, due)
    if (now() - asleep < spin) vain = 0
    return count
  }
}
