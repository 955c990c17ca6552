// The contract of the prober: it asks every wanted member, at the period it is told, and tells each answer.

import type { ProbeOutcome, Via } from '../health/answer.js'
import type { Address } from '../topology/topology.js'
import type { Ms } from '../units/units.js'

export interface ProbeTarget {
  readonly name: string
  readonly address: Address
  /** Base of Patroni's REST API; needed by `rest` only. */
  readonly apiUrl?: string
}

export interface ProberDeps {
  readonly now: () => Ms
  /** How long until this member is to be asked again, after an answer. Asked anew after each answer and on recheck(). */
  readonly period: (member: string, via: Via) => Ms
  readonly told: (outcome: ProbeOutcome) => void
}

export interface Prober {
  readonly via: Via
  /** The members to ask from now on; a changed address drops the kept connection. Compares wanted with actual. */
  want(targets: readonly ProbeTarget[]): void
  /** Periods have changed: whoever is due under the new ones is asked at once. */
  recheck(): void
  /** Ends every timer and connection; no answer is told afterwards. */
  stop(): Promise<void>
}
