// The configuration file as a layer: YAML text → entries with their lines. Opens no file itself.
// Every scalar stays text (YAML's failsafe schema), so `password: 0123` is what was written, and the table alone decides types.

import { type Document, LineCounter, parseDocument } from 'yaml'
import type { Entry, Layer } from './entries.js'
import type { Problem } from './problems.js'

const REMEDY = 'correct that line; put a value that holds any of : # @ * & ! into quotes'

function flatten(
  value: unknown,
  path: readonly string[],
  put: (path: readonly string[], value: unknown) => void,
): void {
  const map = typeof value === 'object' && value !== null && !Array.isArray(value)
  const fields = map ? Object.entries(value) : []
  if (fields.length === 0) put(path, value ?? undefined)
  for (const [name, field] of fields) flatten(field, [...path, name], put)
}

function lineOf(document: Document, lines: LineCounter, path: readonly string[]): number | undefined {
  const node = document.getIn(path, true)
  const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined
  return Array.isArray(range) && typeof range[0] === 'number' ? lines.linePos(range[0]).line : undefined
}

/** The parser's own messages quote the text, which may be a password: only its code and the place are told, once for each place. */
function yamlProblems(document: Document.Parsed, lines: LineCounter, name: string): readonly Problem[] {
  const problems = [...document.errors, ...document.warnings].map(({ code, pos }) => {
    const { line, col } = lines.linePos(pos[0])
    const path = `${name} line ${line}, column ${col}`
    const why = `is not YAML as expected: ${code.toLowerCase().replaceAll('_', ' ')}`
    return [`${path}: ${why}`, { path, why, remedy: REMEDY }] as const
  })
  return [...new Map(problems).values()]
}

function contents(document: Document.Parsed): { readonly value: unknown } | undefined {
  try {
    return { value: document.toJS() }
  } catch {
    return undefined
  }
}

/** Reads a file's text. Problems here are of YAML itself: nothing of the file can be trusted then, and no entry is given. */
export function readFileLayer(text: string, name: string): Layer {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    schema: 'failsafe',
    customTags: ['null'],
    merge: true,
    stringKeys: true,
    prettyErrors: false,
    logLevel: 'silent',
    lineCounter: lines,
  })
  const problems = yamlProblems(document, lines, name)
  if (problems.length > 0) return { entries: [], problems }
  const read = contents(document)
  if (read === undefined)
    return {
      entries: [],
      problems: [{ path: name, why: 'names an alias (*) that no anchor (&) defines', remedy: REMEDY }],
    }
  if (read.value === null || read.value === undefined) return { entries: [], problems: [] }
  if (typeof read.value !== 'object' || Array.isArray(read.value)) {
    return { entries: [], problems: [{ path: name, why: 'is not a map of keys', remedy: 'begin it with `clusters:`' }] }
  }
  const entries: Entry[] = []
  flatten(read.value, [], (path, value) => {
    if (path.length === 0) return
    const line = lineOf(document, lines, path)
    entries.push({ path, value, layer: 'file', origin: line === undefined ? name : `${name} line ${line}` })
  })
  return { entries, problems: [] }
}
