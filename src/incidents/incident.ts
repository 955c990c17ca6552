// One leader change, from the first sign to the first write let through, with the time of each phase.

import type { EpochMs, Ms } from '../units/units.js'

/** Moments of an incident in the order in which a planned switchover brings them; any may be missing. */
export const MOMENTS = ['first_sign', 'gate_closed', 'key_gone', 'key_moved', 'confirmed', 'first_write'] as const
export type Moment = (typeof MOMENTS)[number]

export interface Incident {
  readonly number: number
  readonly cluster: string
  readonly startedAt: EpochMs
  /** What began it, in words: `failover key: pg1 → pg2`, `leader key gone`, `pg1 answers in recovery`. */
  readonly sign: string
  readonly from?: string
  readonly to?: string
  /** Time since the start at which each moment came. */
  readonly moments: Readonly<Partial<Record<Moment, Ms>>>
  readonly held: number
  readonly cut: number
  readonly refused: number
  /** Absent while it is under way. */
  readonly lasted?: Ms
}
