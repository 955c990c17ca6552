// How many lines of each file became keys, need nothing, change something, or were not understood.

import type { Finding, Line } from './finding.js'

type Fate = 'used' | 'idle' | 'gone' | 'unknown'

/** The worst that is said of a line counts. */
const RANK: readonly Fate[] = ['idle', 'used', 'gone', 'unknown']

/** A line of text for each file. */
export function tally(findings: readonly Finding[]): string {
  const files = new Map<string, Map<number, Fate>>()
  const mark = ({ file, no }: Line, fate: Fate) => {
    const lines = files.get(file) ?? new Map<number, Fate>()
    files.set(file, lines)
    if (RANK.indexOf(fate) > RANK.indexOf(lines.get(no) ?? 'idle') || !lines.has(no)) lines.set(no, fate)
  }
  for (const finding of findings) {
    if (finding.kind === 'note') mark(finding.line, finding.tone)
    else for (const line of finding.from) mark(line, 'used')
  }
  return [...files].map(([file, lines]) => `${file}: ${countsOf([...lines.values()])}\n`).join('')
}

function countsOf(fates: readonly Fate[]): string {
  const count = (fate: Fate) => fates.filter(one => one === fate).length
  const [used, idle, gone, unknown] = [count('used'), count('idle'), count('gone'), count('unknown')]
  return `${fates.length} lines: ${used} became keys, ${idle} need nothing, ${gone} to look at, ${unknown} not understood`
}
