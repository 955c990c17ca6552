// The replay as it is read: a line for each step and its findings, the table at the end, and the same as one JSON document. Knows no
// server.

import { columns, type Screen, wrapped } from '../screen.js'
import type { Stand } from '../stand.js'
import type { Result, Verdict } from './step.js'

const INDENT = 6

/** What was seen in a step, a line for each observer. */
export function findingLines({ findings, why }: Result, screen: Screen): string[] {
  const width = Math.max(0, ...findings.map(({ by }) => by.length))
  const room = screen.width() - width - INDENT - 3
  const lines = findings.flatMap(({ by, saw, good }) => {
    const [first = '', ...more] = wrapped(saw, room)
    const head = `${' '.repeat(INDENT - 2)}${good ? ' ' : screen.bad('✗')} ${screen.dim(by.padEnd(width))}  ${first}`
    return [head, ...more.map(line => ' '.repeat(INDENT + width + 2) + line)]
  })
  return why === undefined ? lines : [...lines, `${' '.repeat(INDENT)}${why}`]
}

export function sign(verdict: Verdict, screen: Screen): string {
  const signs = {
    good: screen.good('✓'),
    bad: screen.bad('✗'),
    'left out': screen.bold('–'),
    'not reached': screen.bad('·'),
  }
  return signs[verdict]
}

/** Every step with its time and verdict. */
export function resultTable(results: readonly Result[], screen: Screen): string[] {
  const paint = { good: screen.good, bad: screen.bad, 'left out': screen.bold, 'not reached': screen.bad }
  const rows = results.map(({ number, title, seconds, verdict }) => [
    String(number).padStart(2),
    title,
    verdict === 'good' || verdict === 'bad' ? `${seconds.toFixed(1)} s` : '',
    paint[verdict](verdict.toUpperCase()),
  ])
  return columns([['', 'step', 'time', 'verdict'], ...rows], [2])
}

/** The line that says how it went, and one more for each thing left out. */
export function conclusion(results: readonly Result[]): { readonly good: boolean; readonly lines: readonly string[] } {
  const count = (verdict: Verdict) => results.filter(result => result.verdict === verdict)
  const leftOut = count('left out')
  const wrong = results.filter(({ verdict }) => verdict === 'bad' || verdict === 'not reached')
  const steps = (some: readonly Result[]) =>
    `step${some.length === 1 ? '' : 's'} ${some.map(({ number }) => number).join(', ')}`
  return {
    good: wrong.length === 0,
    lines: [
      wrong.length === 0 ? `${count('good').length} of ${results.length} steps are good` : `not good: ${steps(wrong)}`,
      ...(leftOut.length > 0 ? [`LEFT OUT: ${steps(leftOut)}: ${leftOut[0]?.why}`] : []),
    ],
  }
}

/** The whole replay as one JSON document, with a newline at its end. `took`: of the steps, in milliseconds. */
export function toJson(network: Stand['network'] | undefined, results: readonly Result[], took: number): string {
  const { good, lines } = conclusion(results)
  const leftOut = results.flatMap(({ number, title, verdict, why }) =>
    verdict === 'left out' ? [{ number, title, why }] : [],
  )
  const document = {
    replay: 'mekare demo',
    date: new Date().toISOString(),
    ...(network === undefined ? {} : { network }),
    good,
    says: lines.join('; '),
    seconds: Math.round(took / 100) / 10,
    leftOut,
    steps: results,
  }
  return `${JSON.stringify(document, undefined, 2)}\n`
}
