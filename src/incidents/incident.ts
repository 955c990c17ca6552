// One leader change, from the first sign to the first answer of the new leader, with the time of each phase.

import type { EpochMs, Ms } from '../units/units.js'

/**
 * Moments of an incident in the order in which a planned switchover brings them; any may be missing. `last_no`: when the member
 * that then confirmed was last asked and was no primary yet; its promotion ended between that and `confirmed`. `last_answer`: when the
 * old leader last answered a session that has ended since. `sessions_lost`: when the first of those was told so, or ended, by it or by us.
 * `first_write`: a session to write joined the new leader; `first_login`: the login of one has ended; `first_answer`: one
 * was answered. Of an encrypted session neither can be seen.
 */
export const MOMENTS = [
  'first_sign',
  'gate_closed',
  'last_answer',
  'sessions_lost',
  'key_gone',
  'key_moved',
  'last_no',
  'confirmed',
  'first_write',
  'first_login',
  'first_answer',
] as const
export type Moment = (typeof MOMENTS)[number]

/** Why a leader change began, by its first sign. */
export const CAUSES = [
  'switchover', // asked for: the failover key was written
  'unreachable', // the primary did not answer, or turned connections away
  'in_recovery', // the leader answered that it is in recovery
  'key_gone', // the leader key expired or was deleted
  'key_moved', // the leader key named another, with no sign before
  'other',
] as const
export type Cause = (typeof CAUSES)[number]

export interface Incident {
  readonly number: number
  readonly cluster: string
  readonly startedAt: EpochMs
  readonly cause: Cause
  /** What began it, in words: `failover key: pg1 → pg2`, `leader key gone`, `pg1 answers in recovery`. */
  readonly sign: string
  readonly from?: string
  readonly to?: string
  /** Time since the start at which each moment came, in the order in which they were noticed. */
  readonly moments: Readonly<Partial<Record<Moment, Ms>>>
  readonly held: number
  /** Open sessions of the old leader that it ended itself, by its shutdown or its death. */
  readonly lost: number
  readonly cut: number
  readonly refused: number
  /** Whether the first write let through had been waiting; absent while there was none. */
  readonly waited?: boolean
  /** Absent while it is under way. */
  readonly lasted?: Ms
  /** This router ended before the incident did: `lasted` is as far as it saw. */
  readonly interrupted?: true
}
