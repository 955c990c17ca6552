// What an outside witness, such as a lease in etcd, has to say about who may be master, and what a machine makes of it. While it
// answers, nobody becomes master but whom it names, so that a split of the VRRP network alone makes no two; while it is silent,
// VRRP alone decides, as without one. The RFCs know nothing of it. Who asks the witness is told by needsWitness().

import { OWNER, type State } from './state.js'
import { priorityOf } from './timers.js'

/** Whether nothing but VRRP stands between this machine and mastership. An owner's addresses are its own whatever anybody says. */
export function permits(state: State): boolean {
  const { kind } = state.witness
  return kind === 'none' || kind === 'silent' || kind === 'ours' || priorityOf(state) === OWNER
}

/** Whether the machine is master or would be: the witness should name it, and need not otherwise. */
export function needsWitness({ phase }: State): boolean {
  return phase.role === 'master' || (phase.role === 'backup' && phase.wants)
}

/** Who keeps a machine that would be master from it. */
export function withheldBy(state: State): string | undefined {
  const { phase, witness } = state
  const waits = phase.role === 'backup' && phase.wants && witness.kind === 'other' && !permits(state)
  return waits ? witness.holder : undefined
}
