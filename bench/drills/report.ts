// How results are shown and kept: a table of drill, figure, value, bound and verdict, a JSON file, a page in Markdown. Measures nothing.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
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

type Machine = Readonly<Record<string, string>>

interface Kept {
  readonly date: string
  readonly ok: boolean
  readonly machine: Machine
  readonly drills: readonly Result[]
}

/** Writes the results with what they were measured on. What an earlier run of other drills left in the file stays: a long run can be made in pieces. */
export function keep(file: string, machine: Machine, results: readonly Result[]): Kept {
  const before = existsSync(file) ? readKept(file) : undefined
  const others = (before?.drills ?? []).filter(({ drill }) => !results.some(result => result.drill === drill))
  const drills = [...others, ...results]
  const kept = { date: new Date().toISOString(), ok: drills.every(({ ok }) => ok), machine, drills }
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(kept, undefined, 2)}\n`)
  return kept
}

/** Throws where the file is none of ours. */
function readKept(file: string): Kept {
  const kept = JSON.parse(readFileSync(file, 'utf8')) as Partial<Kept>
  if (!Array.isArray(kept.drills)) throw new Error(`${file}: no results of drills; move it away`)
  return kept as Kept
}

/** The same beside a page for people: `NAME.json` and `NAME.md` in the directory. */
export function publish(dir: string, name: string, machine: Machine, results: readonly Result[]): void {
  const kept = keep(join(dir, `${name}.json`), machine, results)
  writeFileSync(join(dir, `${name}.md`), page(kept))
}

/** The page: the machine, and for each drill what happened, its table and what was done. */
export function page({ date, ok, machine, drills }: Kept): string {
  const about = Object.entries(machine).map(([what, value]) => `- ${what}: ${value}`)
  const verdict = ok ? 'Every figure is within its bound.' : 'A figure is over its bound.'
  const head = ['# Drills', '', `${date.slice(0, 10)}. ${verdict}`, '', ...about, '']
  return `${[...head, ...drills.flatMap(section)].join('\n').trimEnd()}\n`
}

function section(result: Result): string[] {
  const { drill, says, date, seconds, busy, figures, lines, error } = result
  const load = busy === undefined ? '' : `, the machine ${busy}% busy before`
  const rows = figures.map(figure => [figure.name, shown(figure), figure.bound, word(figure)])
  return [
    `## ${drill}`,
    '',
    `${says[0]?.toUpperCase()}${says.slice(1)}. (${date.slice(0, 16).replace('T', ' ')} UTC, ${seconds} s${load})`,
    '',
    ...(error === undefined ? [] : [`**The drill broke off: ${cell(firstLine(error))}**`, '']),
    '| figure | measured | bound | verdict |',
    '|---|--:|--:|---|',
    ...rows.map(([name = '', ...rest]) => `| ${[indented(name), ...rest.map(cell)].join(' | ')} |`),
    '',
    ...(lines.length === 0 ? [] : ['<details><summary>Each run</summary>', '', ...lines.map(line => `- ${line}`)]),
    ...(lines.length === 0 ? [] : ['', '</details>', '']),
  ]
}

const cell = (text: string) => text.replaceAll('|', '\\|')
/** What belongs to the figure above begins with two spaces. */
const indented = (name: string) => (name.startsWith('  ') ? `… ${cell(name.trim())}` : cell(name))
