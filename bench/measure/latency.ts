// Reads pgbench's log of every transaction and tells the quantiles of how long they took.

import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Values } from '../judge/metric.js'
import { quantile } from '../judge/statistics.js'

/**
 * How long the first moments are, which are not told, in ms: the backends of each run are new, and 16 of them have the processors to
 * themselves for some 25 ms while their first statements fill PostgreSQL's caches. Told, they would be the slowest hundredth of all.
 */
const SETTLING = 300

/** Ascending microseconds out of `client transaction time script epoch µs …` lines (pgbench(1), per-transaction logging), but for the first moments. */
export function latencies(text: string): Float64Array {
  const lines = text.split('\n').filter(line => line !== '')
  const done = lines.map(line => {
    const fields = line.split(' ')
    return { took: Number(fields[2]), at: Number(fields[4]) * 1000 + Number(fields[5]) / 1000 }
  })
  const from = SETTLING + done.reduce((first, { at }) => Math.min(first, at), Number.POSITIVE_INFINITY)
  return Float64Array.from(
    done.filter(({ at }) => at >= from),
    ({ took }) => took,
  ).sort()
}

/** Of all logs in the directory that pgbench wrote with this prefix; takes them away. In milliseconds. */
export function readLatency(dir: string, prefix: string): Values {
  const files = readdirSync(dir).filter(name => name.startsWith(`${prefix}.`))
  const sorted = latencies(files.map(name => readFileSync(join(dir, name), 'utf8')).join(''))
  for (const name of files) rmSync(join(dir, name))
  if (sorted.length === 0)
    throw new Error(`pgbench logged no transaction after the first ${SETTLING} ms (${dir}/${prefix})`)
  const at = (q: number) => quantile(sorted, q) / 1000
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
}
