// A layer (file, environment, flags) is a list of entries, a path with a value each. Knows how layers lie over one another.

import { find, keysOf, type Leaf, NAME, type Node, tree } from './keys.js'
import { closest, type Problem, shown } from './problems.js'

/** Where an entry came from, the lowest first. */
type LayerName = 'default' | 'file' | 'environment' | 'flag'

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

const take = (entry: Entry, value: unknown): Layer => ({ entries: [{ ...entry, value }], problems: [] })

const refuse = ({ path, origin }: Entry, why: string, remedy: string): Layer => ({
  entries: [],
  problems: [{ path: dotted(path), why, remedy, origin }],
})

function acceptLeaf(entry: Entry, leaf: Leaf): Layer {
  const { value } = entry
  if (value === undefined || value === '') return { entries: [], problems: [] }
  if (entry.layer === 'flag' && leaf.secret) {
    const remedy = `use ${dotted(entry.path)}File, or the environment`
    return refuse(entry, 'is not taken as a flag, since process lists show flags', remedy)
  }
  if (typeof value === 'string') return take(entry, leaf.list ? split(value) : leaf.secret ? value : value.trim())
  if (!Array.isArray(value)) return refuse(entry, `is a map of keys, not ${leaf.noun}`, leaf.write)
  if (!leaf.list) return refuse(entry, `is a list, not ${leaf.noun}`, leaf.write)
  const plainText = value.every(item => typeof item === 'string')
  return plainText ? take(entry, value) : refuse(entry, 'holds something that is not plain text', leaf.write)
}

const isOff = ({ path, value }: Entry): boolean => value === 'off' && path[0] === 'listen' && path.length === 2

function acceptSection(entry: Entry, node: Node): Layer {
  const { value } = entry
  if (isOff(entry)) return take(entry, value)
  if (value === undefined || value === '' || (typeof value === 'object' && !Array.isArray(value)))
    return take(entry, {})
  const keys = node.kind === 'section' ? [...node.fields.keys()].join(', ') : 'names of your choice'
  return refuse(entry, 'is not a map of keys', `give it keys: ${keys}`)
}

interface Guess {
  /** As far as the mistake reaches. */
  readonly shown: string
  readonly whole: string
}

/** Where a key of that name exists in another place, or a mistyped one in this place. */
function guess(path: readonly string[], known: number, last: Node): Guess | undefined {
  const name = path[known] ?? ''
  const here = last.kind === 'section' ? closest(name, [...last.fields.keys()]) : undefined
  if (here !== undefined) {
    const right = [...path.slice(0, known), here]
    return { shown: dotted(right), whole: dotted([...right, ...path.slice(known + 1)]) }
  }
  const elsewhere = keysOf().filter(key => key.path.at(-1) === path.at(-1))
  const near = elsewhere.find(key => key.path[0] === path[0]) ?? elsewhere[0]
  if (near === undefined) return undefined
  const sameName = path[0] === near.path[0] ? path[1] : undefined
  const whole = dotted(near.path.map(segment => (segment === '<name>' ? (sameName ?? segment) : segment)))
  return { shown: whole, whole }
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
  const meant = guess(path, known, last)
  const remedy =
    meant === undefined ? 'take it out; the reference page lists every key' : `did you mean ${meant.shown}?`
  return { path: at, why: 'is an unknown key', remedy, origin, ...(meant !== undefined && { meant: meant.whole }) }
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
  if (isOff(by) && below(other, path)) return true
  if (isOff(old) && below(path, other)) return true
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

type Tree = Record<string, unknown>

const isMap = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The map under a name, made where it is missing. Without a prototype: `constructor` is a name like any other. */
function enter(tree: Tree, name: string): Tree {
  const there = tree[name]
  if (isMap(there)) return there
  const made: Tree = Object.create(null)
  tree[name] = made
  return made
}

/** Builds the nested object that the table parses; listeners that are `off` are left out. */
export function nest(entries: Entries): object {
  const root: Tree = Object.create(null)
  for (const entry of entries.values()) {
    if (isOff(entry)) continue
    const parent = entry.path.slice(0, -1).reduce(enter, root)
    const name = entry.path.at(-1) ?? ''
    if (isMap(entry.value)) enter(parent, name)
    else parent[name] = entry.value
  }
  return root
}
