// Lets the contenders of a scenario take turns: within a round each is measured once under the same load, and each round begins
// with another one, so that a machine whose mood changes treats all alike.

import type { Series, Values } from '../judge/metric.js'
import type { Measure, Plan } from '../scenario.js'

export interface Turn {
  readonly load: string
  readonly round: number
  readonly contender: string
}

/** Every measurement of a plan, in order. */
export function turnsOf({ contenders, loads, rounds }: Plan): Turn[] {
  const all = Array.from({ length: rounds }, (_, round) => round)
  return loads.flatMap(load =>
    all.flatMap(round => rotated(contenders, round).map(contender => ({ load, round, contender }))),
  )
}

const rotated = <T>(all: readonly T[], by: number): T[] => {
  const first = by % all.length
  return [...all.slice(first), ...all.slice(0, first)]
}

export interface Watcher {
  before(turn: Turn): void
  after(turn: Turn, values: Values): void
}

/** Measures all, one after another. */
export async function measureAll(plan: Plan, measure: Measure, watch: Watcher): Promise<Series[]> {
  const rounds = new Map<string, Values[]>()
  const key = (load: string, contender: string) => `${load}\n${contender}`
  for (const turn of turnsOf(plan)) {
    watch.before(turn)
    const values = await measure(turn.contender, turn.load)
    watch.after(turn, values)
    const where = key(turn.load, turn.contender)
    rounds.set(where, [...(rounds.get(where) ?? []), values])
  }
  return plan.loads.flatMap(load =>
    plan.contenders.map(contender => ({ load, contender, rounds: rounds.get(key(load, contender)) ?? [] })),
  )
}
