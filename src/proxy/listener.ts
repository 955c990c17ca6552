// What a client comes to: a name, the rules in force, the cluster it leads to, and the place to wait. Knows no address:
// who comes in through which socket is settled elsewhere, and may change while sessions last.

import type { ListenConfig } from '../config/shape.js'
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
  /** Grows by one with each pick. */
  turn(): number
}

/** A listener nobody can come to yet. */
export function createListener(name: string, first: ListenConfig, cluster: ClusterView, deps: SessionDeps): Listener {
  let rules = first
  let turns = 0
  const waitroom = createWaitroom(() => rules, cluster, deps)
  return {
    name,
    cluster,
    waitroom,
    rules: () => rules,
    setRules(next) {
      rules = next
      waitroom.pump()
    },
    turn: () => ++turns,
  }
}
