// How many came in a second: now, and at most. Counts in seconds of the clock it is told. Knows no clock.

import type { Ms } from '../units/units.js'

export interface Rate {
  /** One more came. */
  note(at: Ms): void
  /** In the second up to this moment: what came in the running second, and the share of the one before that it still lacks. */
  now(at: Ms): number
  /** The most in any one second of the clock. */
  most(): number
}

export function createRate(): Rate {
  let second = Number.NEGATIVE_INFINITY
  let current = 0
  let before = 0
  let most = 0

  function turn(at: Ms): void {
    const next = Math.floor(at / 1000)
    if (next <= second) return
    before = next === second + 1 ? current : 0
    current = 0
    second = next
  }

  return {
    note(at) {
      turn(at)
      current++
      most = Math.max(most, current)
    },
    now(at) {
      turn(at)
      const gone = Math.min(1, Math.max(0, at / 1000 - second))
      return Math.round(current + before * (1 - gone))
    },
    most: () => most,
  }
}
