// What a panel of Grafana's dashboard is: its questions to Prometheus, its words. `{$c}` in an expression stands for the chosen clusters
// and proxies, `{$h}` for the chosen proxies where a metric has no cluster.

export interface Query {
  readonly expr: string
  readonly legend: string
}

/** The words and colours of single values. */
export type Words = Readonly<Record<string, readonly [text: string, colour: string]>>

export interface Panel {
  readonly title: string
  /** For the one who looks at it at three in the morning: what it means when it is odd. */
  readonly doc: string
  readonly kind: 'stat' | 'timeseries' | 'state-timeline' | 'bargauge'
  /** In Grafana's words. */
  readonly unit?: string
  /** Of 24. */
  readonly width: number
  readonly queries: readonly Query[]
  readonly words?: Words
  /** Whether a stat shows the legend in place of the value. */
  readonly names?: true
  readonly stacked?: true
}

export interface Row {
  readonly title: string
  readonly height: number
  readonly panels: readonly Panel[]
}

export const GATE: Words = { 0: ['CLOSED', 'red'], 1: ['open', 'green'] }

/** A question and how its answer is called. */
export const q = (expr: string, legend: string): Query => ({ expr, legend })

/** A counter's rate over what Grafana thinks fit. */
export const rate = (metric: string, selector: string): string => `rate(${metric}${selector}[$__rate_interval])`
/** A quantile of a histogram, by a label. */
export const quantile = (of: number, metric: string, by: string): string =>
  `histogram_quantile(${of}, sum by (${by}, le) (${rate(`${metric}_bucket`, '{$c}')}))`
