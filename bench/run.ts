// `npm run bench`: measures mekare beside HAProxy, PgBouncer and a direct connection, and ends with 1 when a goal is missed.
// Reads the command line, runs the chosen scenarios one after another, shows and keeps what they found. README.md tells the method.

import { unknownContenders } from './contenders/table.js'
import type { RunRecord } from './judge/record.js'
import { goalTable } from './judge/tables.js'
import { keep, readKept } from './keep.js'
import { type Options, parseOptions, USAGE } from './options.js'
import { createProgress, planned, spoken } from './progress.js'
import { publish, told, verdictsOf } from './report.js'
import { runScenario } from './run-scenario.js'
import type { Plan, Scenario } from './scenario.js'
import { SCENARIOS } from './scenarios/table.js'
import { createGrounds, type Grounds } from './scope.js'
import { describeAll } from './versions.js'

/** Answers the exit code: 0, 1 when a goal was missed or a scenario broke off, 2 for a command line that says nothing to do. */
async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseOptions(argv)
  if (!parsed.ok) return misuse(parsed.why)
  const { options } = parsed
  if (options.help) {
    console.log(USAGE)
    return 0
  }
  if (options.list) {
    for (const { name, says } of SCENARIOS) console.log(`${name.padEnd(18)}${says}`)
    return 0
  }
  const strangers = options.names.filter(name => !SCENARIOS.some(each => each.name.startsWith(name)))
  if (strangers.length > 0) return misuse(`${strangers.join(', ')}: no such scenario; see --list`)
  const unknown = unknownContenders([...(options.only ?? []), ...options.more])
  if (unknown.length > 0) return misuse(`${unknown.join(', ')}: no such contender`)
  const chosen = SCENARIOS.filter(each => isChosen(each, options))
  const { results, redraw } = options
  const records = results !== undefined && redraw ? readKept(results).records : await runAll(chosen, options)
  if (results !== undefined) publish(results)
  const verdicts = verdictsOf(records)
  if (verdicts.length > 0) console.log(`\n${goalTable(verdicts)}`)
  return records.some(({ error }) => error !== undefined) || verdicts.some(({ word }) => word === 'missed') ? 1 : 0
}

function misuse(why: string): number {
  console.error(`${why}\n${USAGE}`)
  return 2
}

/** A scenario too long for --quick is run when it is named. */
const isChosen = ({ name, inQuick }: Scenario, { names, amount }: Options) =>
  names.length === 0 ? inQuick || !amount.quick : names.some(each => name.startsWith(each))

/** What was measured now; with --results each scenario is kept as it ends, so that a run that is broken off loses the one under way alone. */
async function runAll(scenarios: readonly Scenario[], options: Options): Promise<RunRecord[]> {
  const plans = new Map(scenarios.map(each => [each, fitted(each, options)]))
  const total = [...plans.values()].reduce((sum, plan) => sum + planned(plan), 0)
  const progress = createProgress(process.stdout, total)
  progress.say(`about ${spoken(total)}, on ${options.network}`)
  const grounds = createGrounds(options.network)
  const leave = endOnSignals(grounds)
  const records: RunRecord[] = []
  const machine = describeAll()
  try {
    for (const [scenario, plan] of plans) {
      progress.say(`── ${scenario.name}: ${scenario.says}`)
      const record = await runScenario(scenario, plan, options.amount, grounds, progress)
      records.push(record)
      if (options.results !== undefined) keep(options.results, { machine, records: [record] })
      progress.say(`\n${told(record)}\n`)
    }
    return records
  } finally {
    await leave()
  }
}

/** The plan with the contenders that the command line wants, as far as there is something to measure of them. */
function fitted({ plan, ofProxies }: Scenario, { only, more, amount }: Options): Plan {
  const own = plan(amount)
  const wanted = [...new Set([...(only ?? own.contenders), ...more])]
  return { ...own, contenders: wanted.filter(name => !(ofProxies && name === 'direct')) }
}

/** Everything that was started ends with this process, also on Ctrl-C; the exit code then tells the signal. */
function endOnSignals(grounds: Grounds): () => Promise<void> {
  const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }
  let leaving: Promise<void> | undefined
  const leave = () => {
    leaving ??= grounds.leave()
    return leaving
  }
  for (const [name, code] of Object.entries(codes))
    process.on(name, () => void leave().finally(() => process.exit(code)))
  return leave
}

process.exit(await main(process.argv.slice(2)))
