// Keeps a flood of equal refusals, failed dials and dropped cancels from drowning the log: the first is told, then at most one
// per period, with the count of those that were not. Knows no clock and no sink; metrics count every event all the same.

import { type Ms, ms } from '../units/units.js'
import type { Event } from './event.js'

const PERIOD = ms(10_000)

interface Quiet {
  readonly toldAt: Ms
  readonly last: Event
  readonly suppressed: number
}

/** What was told lately, by kind, listener and reason. */
export type ThrottleState = ReadonlyMap<string, Quiet>

/** An event to be told now, and how many like it were not told since the last time. */
export interface Told {
  readonly event: Event
  readonly suppressed: number
}

export const noThrottle: ThrottleState = new Map()

/** Takes an event, gives what is to be told now: it, or nothing, or it and the sums of floods that have ended. */
export function throttle(state: ThrottleState, event: Event, now: Ms): readonly [ThrottleState, readonly Told[]] {
  const key = floodKey(event)
  if (key === undefined && state.size === 0) return [state, [{ event, suppressed: 0 }]]
  const [kept, told] = sweep(state, now, key)
  if (key === undefined) return [kept, [...told, { event, suppressed: 0 }]]
  const quiet = kept.get(key)
  if (quiet !== undefined && now - quiet.toldAt < PERIOD) {
    return [new Map(kept).set(key, { ...quiet, last: event, suppressed: quiet.suppressed + 1 }), told]
  }
  const suppressed = quiet?.suppressed ?? 0
  return [new Map(kept).set(key, { toldAt: now, last: event, suppressed: 0 }), [...told, { event, suppressed }]]
}

/** What is still untold of every flood; for the moment before the log is closed. */
export function untold(state: ThrottleState): readonly Told[] {
  return [...state.values()].filter(q => q.suppressed > 0).map(lastOf)
}

function lastOf(quiet: Quiet): Told {
  return { event: quiet.last, suppressed: quiet.suppressed - 1 }
}

/** Drops what is older than the period, but for `except`; of a flood that has ended, its last event is told with the rest's count. */
function sweep(state: ThrottleState, now: Ms, except: string | undefined): readonly [ThrottleState, readonly Told[]] {
  const old = [...state].filter(([key, quiet]) => key !== except && now - quiet.toldAt >= PERIOD)
  if (old.length === 0) return [state, []]
  const kept = new Map(state)
  for (const [key] of old) kept.delete(key)
  return [kept, old.filter(([, quiet]) => quiet.suppressed > 0).map(([, quiet]) => lastOf(quiet))]
}

/** Events with the same key are a flood; undefined: never throttled. Holds no client address, so a client cannot add keys. */
function floodKey(event: Event): string | undefined {
  switch (event.kind) {
    case 'session_refused':
      return `refused ${event.listen} ${event.end}`
    case 'dial_failed':
      return `dial ${event.listen} ${event.member} ${event.why}`
    case 'cancel':
      return event.how === 'known' ? undefined : `cancel ${event.listen} ${event.how}`
    case 'vrrp_dropped':
      return `vrrp ${event.name} ${event.drop}`
    case 'vrrp_differs':
      return `vrrp ${event.name} differs`
    case 'vrrp_failed':
      return `vrrp ${event.name} ${event.why}`
    default:
      return undefined
  }
}
