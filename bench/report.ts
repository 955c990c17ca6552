// What becomes of results: tables on the terminal or as a Markdown page, plots as SVG. Measures nothing.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { titleOf } from './contenders/table.js'
import { draw, THEMES } from './draw.js'
import { chartsOf } from './judge/charts.js'
import { contendersOf } from './judge/compare.js'
import { GOALS, type Goal } from './judge/goals.js'
import type { RunRecord } from './judge/record.js'
import { goalTable, recordTable } from './judge/tables.js'
import { judge, type Verdict } from './judge/verdict.js'
import { type Kept, readKept } from './keep.js'
import { SCENARIOS } from './scenarios/table.js'

/** Goals of what was measured; those that need a load or a contender that was left out are left out too. */
export function verdictsOf(records: readonly RunRecord[]): Verdict[] {
  return records.flatMap(record => goalsOf(record).map(goal => judge(goal, record.series)))
}

function goalsOf({ scenario, series, error }: RunRecord): Goal[] {
  if (error !== undefined) return []
  const has = (contender: string, load: string) =>
    series.some(each => each.contender === contender && each.load === load)
  return GOALS.filter(goal => goal.scenario === scenario && contendersOf(goal).every(each => has(each, goal.load)))
}

/** The table of a scenario, with what must be known of it. */
export function told(record: RunRecord): string {
  const { error, disturbed, repeated, stolen } = record
  if (error !== undefined) return `broke off: ${error}`
  const notes = [
    ...(repeated > 0 ? [`${repeated} measurements were made again because other processes disturbed them`] : []),
    ...(disturbed > 0 ? [`${disturbed} were disturbed all the same`] : []),
    ...(stolen >= 1 ? [`the hypervisor gave ${stolen} % of the machine to others`] : []),
  ]
  return `${recordTable(record, titleOf)}${notes.length > 0 ? `\n\n${notes.join('; ')}.` : ''}`
}

/** Writes `bench.md` and the plots beside the measurements that the directory holds. */
export function publish(dir: string): void {
  const kept = readKept(dir)
  const place = ({ scenario }: RunRecord) => SCENARIOS.findIndex(({ name }) => name === scenario)
  const records = kept.records.toSorted((a, b) => a.network.localeCompare(b.network) || place(a) - place(b))
  writeFileSync(join(dir, 'bench.md'), page({ ...kept, records }))
  plot(dir, records)
}

/** Everything as one Markdown page. */
function page({ machine, records }: Kept): string {
  const verdicts = verdictsOf(records)
  const parts = records.map(record => {
    const { scenario, says, network, date, seconds, rounds } = record
    const how = `${date.slice(0, 10)}, ${network}, ${rounds} rounds of ${seconds} s`
    return `## ${scenario} (${network})\n\n${says}. ${how}.\n\n${told(record)}`
  })
  const about = Object.entries(machine).map(([name, value]) => `- ${name}: ${value}`)
  const intro =
    'Medians, with their 90 % intervals in brackets (of up to 7 rounds: lowest to highest); bench/README.md has the method.'
  return ['# Measured', intro, about.join('\n'), ...parts, '## Goals', goalTable(verdicts)].join('\n\n').concat('\n')
}

/** Writes every plot twice, `NAME-light.svg` and `NAME-dark.svg`. Of several networks, loopback is drawn. */
function plot(dir: string, records: readonly RunRecord[]): void {
  const charts = chartsOf(
    records.filter(({ network }) => network === 'loopback'),
    GOALS,
  )
  for (const chart of charts)
    for (const theme of THEMES) writeFileSync(join(dir, `${chart.name}-${theme}.svg`), draw(chart, theme, titleOf))
}
