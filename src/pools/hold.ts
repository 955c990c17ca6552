// The hold queue of one listener: who waits, in which order, until when, and how fast they are let through.
// Knows ids and times. Never touches a session or a timer: wakeAt() says when to come back.

import { type Ms, ms } from '../units/units.js'

export interface Waiting {
  readonly id: number
  readonly since: Ms
  /** When the wait is over and the client is refused. */
  readonly until: Ms
  /** Not to be let through before: set for one whose dial has just failed. */
  readonly notBefore: Ms
}

export interface HoldRules {
  readonly maxHeld: number
  /** Let through in a second, in order. */
  readonly releaseRate: number
}

/** After a pause this much of the rate may pass at once, so that a handful of clients need not queue for ticks. */
const BURST = ms(50)

export interface HoldQueue {
  size(): number
  /** Adds one at the end; one that `returned` from a failed dial goes before those who never left. False when the queue is full. */
  enter(waiting: Waiting, returned: boolean): boolean
  /** Forgets one that left or was answered. */
  leave(id: number): void
  /** Takes those whose wait is over. */
  expire(now: Ms): Waiting[]
  /** Takes the next in order that the rate lets through now; undefined when nobody may pass yet. */
  release(now: Ms): Waiting | undefined
  /** Takes everybody, in order. */
  drain(): Waiting[]
  /** The next time at which release() or expire() may give somebody; undefined when nobody waits. */
  wakeAt(open: boolean): Ms | undefined
}

export function createHoldQueue(rules: () => HoldRules): HoldQueue {
  const returned = new Map<number, Waiting>()
  const waiting = new Map<number, Waiting>()
  let nextAt = Number.NEGATIVE_INFINITY
  const everyone = () => [...returned.values(), ...waiting.values()]
  /** No wait is over before this: kept low rather than exact, so that an arrival costs no look at all the others. */
  let earliest = Number.POSITIVE_INFINITY

  function next(now: Ms): Waiting | undefined {
    for (const one of returned.values()) if (one.notBefore <= now) return one
    for (const one of waiting.values()) return one
    return undefined
  }

  function take(one: Waiting): Waiting {
    returned.delete(one.id)
    waiting.delete(one.id)
    return one
  }

  return {
    size: () => returned.size + waiting.size,
    enter(one, comesBack) {
      if (!comesBack && returned.size + waiting.size >= rules().maxHeld) return false
      ;(comesBack ? returned : waiting).set(one.id, one)
      earliest = Math.min(earliest, one.until)
      return true
    },
    leave(id) {
      returned.delete(id)
      waiting.delete(id)
    },
    expire(now) {
      if (now < earliest) return []
      const over = everyone().filter(one => one.until <= now)
      for (const one of over) take(one)
      earliest = everyone().reduce((least, one) => Math.min(least, one.until), Number.POSITIVE_INFINITY)
      return over
    },
    release(now) {
      if (nextAt > now) return undefined
      const one = next(now)
      if (!one) return undefined
      nextAt = Math.max(nextAt, now - BURST) + 1000 / rules().releaseRate
      return take(one)
    },
    drain: () => everyone().map(take),
    wakeAt(open) {
      if (returned.size + waiting.size === 0) return undefined
      if (!open) return ms(earliest)
      let ready = waiting.size > 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
      for (const one of returned.values()) ready = Math.min(ready, one.notBefore)
      return ms(Math.min(earliest, Math.max(nextAt, ready)))
    },
  }
}
