// What the plots show, out of results: groups of bars or dots, with whiskers. Knows numbers and words; draw.ts draws.

import { perRound } from './compare.js'
import type { Goal } from './goals.js'
import { METRICS, type MetricName, type Series, valuesOf } from './metric.js'
import type { RunRecord } from './record.js'
import { type Interval, median, medianInterval } from './statistics.js'

export interface Bar extends Interval {
  readonly value: number
}

export interface Chart {
  /** Name of the file. */
  readonly name: string
  readonly title: string
  readonly unit: string
  readonly digits: number
  /** One group of bars each. */
  readonly groups: readonly string[]
  /** One bar in each group; undefined where nothing was measured. */
  readonly bars: readonly { readonly contender: string; readonly values: readonly (Bar | undefined)[] }[]
  readonly scale: 'linear' | 'log'
  /** Standing bars, or dots beside long names, on both sides of a line at 1. */
  readonly form: 'bars' | 'dots'
}

interface Shown {
  readonly scenario: string
  readonly title: string
  readonly scale: 'linear' | 'log'
  readonly contenders: readonly string[]
}

const bar = (values: readonly number[]): Bar | undefined =>
  values.length === 0 ? undefined : { value: median(values), ...medianInterval(values) }

const PROXIES = ['direct', 'pgbouncer', 'haproxy', 'mekare']

/** One metric of a scenario, a group for each load. */
function byLoad(record: RunRecord, { title, scale, contenders }: Shown, metric: MetricName): Chart {
  const { unit, digits } = METRICS[metric]
  const groups = [...new Set(record.series.map(({ load }) => load))]
  const bars = contenders.map(contender => ({
    contender,
    values: groups.map(load => bar(valuesOf(find(record, contender, load), metric))),
  }))
  return { name: record.scenario, title, unit, digits, groups, bars, scale, form: 'bars' }
}

/** Several metrics of the one load of a scenario, a group for each. */
function byMetric(record: RunRecord, shown: Shown, metrics: readonly [MetricName, ...MetricName[]]): Chart {
  const { title, scale, contenders } = shown
  const { unit, digits } = METRICS[metrics[0]]
  const load = record.series[0]?.load ?? ''
  const bars = contenders.map(contender => ({
    contender,
    values: metrics.map(metric => bar(valuesOf(find(record, contender, load), metric))),
  }))
  const groups = metrics.map(metric => METRICS[metric].title)
  return { name: record.scenario, title, unit, digits, groups, bars, scale, form: 'bars' }
}

const find = ({ series }: RunRecord, contender: string, load: string): Series | undefined =>
  series.find(each => each.contender === contender && each.load === load)

/** mekare's ratio to HAProxy for every goal that is one, HAProxy being 1. */
function ratios(records: readonly RunRecord[], goals: readonly Goal[]): Chart {
  const known = goals.filter(({ how }) => how !== 'itself')
  const measured = known.flatMap(goal => {
    const record = records.find(({ scenario }) => scenario === goal.scenario)
    const value = record && bar(perRound(record.series, goal))
    return value ? [{ goal, value }] : []
  })
  return {
    ...{ name: 'ratios', title: 'mekare ÷ HAProxy (1 is HAProxy)', unit: '', digits: 2, scale: 'log', form: 'dots' },
    groups: measured.map(({ goal }) => `${goal.says} ${goal.bound === 'at least' ? '(more' : '(less'} is better)`),
    bars: [{ contender: 'mekare', values: measured.map(({ value }) => value) }],
  }
}

const PLOTS: readonly (Shown & { draw(record: RunRecord, shown: Shown): Chart })[] = [
  {
    scenario: 'select1',
    title: '`select 1` over open connections, transactions a second (more is better)',
    scale: 'linear',
    contenders: PROXIES,
    draw: (record, shown) => byLoad(record, shown, 'tps'),
  },
  {
    scenario: 'latency',
    title: '`select 1` at half of HAProxy’s highest rate, milliseconds (less is better)',
    scale: 'log',
    contenders: PROXIES,
    draw: (record, shown) => byMetric(record, shown, ['p50', 'p95', 'p99']),
  },
  {
    scenario: 'switchover',
    title: 'planned switchover: longest time without a write, seconds (less is better)',
    scale: 'linear',
    contenders: ['haproxy-template', 'haproxy-tuned', 'mekare'],
    draw: (record, shown) => byLoad(record, shown, 'gap'),
  },
  {
    scenario: 'address',
    title: 'the floating address moves: longest time without an answer, milliseconds (less is better)',
    scale: 'linear',
    contenders: ['haproxy-keepalived', 'mekare-vrrp'],
    draw: (record, shown) => byLoad(record, shown, 'unanswered'),
  },
]

/** The plots that these results have something for. */
export function chartsOf(records: readonly RunRecord[], goals: readonly Goal[]): Chart[] {
  const plotted = PLOTS.flatMap(plot => {
    const record = records.find(({ scenario, error }) => scenario === plot.scenario && error === undefined)
    return record ? [plot.draw(record, plot)] : []
  })
  return [...plotted, ratios(records, goals)].filter(({ groups }) => groups.length > 0)
}
