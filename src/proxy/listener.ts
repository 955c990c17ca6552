// What a client comes to: a name, the rules in force, the cluster it leads to, and the place to wait. Knows no address:
// who comes in through which socket is settled elsewhere, and may change while sessions last.

import type { ListenConfig } from '../config/shape.js'
import type { Ms } from '../units/units.js'
import type { ClusterView } from './room.js'
import type { SessionDeps } from './session.js'
import { createWaitroom, type Waitroom } from './waitroom.js'

export interface Listener {
  readonly name: string
  readonly cluster: ClusterView
  readonly waitroom: Waitroom
  /** The rules in force. */
  rules(): ListenConfig
  /** From now on these hold, for those who wait too. */
  setRules(rules: ListenConfig): void
  /** For how long an operator has had everyone new wait here; undefined: nobody has. */
  pausedFor(): Ms | undefined
  /** Grows by one with each pick. */
  turn(): number
}

/** A listener nobody can come to yet. */
export function createListener(
  name: string,
  first: ListenConfig,
  cluster: ClusterView,
  deps: SessionDeps & { readonly pausedFor: (listen: string) => Ms | undefined },
): Listener {
  let rules = first
  let turns = 0
  const desk = { name, cluster, rules: () => rules, pausedFor: () => deps.pausedFor(name) }
  const waitroom = createWaitroom(desk, deps)
  // What is spread comes last, so that all listeners have one hidden class.
  return {
    waitroom,
    setRules(next) {
      rules = next
      waitroom.pump()
    },
    turn: () => ++turns,
    ...desk,
  }
}
