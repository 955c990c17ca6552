// The lengths of VRRP's timers (RFC 9568, section 6.1; RFC 3768, section 6.1) and when a wake-up is too late to be trusted.

import { type Ms, ms } from '../units/units.js'
import type { Backup, Master, State } from './state.js'
import { OWNER } from './state.js'

/** The priority in force: the configured one less what tracks take off, at least 1. An owner's is never lowered. */
export function priorityOf({ setup, lowered }: State): number {
  if (setup.priority >= OWNER) return OWNER
  return Math.max(1, setup.priority - Math.max(0, lowered))
}

/**
 * Skew_Time. v3: (256 − priority) / 256 of the master's interval (RFC 9568, section 6.1).
 * v2: (256 − priority) / 256 of a second, whatever the interval (RFC 3768, section 6.1).
 */
export function skewTime(version: 2 | 3, priority: number, interval: Ms): Ms {
  return ms(((256 - priority) * (version === 3 ? interval : 1000)) / 256)
}

/** Active_Down_Interval (Master_Down_Interval in RFC 3768 and 5798): three intervals and the skew. */
export function masterDownInterval(version: 2 | 3, priority: number, interval: Ms): Ms {
  return ms(3 * interval + skewTime(version, priority, interval))
}

/** A master that has not spoken for this many intervals was declared down by every backup: three, and the greatest skew. */
const SURELY_DOWN = 4

/**
 * True when a master slept so long that whoever lives has taken over. It must not speak as if nothing had been: it steps down
 * and listens. An owner starts as master anyhow.
 */
export function sleptAsMaster(state: State, { sentAt }: Master, now: Ms): boolean {
  return now - sentAt > SURELY_DOWN * state.setup.interval && priorityOf(state) < OWNER
}

/**
 * True when a backup wakes more than an interval after its timer: it cannot tell a silent master from its own sleep, so it listens
 * for one whole master down interval more. Once: a machine too busy ever to wake in time must still become master.
 */
export function sleptAsBackup({ masterDownAt, interval, listenedAgain }: Backup, now: Ms): boolean {
  return !listenedAgain && now - masterDownAt > interval
}
