// How results are shown and kept: a table of drill, figure, value, bound and verdict, and a JSON file. Measures nothing.

import { writeFileSync } from 'node:fs'
import type { Figure } from './figure.js'

export interface Result {
  readonly drill: string
  readonly says: string
  readonly ok: boolean
  readonly date: string
  readonly seconds: number
  /** How busy the machine was before the drill, in percent. */
  readonly busy: number | undefined
  readonly figures: readonly Figure[]
  /** One line for each thing done, as it was said while it ran. */
  readonly lines: readonly string[]
  readonly error?: string
}

/** The table, columns as wide as their widest cell. */
export function table(results: readonly Result[]): string {
  const rows = results.flatMap(result => {
    const lines = result.figures.map(figure => [figure.name, shown(figure), figure.bound, word(figure)])
    if (result.error !== undefined) lines.push(['the drill broke off', firstLine(result.error), '', 'FAILED'])
    return lines.map(([name = '', ...rest], i) => [i === 0 ? result.drill : '', name, ...rest])
  })
  const all = [['drill', 'figure', 'measured', 'bound', 'verdict'], ...rows]
  const widths = [0, 1, 2, 3].map(column => Math.min(70, Math.max(...all.map(row => row[column]?.length ?? 0))))
  return all.map(row => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')).join('\n')
}

const shown = ({ value, unit }: Figure) => `${value} ${unit}`.trim()
const word = ({ bound, ok }: Figure) => (bound === '' ? '' : ok ? 'ok' : 'FAILED')
const firstLine = (text: string) => text.split('\n')[0] ?? ''

/** Writes the results with what they were measured on. */
export function keep(file: string, machine: Record<string, string>, results: readonly Result[]): void {
  const kept = { date: new Date().toISOString(), ok: results.every(({ ok }) => ok), machine, drills: results }
  writeFileSync(file, `${JSON.stringify(kept, undefined, 2)}\n`)
}
