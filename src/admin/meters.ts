// The metrics of the table as prom-client objects behind one small face. Knows names and labels, not what they mean.

import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { METRICS, type MetricName, type MetricSpec, PREFIX } from './metric-table.js'

/** One metric. Labels are given in the order of the table; children are kept, so a hot path pays a join and no object. */
export interface Meter {
  /** Counters go up by the value, gauges are set to it, histograms observe it. */
  put(value: number, ...labels: string[]): void
  /** Forgets the children whose labels match; all of them when nothing is given. */
  forget(match?: (labels: readonly string[]) => boolean): void
}

export type Meters = Readonly<Record<MetricName, Meter>>

/** Registers every metric of the table. */
export function createMeters(registry: Registry): Meters {
  const entries = Object.entries(METRICS).map(([name, spec]) => [name, createMeter(registry, PREFIX + name, spec)])
  return Object.fromEntries(entries) as Meters
}

interface Backend {
  child(labels: string[]): (value: number) => void
  remove(labels: string[]): void
}

function createMeter(registry: Registry, name: string, spec: MetricSpec): Meter {
  const backend = createBackend(registry, name, spec)
  const children = new Map<string, { readonly labels: string[]; readonly put: (value: number) => void }>()
  return {
    put(value, ...labels) {
      const key = labels.join('\n')
      let child = children.get(key)
      if (child === undefined) {
        child = { labels, put: backend.child(labels) }
        children.set(key, child)
      }
      child.put(value)
    },
    forget(match) {
      for (const [key, { labels }] of children) {
        if (match !== undefined && !match(labels)) continue
        backend.remove(labels)
        children.delete(key)
      }
    },
  }
}

function createBackend(registry: Registry, name: string, spec: MetricSpec): Backend {
  const options = { name, help: spec.help, labelNames: [...spec.labels], registers: [registry] }
  switch (spec.type) {
    case 'counter': {
      const counter = new Counter(options)
      return { child: l => bound(counter.labels(...l), 'inc'), remove: l => counter.remove(...l) }
    }
    case 'gauge': {
      const gauge = new Gauge(options)
      return { child: l => bound(gauge.labels(...l), 'set'), remove: l => gauge.remove(...l) }
    }
    case 'histogram': {
      const histogram = new Histogram({ ...options, ...(spec.buckets && { buckets: [...spec.buckets] }) })
      return { child: l => bound(histogram.labels(...l), 'observe'), remove: l => histogram.remove(...l) }
    }
    default:
      return spec.type satisfies never
  }
}

function bound<M extends string>(child: { [K in M]: (value: number) => void }, method: M): (value: number) => void {
  return value => child[method](value)
}
