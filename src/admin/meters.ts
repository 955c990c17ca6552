// The metrics of the table as prom-client objects behind one small face. Knows names and labels, not what they mean.

import { Counter, type CounterConfiguration, Gauge, type Registry } from 'prom-client'
import { createHistogram } from './histogram.js'
import { METRICS, type MetricName, type MetricSpec, PREFIX } from './metric-table.js'

/** One metric. Labels are given in the order of the table; children are kept, and the one of the same labels as before is not looked up. */
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

/** A metric with one set of labels. */
export interface Child {
  put(value: number): void
  /** It is shown no more. */
  remove(): void
}

function same(some: readonly string[], others: readonly string[]): boolean {
  for (let at = 0; at < some.length; at++) if (some[at] !== others[at]) return false
  return true
}

/** Makes a child. */
type Backend = (labels: string[]) => Child

function createMeter(registry: Registry, name: string, spec: MetricSpec): Meter {
  const backend = createBackend(registry, name, spec)
  const children = new Map<string, { readonly labels: string[]; readonly child: Child }>()
  let last: { readonly labels: string[]; readonly child: Child } | undefined
  return {
    put(value, ...labels) {
      if (last === undefined || !same(last.labels, labels)) {
        const key = labels.join('\n')
        last = children.get(key) ?? { labels, child: backend(labels) }
        children.set(key, last)
      }
      last.child.put(value)
    },
    forget(match) {
      last = undefined
      for (const [key, { labels, child }] of children) {
        if (match !== undefined && !match(labels)) continue
        child.remove()
        children.delete(key)
      }
    },
  }
}

function createBackend(registry: Registry, name: string, spec: MetricSpec): Backend {
  const options = { name, help: spec.help, labelNames: [...spec.labels], registers: [registry] }
  switch (spec.type) {
    case 'counter':
      return createCounter(options)
    case 'gauge': {
      const gauge = new Gauge(options)
      return l => ({ put: bound(gauge.labels(...l), 'set'), remove: () => gauge.remove(...l) })
    }
    case 'histogram':
      return createHistogram({ ...options, buckets: spec.buckets ?? [] }, registry)
    default:
      return spec.type satisfies never
  }
}

/** Adds up until somebody asks: prom-client looks at all labels with each increment. */
function createCounter(options: CounterConfiguration<string>): Backend {
  const children = new Set<{ value: number; readonly increase: (value: number) => void }>()
  const counter = new Counter({
    ...options,
    collect() {
      for (const child of children) {
        child.increase(child.value)
        child.value = 0
      }
    },
  })
  return labels => {
    const child = { value: 0, increase: bound(counter.labels(...labels), 'inc') }
    children.add(child)
    return {
      put(value) {
        child.value += value
      },
      remove() {
        children.delete(child)
        counter.remove(...labels)
      },
    }
  }
}

function bound<M extends string>(child: { [K in M]: (value: number) => void }, method: M): (value: number) => void {
  return value => child[method](value)
}
