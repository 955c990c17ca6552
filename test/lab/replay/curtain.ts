// Ends the demo at any moment, once: the stand is cleared away first, though it be in the making, then the process ends. Owns the
// signals.

import type { Screen } from '../screen.js'
import type { Stand } from '../stand.js'

export interface Curtain {
  /** Aborted once it falls: whoever waits gives up, and whoever writes is silent. */
  readonly falling: AbortSignal
  /** The stand to clear away. */
  hang(stand: Promise<Stand>): Promise<Stand>
  /** From now on Ctrl-C ends with this code; until then with 130, as a shell expects of the interrupted. */
  mayEndWith(code: number): void
  /** Never returns. */
  fall(code: number): Promise<never>
}

export function createCurtain(screen: Screen): Curtain {
  const controller = new AbortController()
  let stand: Promise<Stand> | undefined
  let interrupted = 130
  let fallen: Promise<never> | undefined
  const clear = async (code: number): Promise<never> => {
    controller.abort(new Error('the curtain falls'))
    screen.live([])
    if (stand) {
      const made = await stand.catch(() => undefined)
      await made?.down()
      screen.line('  all servers are stopped and their files removed')
    }
    process.exit(code)
  }
  const fall = (code: number) => {
    fallen ??= clear(code)
    return fallen
  }
  process.on('SIGINT', () => void fall(interrupted))
  for (const name of ['SIGTERM', 'SIGHUP'] as const) process.on(name, () => void fall(143))
  return {
    falling: controller.signal,
    hang: made => {
      stand = made
      return made
    },
    mayEndWith: code => {
      interrupted = code
    },
    fall,
  }
}
