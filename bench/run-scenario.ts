// Runs one scenario from its first process to its last and answers what it found, or what broke it off.

import { METRICS, type MetricName, type Series, shown, type Values } from './judge/metric.js'
import type { RunRecord } from './judge/record.js'
import { type CpuTime, countCpu } from './measure/cpu.js'
import { steadily } from './measure/steady.js'
import { measureAll, type Watcher } from './measure/turns.js'
import type { Progress } from './progress.js'
import type { Amount, Plan, Scenario } from './scenario.js'
import type { Grounds } from './scope.js'

export async function runScenario(
  scenario: Scenario,
  plan: Plan,
  amount: Amount,
  grounds: Grounds,
  progress: Progress,
): Promise<RunRecord> {
  const { name, says, headline, rival } = scenario
  const date = new Date().toISOString()
  const counted = countCpu(undefined)
  let series: readonly Series[] = []
  let [repeated, disturbed] = [0, 0]
  let error: string | undefined
  try {
    progress.at(`${name}: starting what it needs`)
    const measure = await scenario.open(grounds, plan, amount)
    progress.done(plan.secondsBefore)
    // A taste has no time for a second try.
    const repeats = amount.quick ? 0 : plan.repeats
    const steady = async (contender: string, load: string) => {
      const { values, tries, disturbed: still } = await steadily(() => measure(contender, load), grounds.dirs, repeats)
      repeated += tries - 1
      disturbed += still ? 1 : 0
      return values
    }
    series = await measureAll(plan, steady, watcher(name, plan, progress))
  } catch (caught) {
    error = (caught as Error).message
  }
  await grounds.close()
  const time = counted()
  return {
    ...{ scenario: name, says, headline, rival, network: grounds.network, date, took: Math.round(time.elapsed / 1e6) },
    ...{ seconds: amount.seconds, rounds: plan.rounds, stolen: stolenPercent(time), repeated, disturbed, series },
    ...(error === undefined ? {} : { error }),
  }
}

const stolenPercent = ({ stolen, elapsed, processors }: CpuTime) =>
  Math.round((1000 * stolen) / (elapsed * processors)) / 10

function watcher(name: string, { rounds, secondsEach }: Plan, progress: Progress): Watcher {
  return {
    before: ({ load, round, contender }) =>
      progress.at(`${name}, ${load}, round ${round + 1} of ${rounds}: ${contender}`),
    after: ({ load, round, contender }, values) =>
      progress.done(secondsEach, `${load}, round ${round + 1}, ${contender}: ${sentence(values)}`),
  }
}

const sentence = (values: Values): string =>
  (Object.keys(METRICS) as MetricName[])
    .flatMap(metric =>
      values[metric] === undefined ? [] : [`${METRICS[metric].title} ${shown(metric, values[metric])}`],
    )
    .join(', ')
