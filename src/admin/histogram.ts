// A histogram whose observations cost an addition: labels are looked at when a child is made, and written out when somebody asks.
// Knows Prometheus' form of it, as a prom-client registry takes it.

import type { Metric, Registry } from 'prom-client'
import type { Child } from './meters.js'

export interface HistogramSpec {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly string[]
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[]
}

/** Of one set of labels. */
interface Counts {
  readonly labels: Readonly<Record<string, string>>
  /** By bucket, not added up; the last counts what is over all bounds. */
  readonly counts: Float64Array
  sum: number
}

interface Sample {
  readonly metricName: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/** Makes it and registers it; gives what makes a child of it, for labels in the order of the names. */
export function createHistogram({ name, help, labelNames, buckets }: HistogramSpec, registry: Registry) {
  const children = new Set<Counts>()
  const metric = {
    ...{ name, help, type: 'histogram', aggregator: 'sum' },
    get: async () => ({
      ...{ name, help, type: 'histogram', aggregator: 'sum' },
      values: [...children].flatMap(child => samples(name, buckets, child)),
    }),
    reset: () => children.clear(),
  }
  registry.registerMetric(metric as unknown as Metric)
  return (labels: readonly string[]): Child => {
    const named = Object.fromEntries(labelNames.map((label, at) => [label, labels[at] ?? '']))
    const child: Counts = { labels: named, counts: new Float64Array(buckets.length + 1), sum: 0 }
    children.add(child)
    const { counts } = child
    return {
      put(value) {
        let bucket = 0
        while (bucket < buckets.length && value > (buckets[bucket] ?? 0)) bucket++
        counts[bucket] = (counts[bucket] ?? 0) + 1
        child.sum += value
      },
      remove: () => children.delete(child),
    }
  }
}

function samples(name: string, buckets: readonly number[], { labels, counts, sum }: Counts): Sample[] {
  let total = 0
  const bounds = [...buckets, '+Inf'].map((le, at) => {
    total += counts[at] ?? 0
    return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: total }
  })
  return [
    ...bounds,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: total },
  ]
}
