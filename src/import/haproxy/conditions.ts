// Conditions at the end of HAProxy's rules (`if allowed`, `unless { src 10.0.0.0/8 }`) and the acl lines they name: as far as
// they ask for membership in one set. Everything else is not understood, and says so by being undefined.

import { begins, type Line } from '../finding.js'
import type { ProxySection } from './proxies.js'

interface Test {
  /** `src`, `dst_port`, `nbsrv(replicas)` … */
  readonly what: string
  readonly values: readonly string[]
  readonly not: boolean
}

export interface Condition {
  readonly always: boolean
  /** Any of these lists, of which all tests must hold. */
  readonly anyOf: readonly (readonly Test[])[]
  /** The rule's line and those of the acls it names. */
  readonly from: readonly Line[]
}

/** Reads the condition of a rule; undefined where there is something in it that is not understood. */
export function conditionOf(line: Line, proxy: ProxySection): Condition | undefined {
  const at = line.words.findIndex(word => word === 'if' || word === 'unless')
  if (at < 0) return { always: true, anyOf: [], from: [line] }
  const negate = line.words[at] === 'unless'
  const groups: Test[][] = [[]]
  const from: Line[] = [line]
  for (const term of termsOf(line.words.slice(at + 1))) {
    if (term === 'or') groups.push([])
    else {
      const test = testOf(term, proxy, from)
      if (test === undefined) return undefined
      groups.at(-1)?.push(test)
    }
  }
  return { always: false, anyOf: negate ? negated(groups) : groups, from }
}

type Term =
  | 'or'
  | { readonly not: boolean; readonly name: string }
  | { readonly not: boolean; readonly words: readonly string[] }

function termsOf(words: readonly string[]): readonly Term[] {
  const terms: Term[] = []
  let not = false
  for (let i = 0; i < words.length; i++) {
    let word = words[i] ?? ''
    while (word.startsWith('!')) {
      not = !not
      word = word.slice(1)
    }
    if (word === '') continue
    if (word === 'or' || word === '||') terms.push('or')
    else if (word === '{') {
      const end = words.indexOf('}', i)
      terms.push({ not, words: words.slice(i + 1, end < 0 ? words.length : end) })
      i = end < 0 ? words.length : end
    } else terms.push({ not, name: word })
    not = false
  }
  return terms
}

function testOf(term: Exclude<Term, 'or'>, proxy: ProxySection, from: Line[]): Test | undefined {
  if ('words' in term) return criterion(term.words, term.not)
  const lines = proxy.lines.filter(line => begins(line, 'acl', term.name))
  const tests = lines.map(({ words }) => criterion(words.slice(2), term.not))
  const [first] = tests
  if (first === undefined || tests.some(test => test?.what !== first.what)) return undefined
  from.push(...lines)
  return { ...first, values: tests.flatMap(test => test?.values ?? []) }
}

/** `src 10.0.0.0/8 10.1.0.0/16`; with a file of values or another way to match it is not understood. */
function criterion([what = '', ...values]: readonly string[], not: boolean): Test | undefined {
  return values.some(value => value.startsWith('-')) ? undefined : { what, values, not }
}

/** Not (any of (all of …)), where it stays as simple: single tests side by side, or all in one list. */
function negated(groups: readonly (readonly Test[])[]): readonly (readonly Test[])[] {
  const flipped = (tests: readonly Test[]) => tests.map(test => ({ ...test, not: !test.not }))
  if (groups.every(tests => tests.length === 1)) return [flipped(groups.flat())]
  return groups.length === 1 ? flipped(groups[0] ?? []).map(test => [test]) : [[{ what: '', values: [], not: false }]]
}

/** The set that a condition asks for: `what` is (or is not) one of the values. */
export interface Membership {
  readonly values: readonly string[]
  readonly inside: boolean
}

/** The condition as a question about one thing, or undefined where it asks for more than that. */
export function membership({ always, anyOf }: Condition, what: string): Membership | undefined {
  const tests = anyOf.flat()
  if (always || tests.some(test => test.what !== what)) return undefined
  const values = tests.flatMap(test => test.values)
  if (anyOf.every(([test, ...more]) => test?.not === false && more.length === 0)) return { values, inside: true }
  return anyOf.length === 1 && tests.every(test => test.not) ? { values, inside: false } : undefined
}

/** The backend that must have no server up, as `{ nbsrv(replicas) lt 1 }` puts it. */
export function emptied({ anyOf }: Condition): string | undefined {
  const [test, ...more] = anyOf.flat()
  const [, backend] = /^nbsrv\((.*)\)$/.exec(test?.what ?? '') ?? []
  if (test === undefined || more.length > 0) return undefined
  const none = test.not ? /^(gt 0|ge 1)$/ : /^(lt 1|eq 0|le 0|0)$/
  return none.test(test.values.join(' ')) ? backend : undefined
}
