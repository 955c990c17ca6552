// Two hosts live through disturbances on a bad wire, with a witness or without, until they must have settled.

import { groupNeedsWitness } from '../../../src/vrrp/group.js'
import type { Input, Setup } from '../../../src/vrrp/state.js'
import { START, says } from './script.js'
import { type Fate, WHOLE, Wire } from './wire.js'
import { createWitness } from './witness-key.js'

export interface Disturbance {
  readonly at: number
  readonly who: number
  readonly what: Input | { readonly kind: 'stall'; readonly for: number }
}

/** What two hosts have to live through. */
export interface Trial {
  readonly fates: readonly Fate[]
  readonly disturbances: readonly Disturbance[]
  /** How long each way to the witness and back takes, in turn; without them there is no witness. */
  readonly delays?: readonly number[] | undefined
  /** When the wire is whole: `WHOLE` unless told. */
  readonly wholeAt?: number
}

/** Stalls last up to 9 s beyond, a delayed packet 2.5 s, the preemptDelay up to 5 s; then a few master down intervals of 4 s. */
const SETTLED = WHOLE + 9000 + 2500 + 5000 + 4 * 4000

/** Plays a trial and some time more. Gives how many addresses each holds then, and how often both held some. */
export function endure(setups: readonly (readonly Setup[])[], { fates, disturbances, delays, wholeAt }: Trial) {
  let both = 0
  const wire: Wire = new Wire(setups, fates, wholeAt, who => {
    witness?.want(who, groupNeedsWitness(wire.host(who)))
    if (wire.held().every(count => count > 0)) both++
  })
  const witness = delays && createWitness(() => wire, delays)
  const first: Input[] = witness ? [says({ kind: 'unheard' }), START] : [START]
  for (const who of [0, 1]) for (const input of first) wire.feed(who, input)
  witness?.begin()
  for (const { at, who, what } of [...disturbances].sort((a, b) => a.at - b.at)) {
    wire.run(at)
    if (what.kind === 'stall') wire.stall(who, what.for)
    else wire.feed(who, what, what.kind === 'fault' ? 'm0' : undefined)
  }
  wire.run(WHOLE)
  for (const who of [0, 1])
    for (const input of [{ kind: 'fault_over', name: 'eth0' } as const, START]) wire.feed(who, input)
  wire.run(SETTLED + 5000)
  const { changes } = wire
  return { held: wire.held().sort().join(), both, changes: changes.length, calm: changes.every(at => at < SETTLED) }
}
