// Reads HAProxy's configuration into its sections. Knows how lines make sections, conditions and variables; knows no keyword in them.

import { type Finding, type Line, note, type Source, type Unreadable } from '../finding.js'
import { cut } from './cut.js'

export interface Section {
  readonly kind: string
  readonly name: string
  /** The line it begins with. */
  readonly head: Line
  readonly lines: readonly Line[]
}

export interface Sections {
  readonly sections: readonly Section[]
  readonly findings: readonly Finding[]
}

/** What can begin a section, from the manual of 2.6 and later versions. */
const KINDS = new Set(
  `global defaults listen frontend backend peers resolvers mailers userlist cache program http-errors ring log-forward
   log-profile fcgi-app crt-store traces acme`.split(/\s+/),
)

const OTHERS = /^(vrrp_|global_defs|virtual_server|static_|!)/
const CONDITIONAL =
  'stands in a conditional block (.if), which HAProxy decides when it starts; write what holds for you'
const TEMPLATE = 'a line of a template (confd, consul-template): mekare follows the cluster itself and needs none'

/** Reads files one after another, as HAProxy does with several `-f`. */
export function readSections(sources: readonly Source[]): Sections | Unreadable {
  const state: Reading = { sections: [], findings: [], variables: new Map(), depth: 0 }
  for (const { file, text } of sources) {
    state.section = undefined
    state.depth = 0
    for (const [index, raw] of text.split('\n').entries()) {
      const wrong = readLine(raw.replace(/\r$/, ''), file, index + 1, state)
      if (wrong !== undefined) return { unreadable: `${file}:${index + 1}: ${wrong}` }
    }
  }
  return state
}

interface Reading {
  readonly sections: (Section & { readonly lines: Line[] })[]
  readonly findings: Finding[]
  readonly variables: Map<string, string>
  /** How many conditional blocks are open. */
  depth: number
  section?: (Section & { readonly lines: Line[] }) | undefined
}

/** Takes a line in; gives what is wrong with the file, if that shows here. */
function readLine(raw: string, file: string, no: number, state: Reading): string | undefined {
  const read = cut(raw, name => state.variables.get(name))
  if (!read.ok) return read.why
  const line: Line = { file, no, words: read.words }
  const [first, second = ''] = line.words
  if (first === undefined) return undefined
  if (raw.includes('{{')) {
    state.findings.push(note('gone', line, TEMPLATE))
    return undefined
  }
  if (first.startsWith('.')) return readDirective(line, state)
  if (state.depth > 0) {
    state.findings.push(note('unknown', line, CONDITIONAL))
    return undefined
  }
  for (const name of read.unset)
    state.findings.push(note('gone', line, `$${name} comes from HAProxy's environment; put its value in`, `$${name}`))
  if (KINDS.has(first)) {
    state.section = { kind: first, name: second === 'from' ? '' : second, head: line, lines: [] }
    state.sections.push(state.section)
    return undefined
  }
  if (state.section === undefined) return outside(first)
  state.section.lines.push(line)
  if (state.section.kind === 'global' && /^(setenv|presetenv)$/.test(first)) remember(line, state)
  return undefined
}

function readDirective(line: Line, state: Reading): undefined {
  const [first] = line.words
  if (first === '.if') state.depth += 1
  state.findings.push(note('unknown', line, CONDITIONAL))
  if (first === '.endif') state.depth = Math.max(0, state.depth - 1)
}

function remember({ words: [how, name = '', value = ''] }: Line, { variables }: Reading): void {
  if (how === 'setenv' || !variables.has(name)) variables.set(name, value)
}

function outside(word: string): string {
  const shown = JSON.stringify(word.slice(0, 40))
  if (OTHERS.test(word)) return `${shown} is keepalived's; give this file with --keepalived`
  return `${shown} stands outside a section, so this is no configuration of HAProxy (it begins with global, defaults or listen)`
}
