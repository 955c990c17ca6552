// Asks one member for GET /cluster, beside everything else: it blocks for 5 s while the DCS is down, and nobody waits for it.
// GET /config and GET /history, which Patroni answers from its own copy, are asked every other second.

import type { Ms } from '../../units/units.js'
import type { Asker } from './ask.js'

interface Discovered {
  /** GET /cluster, when it was answered recently enough to speak of now. */
  readonly cluster?: unknown
  readonly config?: unknown
  readonly history?: unknown
}

export interface Discovery {
  /** Begins to ask the first of these that does not fail, unless it is being asked already; `done` follows each answer. */
  ask(bases: readonly string[], done: () => void): void
  known(): Discovered
  /** How often another member answered than the time before. */
  moves(): number
}

/** Patroni answers within milliseconds while its DCS answers. */
const DEADLINE = 2500
const DETAILS_EVERY = 2000

export function createDiscovery(asker: Asker, now: () => Ms, freshFor: number): Discovery {
  let cluster: { readonly body: unknown; readonly at: Ms } | undefined
  let details: Discovered = {}
  let detailedAt: Ms | undefined
  let asking = false
  let preferred: string | undefined
  let answered: string | undefined
  let moves = 0

  async function askDetails(base: string): Promise<void> {
    if (detailedAt !== undefined && now() - detailedAt < DETAILS_EVERY) return
    const [config, history] = await Promise.all([
      asker.get(base, '/config', DEADLINE),
      asker.get(base, '/history', DEADLINE),
    ])
    details = { config, history }
    detailedAt = now()
  }

  async function askOne(bases: readonly string[], done: () => void): Promise<void> {
    const base = preferred !== undefined && bases.includes(preferred) ? preferred : bases[0]
    if (base === undefined) return
    try {
      cluster = { body: await asker.get(base, '/cluster', DEADLINE), at: now() }
      if (answered !== undefined && answered !== base) moves++
      preferred = base
      answered = base
      done()
      await askDetails(base)
    } catch {
      // The next in the list has its turn; why this one failed shows at its GET /patroni.
      preferred = bases[(bases.indexOf(base) + 1) % bases.length]
    }
  }

  return {
    ask: (bases, done) => {
      if (asking) return
      asking = true
      askOne(bases, done).finally(() => {
        asking = false
      })
    },
    known: () => ({ ...details, ...(cluster && now() - cluster.at <= freshFor && { cluster: cluster.body }) }),
    moves: () => moves,
  }
}
