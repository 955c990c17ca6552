// A layer (file, environment, flags) is a list of entries, a path with a value each. Knows how layers lie over one another.

import { find, keysOf, type Leaf, NAME, type Node, tree } from './keys.js'
import { closest, type Problem, shown } from './problems.js'

/** Where an entry came from, in order of precedence. */
export const LAYERS = ['default', 'file', 'environment', 'flag'] as const
export type LayerName = (typeof LAYERS)[number]

export interface Entry {
  readonly path: readonly string[]
  /** Text, a list of texts, `{}` for a map without keys, undefined for a key without value, or something out of place. */
  readonly value: unknown
  readonly layer: LayerName
  /** In words: `flag --log.level`. */
  readonly origin: string
}

export interface Layer {
  readonly entries: readonly Entry[]
  readonly problems: readonly Problem[]
}

export type Entries = Map<string, Entry>

export const dotted = (path: readonly PropertyKey[]): string => path.map(String).join('.')

/** Splits what flags and the environment give for a list: `a, b`. */
const split = (text: string): readonly string[] =>
  text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '')

function acceptLeaf(entry: Entry, leaf: Leaf): Layer {
  const { value, path, origin } = entry
  const accepted = (text: unknown): Layer => ({ entries: [{ ...entry, value: text }], problems: [] })
  const wrong = (why: string): Layer => ({
    entries: [],
    problems: [{ path: dotted(path), why, remedy: leaf.write, origin }],
  })
  if (value === undefined || value === '') return { entries: [], problems: [] }
  if (entry.layer === 'flag' && leaf.secret) {
    const file = dotted([...path.slice(0, -1), `${path.at(-1)}File`])
    return {
      entries: [],
      problems: [
        {
          path: dotted(path),
          why: 'is not taken as a flag, since process lists show flags',
          remedy: `use ${file}, or the environment`,
          origin,
        },
      ],
    }
  }
  if (typeof value === 'string') return accepted(leaf.list ? split(value) : leaf.secret ? value : value.trim())
  if (!Array.isArray(value)) return wrong(`is a map of keys, not ${leaf.noun}`)
  if (!leaf.list) return wrong(`is a list, not ${leaf.noun}`)
  return value.every(item => typeof item === 'string')
    ? accepted(value)
    : wrong('holds something that is not plain text')
}

function acceptSection(entry: Entry, node: Node): Layer {
  const { path, value, origin } = entry
  const off = value === 'off' && path[0] === 'listen' && path.length === 2
  const empty = value === undefined || value === '' || (typeof value === 'object' && !Array.isArray(value))
  if (off || empty) return { entries: off ? [entry] : [{ ...entry, value: {} }], problems: [] }
  const keys = node.kind === 'section' ? [...node.fields.keys()].join(', ') : 'names of your choice'
  return {
    entries: [],
    problems: [{ path: dotted(path), why: 'is not a map of keys', remedy: `give it keys: ${keys}`, origin }],
  }
}

/** Where a key of that name exists in another place, or a mistyped one in this place. */
function guess(path: readonly string[], known: number, last: Node): readonly string[] | undefined {
  const name = path[known] ?? ''
  const here = last.kind === 'section' ? closest(name, [...last.fields.keys()]) : undefined
  if (here !== undefined) return [...path.slice(0, known), here, ...path.slice(known + 1)]
  const elsewhere = keysOf().filter(key => key.path.at(-1) === path.at(-1))
  const near = elsewhere.find(key => key.path[0] === path[0]) ?? elsewhere[0]
  return near?.path.map((segment, index) =>
    segment === '<name>' ? (path[0] === near.path[0] ? (path[index] ?? segment) : segment) : segment,
  )
}

function unknownKey({ path, origin }: Entry, known: number, last: Node): Problem {
  const at = dotted(path.slice(0, known + 1))
  if (last.kind === 'named') {
    return {
      path: at,
      value: shown(path[known] ?? ''),
      why: 'cannot be a name',
      remedy: `choose letters, digits, dashes and underscores, at most 63 (${NAME.source})`,
      origin,
    }
  }
  if (at === 'vrrp')
    return { path: at, why: 'is not available in this version', remedy: 'take the section out', origin }
  const meant = guess(path, known, last)
  const remedy =
    meant === undefined ? 'take it out; the reference page lists every key' : `did you mean ${dotted(meant)}?`
  return { path: at, why: 'is an unknown key', remedy, origin, ...(meant !== undefined && { meant: dotted(meant) }) }
}

/** An entry that only says: this cluster or listener is there. It stands even when every key of it is wrong. */
function presence({ path, layer, origin }: Entry): readonly Entry[] {
  const [section = '', name = ''] = path
  const named = path.length > 2 && tree.fields.get(section)?.kind === 'named' && NAME.test(name)
  return named ? [{ path: [section, name], value: {}, layer, origin }] : []
}

/** Sorts a layer's entries into those that the table knows, with their values as text or lists of text, and problems. */
export function accept(entries: readonly Entry[]): Layer {
  const layers = entries.map(entry => {
    const found = find(entry.path)
    if ('known' in found) return { entries: [], problems: [unknownKey(entry, found.known, found.last)] }
    return found.node.kind === 'leaf' ? acceptLeaf(entry, found.node) : acceptSection(entry, found.node)
  })
  return {
    entries: layers.flatMap((layer, index) => [...entries.slice(index, index + 1).flatMap(presence), ...layer.entries]),
    problems: layers.flatMap(layer => layer.problems),
  }
}

const below = (path: string, above: string): boolean => path.startsWith(`${above}.`)

/** What an entry of a higher layer puts out of force: the same key, `off` against keys, and the other way to give a password. */
function displaced(by: Entry, old: Entry): boolean {
  const [path, other] = [dotted(by.path), dotted(old.path)]
  if (by.value === 'off' && below(other, path)) return true
  if (old.value === 'off' && below(path, other)) return true
  return by.layer !== old.layer && (other === `${path}File` || path === `${other}File`)
}

/** Lays layers over one another, the lowest first. */
export function overlay(layers: readonly (readonly Entry[])[]): Entries {
  const result: Entries = new Map()
  for (const entry of layers.flat()) {
    for (const [path, old] of result) if (displaced(entry, old)) result.delete(path)
    result.set(dotted(entry.path), entry)
  }
  return result
}

/** Builds the nested object that the table parses; listeners that are `off` are left out. */
export function nest(entries: Entries): object {
  const root: Record<string, unknown> = Object.create(null)
  for (const { path, value } of entries.values()) {
    if (value === 'off' && path[0] === 'listen' && path.length === 2) continue
    let at = root
    for (const name of path.slice(0, -1)) at = (at[name] ??= Object.create(null)) as Record<string, unknown>
    const last = path.at(-1) ?? ''
    const map = typeof value === 'object' && !Array.isArray(value)
    at[last] = map ? (at[last] ?? Object.create(null)) : value
  }
  return root
}
