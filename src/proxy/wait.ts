// What a session waits for now, and until when: one slot, so that the janitor, a drain or a changed gate can end any wait.

import type { Ms } from '../units/units.js'

export type WaitEnded = 'overdue' | 'interrupted'

export interface Wait {
  /** Called at most once, by the janitor (`overdue`) or by whoever takes the session elsewhere (`interrupted`). */
  readonly stop: (why: WaitEnded) => void
  readonly until: Ms
}

/** Where a wait is kept: a session has one. */
export interface WaitSlot {
  wait: Wait | undefined
}

/** Begins a wait; ending it is done by clearing the slot. */
export function begin(slot: WaitSlot, until: Ms, stop: (why: WaitEnded) => void): void {
  slot.wait = { until, stop }
}

/** Stops the present wait, if there is one. */
export function stopWait(slot: WaitSlot, why: WaitEnded): void {
  const { wait } = slot
  slot.wait = undefined
  wait?.stop(why)
}
