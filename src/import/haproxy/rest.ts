// A word on every line that no reader has taken up: what its keyword means here, or that it is not known.

import { type Finding, type Line, note } from '../finding.js'
import { explain } from '../rules.js'
import { GLOBAL, PROXY, ruleOf, SECTIONS } from './keywords.js'
import type { Section } from './sections.js'

/** Notes for those lines of a section that none of the findings is about. */
export function restOf({ kind, head, lines }: Section, told: ReadonlySet<Line>): readonly Finding[] {
  const whole = ruleOf({ words: [kind] }, SECTIONS)
  if (whole !== undefined) return [head, ...lines].map(line => explain(line, whole))
  const rules = kind === 'global' ? GLOBAL : PROXY
  const begun = told.has(head)
    ? []
    : [note(kind === 'backend' ? 'gone' : 'idle', head, HEADS[kind] ?? HEADS.listen ?? '')]
  return [...begun, ...lines.filter(line => !told.has(line)).map(line => explain(line, ruleOf(line, rules)))]
}

const HEADS: Readonly<Record<string, string>> = {
  global: 'its lines are spoken of one by one',
  defaults: 'its lines are spoken of where a section takes them up',
  backend: 'nothing that was understood leads here',
  listen: 'nothing listens here',
}
