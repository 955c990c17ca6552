// The event feeds: the last lines told, and whoever follows them. One is for the owner of the control socket, one for everybody
// who reaches the admin address: the same lines, without the addresses of clients. Knows no HTTP.

import { withoutClient } from '../events/anonymous.js'
import { type Description, describeTold } from '../events/describe.js'
import type { Told } from '../events/throttle.js'
import type { EpochMs } from '../units/units.js'

const BACKLOG = 200

export interface FeedLine extends Description {
  /** Of this line and no other, over restarts too. */
  readonly id: string
  readonly at: EpochMs
}

export interface EventFeed {
  /** The lines kept, oldest first. */
  backlog(): readonly FeedLine[]
  /** Calls `next` with each line from now on; the function returned ends it. */
  follow(next: (line: FeedLine) => void): () => void
}

export interface Feeds {
  readonly all: EventFeed
  readonly anonymous: EventFeed
  /** Takes a line of the log, with the event it tells of. */
  push(line: Description, told: Told): void
}

/** Makes both. */
export function createFeeds(wall: () => EpochMs): Feeds {
  const begun = wall().toString(36)
  const [all, anonymous] = [createFeed(), createFeed()]
  let count = 0
  return {
    all,
    anonymous,
    push(line, told) {
      const id = `${begun}-${++count}`
      const at = wall()
      // Field by field: objects made by spreads have a hidden class each, and a line stays long enough to be promoted with it.
      const dated = ({ level, message, fields }: Description): FeedLine => ({ id, at, level, message, fields })
      const hidden = withoutClient(told.event)
      all.push(dated(line))
      anonymous.push(dated(hidden === told.event ? line : describeTold({ ...told, event: hidden })))
    },
  }
}

function createFeed(): EventFeed & { push(line: FeedLine): void } {
  const kept: FeedLine[] = []
  const followers = new Set<(line: FeedLine) => void>()
  return {
    backlog: () => [...kept],
    follow(next) {
      followers.add(next)
      return () => followers.delete(next)
    },
    push(line) {
      kept.push(line)
      if (kept.length > BACKLOG) kept.shift()
      for (const next of followers) next(line)
    },
  }
}
