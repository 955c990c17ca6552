// Keeps results as JSON: the machine, the versions, every measurement. What an earlier run of other scenarios left in the same
// directory stays, so that a long run can be made in pieces.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RunRecord } from './judge/record.js'

export interface Kept {
  readonly machine: Readonly<Record<string, string>>
  readonly records: readonly RunRecord[]
}

const fileIn = (dir: string) => join(dir, 'bench.json')

/** Throws where there is none of ours. */
export function readKept(dir: string): Kept {
  const kept = JSON.parse(readFileSync(fileIn(dir), 'utf8')) as Partial<Kept>
  if (!Array.isArray(kept.records) || !kept.machine) throw new Error(`${fileIn(dir)}: no results of the bench`)
  return { machine: kept.machine, records: kept.records }
}

/** `bench.json` in the directory. */
export function keep(dir: string, { machine, records }: Kept): void {
  const same = (a: RunRecord, b: RunRecord) => a.scenario === b.scenario && a.network === b.network
  const old = existsSync(fileIn(dir)) ? readKept(dir).records : []
  const others = old.filter(each => !records.some(record => same(record, each)))
  mkdirSync(dir, { recursive: true })
  writeFileSync(fileIn(dir), `${JSON.stringify({ machine, records: [...others, ...records] }, undefined, 1)}\n`)
}
