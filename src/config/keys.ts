// Reads the table as a tree of sections, named entries and keys, for everything that asks what a key is called or means.
// The only place that takes zod's types apart.

import { z } from 'zod'
import { table } from './table.js'

export interface Leaf {
  readonly kind: 'leaf'
  readonly doc: string
  readonly noun: string
  readonly write: string
  readonly unit: string
  readonly json: Readonly<Record<string, unknown>>
  readonly list: boolean
  readonly secret: boolean
  readonly file: boolean
  /** The default as it would be written; absent where there is none or `derived` tells it. */
  readonly default?: string | readonly string[]
  readonly derived?: string
  readonly example?: string | readonly string[]
}

export interface Section {
  readonly kind: 'section'
  readonly doc: string
  readonly fields: ReadonlyMap<string, Node>
}

/** A map by names of the operator's choice, each with the same keys. */
interface Named {
  readonly kind: 'named'
  readonly doc: string
  readonly each: Section
}

export type Node = Leaf | Section | Named

const isText = (value: unknown): value is string | readonly string[] =>
  typeof value === 'string' || Array.isArray(value)

function leaf(type: z.core.$ZodType, doc: string, own: z.GlobalMeta, fallback: unknown): Leaf {
  const meta = { ...z.globalRegistry.get(type), ...own }
  const { noun = '', write = '', unit = '', json = {}, secret = false, file = false, derived, example } = meta
  return {
    kind: 'leaf',
    doc,
    noun,
    write,
    unit,
    json,
    list: type instanceof z.ZodArray,
    secret,
    file,
    ...(isText(fallback) && { default: fallback }),
    ...(derived !== undefined && { derived }),
    ...(example !== undefined && { example }),
  }
}

function section(type: z.ZodObject, doc: string): Section {
  return {
    kind: 'section',
    doc,
    fields: new Map(Object.entries(type.shape).map(([name, field]) => [name, node(field)])),
  }
}

function node(given: z.core.$ZodType): Node {
  const own = z.globalRegistry.get(given) ?? {}
  const doc = own.description ?? ''
  const fallback = given instanceof z.ZodPrefault ? given.def.defaultValue : undefined
  const wrapped = given instanceof z.ZodPrefault || given instanceof z.ZodExactOptional
  const type = wrapped ? given.def.innerType : given
  if (type instanceof z.ZodObject) return section(type, doc)
  if (type instanceof z.ZodRecord && type.valueType instanceof z.ZodObject) {
    return { kind: 'named', doc, each: section(type.valueType, '') }
  }
  return leaf(type, doc, own, fallback)
}

/** The whole table. */
export const tree: Section = section(table, '')

/** What a name of a cluster or listener may be: it becomes a label, a flag and an environment variable. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/

/** The node one step below another; undefined where there is none of that name. */
export function step(from: Node, name: string): Node | undefined {
  if (from.kind === 'named') return NAME.test(name) ? from.each : undefined
  return from.kind === 'section' ? from.fields.get(name) : undefined
}

/** The node at a path, or how many of its segments are known. */
export function find(
  path: readonly string[],
): { readonly node: Node } | { readonly known: number; readonly last: Node } {
  let node: Node = tree
  for (const [index, name] of path.entries()) {
    const next = step(node, name)
    if (next === undefined) return { known: index, last: node }
    node = next
  }
  return { node }
}

export interface Key {
  /** Names of the operator's choice stand as `<name>`. */
  readonly path: readonly string[]
  readonly leaf: Leaf
}

/** Every key of a node in the table's order, those of named entries once. */
export function keysOf(node: Node = tree, path: readonly string[] = []): readonly Key[] {
  if (node.kind === 'leaf') return [{ path, leaf: node }]
  if (node.kind === 'named') return keysOf(node.each, [...path, '<name>'])
  return [...node.fields].flatMap(([name, field]) => keysOf(field, [...path, name]))
}
