// keepalived's parameter substitution, lines for one host only, and includes: what happens to lines before they mean anything
// (keepalived.conf(5), "Advanced configuration").

import { type Finding, note, type Source } from '../finding.js'

export interface RawLine {
  readonly file: string
  readonly no: number
  readonly text: string
}

export interface Expanded {
  readonly lines: readonly RawLine[]
  readonly notes: readonly Finding[]
}

export interface Means {
  /** Opens what an include names; undefined when there is no such file. */
  readonly open: (pattern: string, from: string) => readonly Source[] | undefined
  /** As given to keepalived with -i; without it, lines for single hosts are left out and named. */
  readonly configId: string | undefined
}

const DEFINITION = /^\s*\$(\w+)=(.*)$/
const CONDITION = /^\s*@(\^?)(\S+)\s+(.*)$/
const INCLUDE = /^\s*include[rmwba]?\s+(\S+)\s*$/
/** Definitions within definitions. */
const DEEPEST = 10

/** Gives the lines that are left, in order. */
export function expand(source: Source, means: Means): Expanded {
  const state: State = { lines: [], notes: [], definitions: new Map(), open: [], means }
  readSource(source, state)
  return state
}

interface State {
  readonly lines: RawLine[]
  readonly notes: Finding[]
  readonly definitions: Map<string, string>
  /** The files being read, the outermost first. */
  readonly open: string[]
  readonly means: Means
}

function readSource({ file, text }: Source, state: State): void {
  state.open.push(file)
  const raw = text.split('\n').map(line => line.replace(/\r$/, ''))
  for (let i = 0; i < raw.length; i++) {
    const line = forThisHost({ file, no: i + 1, text: raw[i] ?? '' }, state)
    const [, name, value = ''] = DEFINITION.exec(line?.text ?? '') ?? []
    if (line === undefined) continue
    if (name === undefined) readLine(line, state)
    else i = define(name, value, line, raw, state)
  }
  state.open.pop()
}

/** Takes a definition in, with the lines that go on after a backslash; gives the index of its last line. */
function define(name: string, value: string, { file, no }: RawLine, raw: readonly string[], state: State): number {
  const parts = [value]
  let last = no - 1
  remark(state, { file, no, text: `$${name}=…` }, 'idle', DEFINES)
  while (/\\\s*$/.test(parts.at(-1) ?? '') && last + 1 < raw.length) {
    last += 1
    parts.push(raw[last] ?? '')
    remark(state, { file, no: last + 1, text: raw[last] ?? '' }, 'idle', DEFINES)
  }
  state.definitions.set(name, parts.map(part => part.replace(/\\\s*$/, '')).join('\n'))
  return last
}

const DEFINES = 'a definition: it stands where its name does'
const SEQUENCE = 'repeated lines (~SEQ, ~LST) are not followed: write them out'
const OTHER_HOST = 'is for another host than this one'

/** The line without its condition; undefined where it is not for this host, or nobody knows. */
function forThisHost(line: RawLine, state: State): RawLine | undefined {
  const [, not, id, text = ''] = CONDITION.exec(line.text) ?? []
  const { configId } = state.means
  if (id === undefined) return line
  if (configId !== undefined && (id === configId) !== (not === '^')) return { ...line, text }
  const unknown = `is for ${not ? 'all hosts but' : 'the host'} ${id}: give --config-id, as keepalived has -i`
  remark(state, line, configId === undefined ? 'unknown' : 'idle', configId === undefined ? unknown : OTHER_HOST)
  return undefined
}

function readLine(line: RawLine, state: State): void {
  const [, pattern] = INCLUDE.exec(line.text) ?? []
  if (/^\s*~(SEQx?|LST)\(/.test(line.text)) remark(state, line, 'unknown', SEQUENCE)
  else if (pattern !== undefined) include(pattern, line, state)
  else {
    for (const text of substitute(line.text, state.definitions, 0).split('\n')) state.lines.push({ ...line, text })
  }
}

function include(pattern: string, line: RawLine, state: State): void {
  const found = state.means.open(pattern, line.file)
  const missing = found === undefined
  remark(state, line, missing ? 'unknown' : 'idle', missing ? MISSING : 'was read')
  for (const source of found ?? []) if (!state.open.includes(source.file)) readSource(source, state)
}

const MISSING = 'cannot be opened; give the file with --keepalived too'

/** `$NAME` before white space or the end, and `${NAME}` anywhere; what nobody defined stays. */
function substitute(text: string, definitions: ReadonlyMap<string, string>, depth: number): string {
  if (depth > DEEPEST) return text
  const changed = text.replace(
    /\$(?:\{(\w+)\}|(\w+)(?=\s|$))/g,
    (whole, braced?: string, bare?: string) => definitions.get(braced ?? bare ?? '') ?? whole,
  )
  return changed === text ? text : substitute(changed, definitions, depth + 1)
}

function remark(state: State, { file, no, text }: RawLine, tone: 'idle' | 'unknown', why: string): void {
  const words = text.trim().split(/\s+/)
  if (/\S/.test(text)) state.notes.push(note(tone, { file, no, words }, why))
}
