// What a run of a scenario leaves: every measurement, with the circumstances. Plain data, kept as JSON.

import type { MetricName, Series } from './metric.js'

export interface RunRecord {
  readonly scenario: string
  readonly says: string
  readonly headline: MetricName
  readonly rival: string
  readonly network: string
  /** When it began (ISO 8601), and how long it took. */
  readonly date: string
  readonly took: number
  /** Of one measurement. */
  readonly seconds: number
  readonly rounds: number
  /** How much of the machine's time the hypervisor gave to others meanwhile, in percent. */
  readonly stolen: number
  /** Measurements made again because other processes had more than 8 % of the machine, and those that could not be had without. */
  readonly repeated: number
  readonly disturbed: number
  readonly series: readonly Series[]
  /** What broke it off. */
  readonly error?: string
}
