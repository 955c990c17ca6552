// What can be measured, in one table: title, unit, which way is better, digits shown. Knows no server and no contender.

export interface Metric {
  readonly title: string
  readonly unit: string
  readonly better: 'more' | 'less'
  /** Decimal places shown. */
  readonly digits: number
}

export const METRICS = {
  tps: { title: 'transactions', unit: '/s', better: 'more', digits: 0 },
  machineCpu: { title: 'CPU of the machine, per transaction', unit: 'µs', better: 'less', digits: 1 },
  ownCpu: { title: 'CPU of the proxy, per transaction', unit: 'µs', better: 'less', digits: 1 },
} as const satisfies Record<string, Metric>

export type MetricName = keyof typeof METRICS

/** What one measurement found. */
export type Values = { readonly [name in MetricName]?: number }

/** The measurements of one contender under one load, one for each round. */
export interface Series {
  readonly contender: string
  readonly load: string
  readonly rounds: readonly Values[]
}

/** The values of one metric; rounds without it are left out. */
export const valuesOf = (series: Series | undefined, metric: MetricName): number[] =>
  (series?.rounds ?? []).flatMap(round => round[metric] ?? [])

/** `12,345 /s`, with the digits of the metric. */
export function shown(metric: MetricName, value: number, unit = true): string {
  const { digits, unit: word }: Metric = METRICS[metric]
  const figure = value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  return unit && word !== '' ? `${figure} ${word}` : figure
}
