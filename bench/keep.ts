// Keeps results as JSON: the machine, the versions, every measurement. What an earlier run of other scenarios left in the same
// file stays, so that a long run can be made in pieces.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { RunRecord } from './judge/record.js'

export interface Kept {
  readonly machine: Readonly<Record<string, string>>
  readonly records: readonly RunRecord[]
}

/** Throws where the file is none of ours. */
export function readKept(file: string): Kept {
  const kept = JSON.parse(readFileSync(file, 'utf8')) as Partial<Kept>
  if (!Array.isArray(kept.records) || !kept.machine) throw new Error(`${file}: no results of the bench`)
  return { machine: kept.machine, records: kept.records }
}

export function keep(file: string, { machine, records }: Kept): void {
  const same = (a: RunRecord, b: RunRecord) => a.scenario === b.scenario && a.network === b.network
  const old = existsSync(file) ? readKept(file).records : []
  const others = old.filter(each => !records.some(record => same(record, each)))
  writeFileSync(file, `${JSON.stringify({ machine, records: [...others, ...records] }, undefined, 1)}\n`)
}
