// The event feed: the last lines told and whoever follows them. Both servers read it. Knows no HTTP.

import type { Description } from '../events/describe.js'
import type { EpochMs } from '../units/units.js'

const BACKLOG = 200

export interface FeedLine extends Description {
  readonly at: EpochMs
}

export interface EventFeed {
  /** The lines kept, oldest first. */
  backlog(): readonly FeedLine[]
  /** Calls `next` with each line from now on; the function returned ends it. */
  follow(next: (line: FeedLine) => void): () => void
}

/** Makes a feed. Lines below info (each session, each probe) are left out: they would push out what matters. */
export function createFeed(wall: () => EpochMs): EventFeed & { push(line: Description): void } {
  const kept: FeedLine[] = []
  const followers = new Set<(line: FeedLine) => void>()
  return {
    backlog: () => [...kept],
    follow(next) {
      followers.add(next)
      return () => followers.delete(next)
    },
    push(line) {
      if (line.level === 'trace' || line.level === 'debug') return
      const dated = { at: wall(), ...line }
      kept.push(dated)
      if (kept.length > BACKLOG) kept.shift()
      for (const next of followers) next(dated)
    },
  }
}
