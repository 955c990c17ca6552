// What a scenario is: who takes part, under which loads, how long it takes, and how to measure one of them once. Knows none.

import type { MetricName, Values } from './judge/metric.js'
import type { Scope } from './scope.js'

/** How much is asked for on the command line. */
export interface Amount {
  readonly rounds: number
  /** Of one measurement. */
  readonly seconds: number
  /** Instead of a scenario's own. */
  readonly clients: readonly number[] | undefined
  readonly quick: boolean
}

/** What a scenario is about to do. Each round measures every contender once, for each load. */
export interface Plan {
  /** As the command line names them (contenders/table.ts). */
  readonly contenders: readonly string[]
  readonly loads: readonly string[]
  readonly rounds: number
  /** About how long one measurement takes, and all that comes before the first one. */
  readonly secondsEach: number
  readonly secondsBefore: number
  /** How often a measurement that other processes disturbed may be made again. */
  readonly repeats: number
}

/** Measures a contender once, under a load of the plan. */
export type Measure = (contender: string, load: string) => Promise<Values>

export interface Scenario {
  readonly name: string
  readonly says: string
  /** Shown beside HAProxy's, round by round. */
  readonly headline: MetricName
  /** Whom the others are compared with. */
  readonly rival: string
  /** Whether it measures a proxy's own process: a direct connection has none. */
  readonly ofProxies?: true
  /** Whether --quick has it. */
  readonly inQuick: boolean
  plan(amount: Amount): Plan
  /** Starts all it needs; the scope ends it. */
  open(scope: Scope, plan: Plan, amount: Amount): Promise<Measure>
}
