// Notices that nobody has answered for a while. Owns one timer; knows not who was asked.

import type { Ms } from '../units/units.js'

export interface Silence {
  /** Somebody answered. True when this ends a silence that was told. */
  answered(): boolean
  /** When the last answer came; undefined before the first. */
  answeredAt(): Ms | undefined
  /** Since when nobody answers, once that has been told. */
  since(): Ms | undefined
  stop(): void
}

/** Tells `fell` once nobody has answered for `after` ms, counted from now or from the last answer. */
export function watchSilence(after: number, now: () => Ms, fell: (since: Ms) => void): Silence {
  let last: Ms | undefined
  let told: Ms | undefined
  const begun = now()
  const timer = setTimeout(() => {
    told = last ?? begun
    fell(told)
  }, after)
  return {
    answered: () => {
      const ended = told !== undefined
      told = undefined
      last = now()
      timer.refresh()
      return ended
    },
    answeredAt: () => last,
    since: () => told,
    stop: () => clearTimeout(timer),
  }
}
