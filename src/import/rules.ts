// Tables of the other side's keywords: the key each becomes, or why it becomes none.

import { type Finding, type Line, note } from './finding.js'

export type Rule =
  /** Becomes a key; `unused` says why a line of it came to nothing. */
  { readonly to: string; readonly unused?: string } | { readonly tone: 'idle' | 'gone'; readonly why: string }

export type Rules = Readonly<Record<string, Rule>>

export const idle = (why: string): Rule => ({ tone: 'idle', why })
export const gone = (why: string): Rule => ({ tone: 'gone', why })
export const to = (key: string, unused?: string): Rule => (unused === undefined ? { to: key } : { to: key, unused })

/** One entry for several words, a bar or a line's end between them. */
export const each = <T>(words: string, rule: T): Readonly<Record<string, T>> =>
  Object.fromEntries(words.split(/[|\n]/).map(word => [word.trim(), rule]))

/** The rule of a word, which comes from outside. */
export const ruleFor = (word: string, rules: Rules): Rule | undefined =>
  Object.hasOwn(rules, word) ? rules[word] : undefined

/** What is to be said of a line that no reader has taken up. */
export function explain(line: Line, rule: Rule | undefined): Finding {
  if (rule === undefined) return note('unknown', line, 'this importer does not know the keyword')
  if ('why' in rule) return note(rule.tone, line, rule.why)
  return note('idle', line, rule.unused ?? `another line of its kind holds (${rule.to})`)
}

/** The lines that findings are about. */
export const linesOf = (findings: readonly Finding[]): ReadonlySet<Line> =>
  new Set(findings.flatMap(finding => (finding.kind === 'note' ? [finding.line] : finding.from)))
