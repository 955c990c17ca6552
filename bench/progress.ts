// Shows what is being measured and how long it will still take: one line that renews itself on a terminal, a line for each
// measurement elsewhere. Measures nothing.

import type { Plan } from './scenario.js'

export interface Progress {
  /** A line that stays. */
  say(text: string): void
  /** Now this is being done; `seconds` of the planned time lie behind. */
  at(text: string): void
  /** Something planned for so many seconds is done. */
  done(seconds: number, text?: string): void
}

/** Seconds a plan takes. */
export const planned = ({ contenders, loads, rounds, secondsEach, secondsBefore }: Plan): number =>
  secondsBefore + contenders.length * loads.length * rounds * secondsEach

/** `4 min`, `50 s`. */
export const spoken = (seconds: number): string =>
  seconds >= 90 ? `${Math.round(seconds / 60)} min` : `${Math.ceil(seconds)} s`

export function createProgress(out: NodeJS.WriteStream, total: number): Progress {
  const terminal = out.isTTY === true
  const begun = performance.now()
  let behind = 0
  const left = () => {
    const elapsed = (performance.now() - begun) / 1000
    // The plan is a guess: how the run has kept to it so far tells more.
    const pace = behind > 20 ? elapsed / behind : 1
    return spoken(Math.max(0, total - behind) * pace)
  }
  const wipe = terminal ? '\r\x1b[2K' : ''
  return {
    say: text => out.write(`${wipe}${text}\n`),
    at: text => {
      if (terminal) out.write(`${wipe}${`  ${text}; ${left()} left`.slice(0, (out.columns ?? 80) - 1)}`)
    },
    done: (seconds, text) => {
      behind += seconds
      if (!terminal && text !== undefined) out.write(`  ${text}\n`)
    },
  }
}
