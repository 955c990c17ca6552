// Looks once a second for peers that acknowledge nothing although something is under way to them; who cuts them is not decided here.
// Asks the kernel only of ends that something was sent to since it was last seen acknowledged: idle sessions cost nothing.

import type { Sockets } from '../linux/sockets.js'
import { type NativeTable, STATE } from './native-table.js'

const PERIOD = 1000

export interface Silences {
  /** The slot's session has ended. */
  forget(slot: number): void
  /** Looks when it is time. `active`: something was moved since the last call, so that somebody may owe an acknowledgement now. */
  look(now: number, active: boolean): void
  /** True while somebody may owe an acknowledgement. */
  armed(): boolean
}

export function createSilences(
  sockets: Pick<Sockets, 'silence'>,
  { control, descriptor, state, silence }: NativeTable,
): Silences {
  /** By end: when it was first seen to owe. The kernel's own measure also counts the time before there was anything to acknowledge. */
  const since = new Map<number, number>()
  let due = 0
  let armed = false

  function lookAt(end: number, now: number): void {
    const length = sockets.silence(descriptor[end] ?? -1)
    if (length === undefined) {
      since.delete(end)
      silence[end] = 0
      state[end] = (state[end] ?? 0) & ~STATE.owing
      return
    }
    armed = true
    if (length === 0) since.delete(end)
    else if (!since.has(end)) since.set(end, now)
    silence[end] = Math.min(length, now - (since.get(end) ?? now))
  }

  return {
    forget(slot) {
      for (const end of [2 * slot, 2 * slot + 1]) since.delete(end)
    },
    look(now, active) {
      if (active) armed = true
      if (now < due) return
      due = now + PERIOD
      armed = false
      const highest = Atomics.load(control, 1)
      for (let end = 0; end < 2 * highest + 2; end++)
        if ((state[end] ?? 0) & STATE.owing && (descriptor[end] ?? -1) >= 0) lookAt(end, now)
    },
    armed: () => armed,
  }
}
