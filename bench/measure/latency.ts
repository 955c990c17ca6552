// Reads pgbench's log of every transaction and tells the quantiles of how long they took.

import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Values } from '../judge/metric.js'
import { quantile } from '../judge/statistics.js'

/** Ascending microseconds out of `client transaction time …` lines (pgbench(1), per-transaction logging). */
export function latencies(text: string): Float64Array {
  const lines = text.split('\n').filter(line => line !== '')
  return Float64Array.from(lines, line => Number(line.split(' ', 3)[2])).sort()
}

/** Of all logs in the directory that pgbench wrote with this prefix; takes them away. In milliseconds. */
export function readLatency(dir: string, prefix: string): Values {
  const files = readdirSync(dir).filter(name => name.startsWith(`${prefix}.`))
  const sorted = latencies(files.map(name => readFileSync(join(dir, name), 'utf8')).join(''))
  for (const name of files) rmSync(join(dir, name))
  if (sorted.length === 0) throw new Error(`pgbench logged no transaction (${dir}/${prefix})`)
  const at = (q: number) => quantile(sorted, q) / 1000
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
}
