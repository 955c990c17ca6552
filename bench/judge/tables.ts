// Results as Markdown, which reads well on a terminal too. Knows numbers and words only.

import { perRound } from './compare.js'
import { METRICS, type Metric, type MetricName, type Series, shown, valuesOf } from './metric.js'
import type { RunRecord } from './record.js'
import { median, medianInterval } from './statistics.js'
import { ROUNDS_FOR_A_VERDICT, type Verdict } from './verdict.js'

/** Cells of one width for each column. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`
  const [head = [], ...body] = rows
  return [line(head), `|${widths.map(width => '-'.repeat(width + 2)).join('|')}|`, ...body.map(line)].join('\n')
}

/** One line for each load and contender: medians, with the median's 90 % interval (the spread, for few rounds) in brackets. */
export function recordTable(record: RunRecord, titleOf: (contender: string) => string): string {
  const metrics = (Object.keys(METRICS) as MetricName[]).filter(name =>
    record.series.some(series => valuesOf(series, name).length > 0),
  )
  const { compared }: Metric = METRICS[record.headline]
  const ratio = compared !== false && record.series.some(({ contender }) => contender === record.rival)
  const head = [
    'load',
    'through',
    ...metrics.map(heading),
    ...(ratio ? [`${METRICS[record.headline].title} ÷ ${titleOf(record.rival)}`] : []),
  ]
  const rows = record.series.map((series, i) => [
    record.series[i - 1]?.load === series.load ? '' : series.load,
    titleOf(series.contender),
    ...metrics.map(metric => cell(metric, valuesOf(series, metric))),
    ...(ratio ? [ratioCell(record, series)] : []),
  ])
  return table([head, ...rows])
}

const heading = (metric: MetricName) => `${METRICS[metric].title}${METRICS[metric].unit && `, ${METRICS[metric].unit}`}`

function cell(metric: MetricName, values: readonly number[]): string {
  if (values.length === 0) return ''
  const { low, high } = medianInterval(values)
  const [middle, from, to] = [median(values), low, high].map(value => shown(metric, value, false))
  return values.length === 1 || from === to ? `${middle}` : `${middle} (${from}–${to})`
}

function ratioCell(record: RunRecord, { contender, load }: Series): string {
  const { rival, headline: metric } = record
  if (contender === rival) return '1'
  const values = perRound(record.series, { metric, load, contender, how: 'ratio', rival })
  if (values.length === 0) return ''
  const { low, high } = medianInterval(values)
  return `${median(values).toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`
}

const RIVAL = { itself: '', ratio: ' ÷ HAProxy', 'ratio above direct': ' ÷ HAProxy' } as const

/** The goals with what was measured, and the words of the verdicts. */
export function goalTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ goal, median: middle, low, high, rounds, word }) => {
    const number = (value: number) => (goal.how === 'itself' ? shown(goal.metric, value, false) : value.toFixed(2))
    const unit = goal.how === 'itself' ? ` ${METRICS[goal.metric].unit}` : ''
    const sign = goal.bound === 'at least' ? '≥' : '≤'
    const aim = goal.aim === undefined ? '' : ` (hoped: ${sign} ${number(goal.aim)})`
    const measured = Number.isNaN(middle) ? 'not measured' : `${number(middle)}${unit} (${number(low)}–${number(high)})`
    const few = rounds < ROUNDS_FOR_A_VERDICT && rounds > 0 ? `, of ${rounds} rounds only` : ''
    return [`${goal.says}${RIVAL[goal.how]}`, `${sign} ${number(goal.limit)}${unit}${aim}`, measured, `${word}${few}`]
  })
  return table([['goal', 'limit', 'measured', 'verdict'], ...rows])
}
