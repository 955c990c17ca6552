// What two good configurations differ in, key by key, in words: never the value of a secret.

import { formatListenAddress } from './addresses.js'
import { type Leaf, type Node, tree } from './keys.js'
import type { Config, ListenAddress } from './shape.js'

/** `listen.write.holdFor: 45s → 1min`, `listen.report: added`, `clusters.demo.probe.password: changed`. */
export type Change = string

/** Every difference, in the table's order. What a listener takes over from `session` is told once, as the session's. */
export function changesBetween(before: Config, after: Config): readonly Change[] {
  const own = changesIn(tree, [], before, after)
  const ofSession = new Set(own.filter(text => text.startsWith('session.')).map(text => text.slice('session.'.length)))
  return own.filter(text => !ofSession.has(/^listen\.[^.]+\.(.*)$/s.exec(text)?.[1] ?? ''))
}

type Value = Readonly<Record<string, unknown>>

const isMap = (value: unknown): value is Value => typeof value === 'object' && value !== null && !Array.isArray(value)
const at = (value: unknown, name: string): unknown => (isMap(value) ? value[name] : undefined)

function changesIn(node: Node, path: readonly string[], before: unknown, after: unknown): readonly Change[] {
  const where = path.join('.')
  if (node.kind === 'leaf') return leafChange(where, node, before, after)
  if (node.kind === 'section')
    return [...node.fields].flatMap(([name, field]) =>
      changesIn(field, [...path, name], at(before, name), at(after, name)),
    )
  const names = new Set([before, after].flatMap(value => (isMap(value) ? Object.keys(value) : [])))
  return [...names].flatMap(name => {
    const [old, next] = [at(before, name), at(after, name)]
    if (old === undefined) return [`${where}.${name}: added`]
    return next === undefined ? [`${where}.${name}: removed`] : changesIn(node.each, [...path, name], old, next)
  })
}

function leafChange(path: string, leaf: Leaf, before: unknown, after: unknown): readonly Change[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  if (leaf.secret) return [`${path}: changed`]
  return [`${path}: ${written(before, leaf)} → ${written(after, leaf)}`]
}

/** As the file would have it. */
function written(value: unknown, leaf: Leaf): string {
  if (value === undefined) return 'not given'
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(one => written(one, leaf)).join(', ')
  if (typeof value === 'number' && leaf.unit.startsWith('duration')) return exactly(value, DURATIONS, 'us')
  if (typeof value === 'number' && leaf.unit.startsWith('size')) return exactly(value, SIZES, 'B')
  return isMap(value) ? addressText(value) : String(value)
}

/** A listening address, or a member's. */
function addressText(value: Value): string {
  if (value.kind === 'tcp' || value.kind === 'unix') return formatListenAddress(value as unknown as ListenAddress)
  return 'host' in value ? `${value.host}:${value.port}` : JSON.stringify(value)
}

const DURATIONS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
  ['ms', 1],
]
const SIZES: readonly (readonly [string, number])[] = [
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
  ['B', 1],
]

/** In the largest unit that needs no fraction; unlike what status shows, nothing is rounded. */
function exactly(value: number, units: readonly (readonly [string, number])[], least: string): string {
  if (value === 0) return '0'
  const [unit, size] = units.find(([, each]) => value % each === 0) ?? [least, least === 'us' ? 0.001 : 1]
  return `${Math.round(value / size)}${unit}`
}
