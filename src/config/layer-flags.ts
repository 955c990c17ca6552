// Flags as a layer: `--listen.write.address 0.0.0.0:5000`. Lists: separated by commas, or the flag repeated.

import type { Entry } from './entries.js'
import { find } from './keys.js'

/** A flag's name, with or without its dashes, and its value. */
export type FlagPair = readonly [name: string, value: string]

export type Flags = readonly FlagPair[] | Readonly<Record<string, string | readonly string[]>>

const isPairs = (flags: Flags): flags is readonly FlagPair[] => Array.isArray(flags)

function pairsOf(flags: Flags): readonly FlagPair[] {
  if (isPairs(flags)) return flags
  return Object.entries(flags).flatMap(([name, value]) => [value].flat().map((one): FlagPair => [name, one]))
}

function isList(path: readonly string[]): boolean {
  const found = find(path)
  return 'node' in found && found.node.kind === 'leaf' && found.node.list
}

/** Reads flags. Of a flag given twice, a list takes both values and anything else the last. */
export function readFlagsLayer(flags: Flags): readonly Entry[] {
  const values = new Map<string, string[]>()
  for (const [name, value] of pairsOf(flags)) {
    const key = name.replace(/^--/, '')
    values.set(key, [...(values.get(key) ?? []), value])
  }
  return [...values].map(([name, given]) => {
    const path = name.split('.')
    return { path, value: isList(path) ? given.join(',') : given.at(-1), layer: 'flag', origin: `flag --${name}` }
  })
}
