// Drives the machines of one sync group (or a single machine): inputs one after the other, actions done at once, one timer.
// What waits on the sockets is heard before the time is told, so that a late process hears first.

import type { Ms } from '../units/units.js'
import { type Group, groupNeedsWitness, stepGroup, wakeGroupAt } from '../vrrp/group.js'
import { newMachine } from '../vrrp/machine.js'
import type { Action, Input, Setup, State } from '../vrrp/state.js'

export interface Driver {
  /** An input for one machine, or for all where `to` is undefined. May be called from within an action. */
  tell(to: string | undefined, input: Input): void
  /** Hears what waits and tells the time, now: what a machine that slept takes for true may be over. */
  wake(): void
  state(name: string): State | undefined
  /** Ends the timer. */
  close(): void
}

interface DriverDeps {
  readonly now: () => Ms
  readonly act: (name: string, action: Action) => void
  /** Hears what waits on the sockets. */
  readonly hear: () => void
  /** Told after every input: whether the witness should name this host. */
  readonly needsWitness: (needed: boolean) => void
}

/** The longest that setTimeout can wait. */
const LONGEST = 2 ** 31 - 1

export function createDriver(setups: ReadonlyMap<string, Setup>, deps: DriverDeps): Driver {
  const { now, act, hear, needsWitness } = deps
  let group: Group = new Map([...setups].map(([name, setup]) => [name, newMachine(setup, now())]))
  const waiting: (readonly [to: string | undefined, input: Input])[] = []
  let busy = false
  let closed = false
  let timer: NodeJS.Timeout | undefined

  function take(to: string | undefined, input: Input): void {
    const [next, actions] = stepGroup(group, to, input, now())
    group = next
    for (const { name, action } of actions) act(name, action)
    needsWitness(groupNeedsWitness(group))
  }

  function arm(): void {
    clearTimeout(timer)
    const at = wakeGroupAt(group)
    if (at === undefined || closed) return
    // Rounded up: a timer that fires a fraction early would only be set again.
    timer = setTimeout(wake, Math.min(LONGEST, Math.max(1, Math.ceil(at - now()))))
  }

  function wake(): void {
    hear()
    tell(undefined, { kind: 'time' })
  }

  function tell(to: string | undefined, input: Input): void {
    waiting.push([to, input])
    if (busy) return
    busy = true
    try {
      for (let next = waiting.shift(); next; next = waiting.shift()) take(...next)
    } finally {
      busy = false
    }
    arm()
  }

  return {
    tell,
    wake,
    state: name => group.get(name),
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}
