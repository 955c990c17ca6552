// Findings as YAML with comments: behind each key the lines it came from, at the end every line that became none, with its reason.

import { printable } from '../events/printable.js'
import type { Finding, Line, Note, Tone, Value } from './finding.js'
import { quoted } from './quote.js'

type Placed = Exclude<Finding, Note>

const SECTIONS = ['clusters', 'listen', 'session', 'relay', 'admin', 'incidents', 'log', 'fleet', 'vrrp']
const OF_CLUSTER = ['scope', 'namespace', 'source', 'etcd', 'patroni', 'static', 'probe']

/** The whole file. */
export function print(findings: readonly Finding[], sources: readonly string[]): string {
  const placed = findings.filter(finding => finding.kind !== 'note').toSorted((a, b) => rankOf(a) - rankOf(b))
  const notes = findings.filter(finding => finding.kind === 'note')
  const tones = (['gone', 'unknown', 'idle'] as const).flatMap(tone => printNotes(tone, notes))
  return [...head(sources), ...printTree(grow(placed), 0), ...tones, ''].join('\n')
}

const head = (sources: readonly string[]): readonly string[] => [
  `# Made by mekare import from ${printable(sources.join(', '))}.`,
  '# Beside a key stand the lines it came from; lines that became no key stand at the end, each with the reason.',
  '# What is marked "fill in" is not known there. Then: mekare check --config FILE',
]

function rankOf({ path }: Placed): number {
  const [section = '', , name = ''] = path.split('.')
  const within = section === 'clusters' ? OF_CLUSTER.indexOf(name) : 0
  return SECTIONS.indexOf(section) * 100 + within
}

type Tree = Map<string, Tree | Placed>

function grow(placed: readonly Placed[]): Tree {
  const root: Tree = new Map()
  for (const one of placed) {
    const names = one.path.split('.')
    let tree = root
    for (const name of names.slice(0, -1)) {
      const next = tree.get(name)
      const below: Tree = next instanceof Map ? next : new Map()
      tree.set(name, below)
      tree = below
    }
    tree.set(names.at(-1) ?? '', one)
  }
  return root
}

function printTree(tree: Tree, depth: number): readonly string[] {
  const indent = '  '.repeat(depth)
  return [...tree].flatMap(([name, node]) => {
    if (!(node instanceof Map)) return printKey(name, node, indent)
    const offers = offersIn(node)
    if (offers !== undefined) return printOffered(name, offers, indent)
    return [...(depth === 0 ? [''] : []), `${indent}${scalar(name)}:`, ...printTree(node, depth + 1)]
  })
}

/** The keys of a section in which nothing is set yet; undefined where something is. */
function offersIn(section: Tree): readonly (readonly [string, Placed])[] | undefined {
  const all = [...section].flatMap(([name, one]) =>
    one instanceof Map || one.kind === 'key' || one.value !== undefined ? [] : [[name, one] as const],
  )
  return all.length === section.size ? all : undefined
}

/** A section to be uncommented as a whole, its name too. */
function printOffered(name: string, offers: readonly (readonly [string, Placed])[], indent: string): readonly string[] {
  const say = offers
    .map(([, one]) => one.say)
    .filter(Boolean)
    .join('; ')
  const keys = offers.map(([key, one]) => `${indent}#   ${key}: ${one.kind === 'hole' ? one.example : ''}`)
  return [...wrap(say, `${indent}# `), `${indent}# ${scalar(name)}:`, ...keys]
}

function printKey(name: string, one: Placed, indent: string): readonly string[] {
  const value = one.kind === 'hole' && one.value === undefined ? undefined : (one.value ?? '')
  const text =
    value === undefined ? `# ${name}: ${one.kind === 'hole' ? one.example : ''}` : `${name}: ${written(value)}`
  const lines = one.from.length === 0 ? '' : `  # ${places(one.from)}`
  return [...wrap(one.say, `${indent}# `), `${indent}${text}${lines}`]
}

const WIDTH = 116

function wrap(text: string, before: string): readonly string[] {
  if (text === '') return []
  const lines: string[] = []
  for (const word of printable(text).split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && before.length + last.length + word.length + 1 <= WIDTH)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines.map(line => before + line)
}

const PLAIN = /^[A-Za-z0-9_./][A-Za-z0-9_./:@%+*-]*$/
const MEANS_ELSE = /^(null|~|.*:)$/i

const scalar = (text: string): string => (PLAIN.test(text) && !MEANS_ELSE.test(text) ? text : JSON.stringify(text))

const written = (value: Value): string =>
  typeof value === 'string' ? scalar(value) : `[${value.map(scalar).join(', ')}]`

/** `haproxy.cfg:12,20-23 keepalived.conf:4`: each line once, in order. */
export function places(lines: readonly Line[]): string {
  const files = [...new Set(lines.map(({ file }) => file))]
  return files
    .map(file => `${printable(file)}:${numbers(lines.filter(line => line.file === file).map(({ no }) => no))}`)
    .join(' ')
}

function numbers(all: readonly number[]): string {
  const runs: [number, number][] = []
  for (const no of [...new Set(all)].sort((a, b) => a - b)) {
    const run = runs.at(-1)
    if (run !== undefined && run[1] === no - 1) run[1] = no
    else runs.push([no, no])
  }
  return runs
    .map(([from, to]) => (from === to ? `${from}` : to === from + 1 ? `${from},${to}` : `${from}-${to}`))
    .join(',')
}

const TITLES: Readonly<Record<Tone, string>> = {
  gone: 'LOOK AT THESE: mekare has no counterpart, so something changes',
  unknown: 'NOT UNDERSTOOD: find out what these do for you',
  idle: 'Nothing to do: mekare does so anyway, or it is set elsewhere',
}

function printNotes(tone: Tone, notes: readonly Note[]): readonly string[] {
  const merged = new Map<string, { readonly note: Note; readonly lines: Line[] }>()
  for (const note of notes.filter(one => one.tone === tone)) {
    const id = JSON.stringify([note.line.file, textOf(note), note.why])
    const there = merged.get(id) ?? { note, lines: [] }
    there.lines.push(note.line)
    merged.set(id, there)
  }
  if (merged.size === 0) return []
  const lines = [...merged.values()].map(
    ({ note, lines }) => `# ${places(lines)}  ${textOf(note)}: ${printable(note.why)}`,
  )
  return ['', `# ${TITLES[tone]}`, ...lines]
}

const textOf = ({ line, part }: Note): string => quoted(part === undefined ? line.words : part.split(' '))
