// How late the event loop is, under the names of the library's own gauges (`nodejs_eventloop_lag_…`). The library looks each 10 ms with a
// timer of its own, which is most of what an idle router takes of a processor, and counts that period in; here the janitor's tells how late it
// came, ten times a second while there is something to do.

import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { Gauge, type Registry } from 'prom-client'
import type { Ms } from '../units/units.js'

/** A period of the library's timer that is never over, in ms. */
export const NEVER = 2 ** 31 - 1

const GAUGES: Record<string, readonly [string, (lag: RecordableHistogram) => number]> = {
  min: ['The minimum recorded event loop delay.', lag => lag.min],
  max: ['The maximum recorded event loop delay.', lag => lag.max],
  mean: ['The mean of the recorded event loop delays.', lag => lag.mean],
  stddev: ['The standard deviation of the recorded event loop delays.', lag => lag.stddev],
  p50: ['The 50th percentile of the recorded event loop delays.', lag => lag.percentile(50)],
  p90: ['The 90th percentile of the recorded event loop delays.', lag => lag.percentile(90)],
  p99: ['The 99th percentile of the recorded event loop delays.', lag => lag.percentile(99)],
}

/** Puts them in the library's place. To be called with how late a timer came; each scrape shows what was since the one before. */
export function createLoopLag(registry: Registry): (late: Ms) => void {
  const histogram = createHistogram()
  let latest = 0

  const gauge = (name: string, help: string, read: () => number) => {
    registry.removeSingleMetric(name)
    const made: Gauge = new Gauge({ name, help, registers: [registry], collect: () => made.set(read()) })
  }
  // Shown first, and so the one that begins anew.
  let shown = createHistogram()
  gauge('nodejs_eventloop_lag_seconds', 'Lag of event loop in seconds.', () => {
    shown = createHistogram()
    if (histogram.count > 0) shown.add(histogram)
    histogram.reset()
    return latest
  })
  for (const [name, [help, read]] of Object.entries(GAUGES))
    gauge(`nodejs_eventloop_lag_${name}_seconds`, help, () => (shown.count === 0 ? 0 : read(shown) / 1e9))

  return late => {
    latest = late / 1000
    histogram.record(Math.max(1, Math.round(late * 1e6)))
  }
}
