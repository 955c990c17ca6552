// Repeats one asynchronous turn: after the time it asks for, or at once when woken. Owns one timer; never two turns at a time.

export interface Turns {
  /** Runs a turn now, or right after the one that is under way; no more often than the smallest gap. */
  wake(): void
  /** Ends the repetition; resolves when the turn under way is over. */
  stop(): Promise<void>
}

/** How close two turns may follow one another, in ms, where nothing is said: waking is asked for by failures, which come in floods. */
const GAP = 25

/** Begins at once. `turn` resolves to the time in ms from its own begin to the next one's; it must not reject. */
export function repeat(turn: () => Promise<number>, gap = GAP): Turns {
  let stopped = false
  let woken = false
  let endPause: (() => void) | undefined

  const pause = (length: number) =>
    new Promise<void>(resolve => {
      const timer = setTimeout(resolve, length)
      endPause = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  async function run(): Promise<void> {
    while (!stopped) {
      const begun = performance.now()
      woken = false
      const period = await turn()
      if (stopped) return
      await new Promise(resolve => setTimeout(resolve, gap))
      const left = period - (performance.now() - begun)
      if (!stopped && !woken && left > 0) await pause(left)
    }
  }

  const ran = run()
  return {
    wake: () => {
      woken = true
      endPause?.()
    },
    stop: () => {
      stopped = true
      endPause?.()
      return ran
    },
  }
}
