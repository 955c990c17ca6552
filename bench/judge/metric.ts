// What can be measured, in one table: title, unit, which way is better, digits shown. Knows no server and no contender.

export interface Metric {
  readonly title: string
  readonly unit: string
  readonly better: 'more' | 'less'
  /** Decimal places shown. */
  readonly digits: number
  /** Whether a ratio to HAProxy says anything; where the good value is about zero it does not. */
  readonly compared?: false
}

export const METRICS = {
  tps: { title: 'transactions', unit: '/s', better: 'more', digits: 0 },
  connects: { title: 'new connections', unit: '/s', better: 'more', digits: 0 },
  machineCpu: { title: 'CPU of the machine', unit: 'µs each', better: 'less', digits: 1 },
  ownCpu: { title: 'CPU of the proxy', unit: 'µs each', better: 'less', digits: 1 },
  p50: { title: 'p50', unit: 'ms', better: 'less', digits: 3 },
  p95: { title: 'p95', unit: 'ms', better: 'less', digits: 3 },
  p99: { title: 'p99', unit: 'ms', better: 'less', digits: 3 },
  max: { title: 'longest', unit: 'ms', better: 'less', digits: 1 },
  rate: { title: 'rate', unit: 'MiB/s', better: 'more', digits: 0 },
  gibCpu: { title: 'CPU of the proxy', unit: 's/GiB', better: 'less', digits: 3 },
  machineGibCpu: { title: 'CPU of the machine', unit: 's/GiB', better: 'less', digits: 2 },
  held: { title: 'sessions held', unit: '', better: 'more', digits: 0, compared: false },
  perSession: { title: 'memory per session', unit: 'bytes', better: 'less', digits: 0 },
  restCpu: { title: 'CPU at rest', unit: '% of a core', better: 'less', digits: 2 },
  growth: { title: 'memory growth', unit: 'MiB', better: 'less', digits: 2, compared: false },
  gap: { title: 'longest time without a write', unit: 's', better: 'less', digits: 2 },
  multihostGap: { title: 'the same for libpq that knows every host', unit: 's', better: 'less', digits: 2 },
  tail: { title: 'of it after the promotion', unit: 'ms', better: 'less', digits: 0 },
  errors: { title: 'errors of the writer', unit: '', better: 'less', digits: 0 },
  readOnly: { title: 'of them “read-only transaction”', unit: '', better: 'less', digits: 0 },
  sessionErrors: { title: 'errors of the session that had most', unit: '', better: 'less', digits: 0 },
  unanswered: { title: 'longest time without an answer', unit: 'ms', better: 'less', digits: 0 },
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
