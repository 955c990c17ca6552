// Loads the configuration: flags over environment over file over defaults, all mistakes told at once.

import type { z } from 'zod'
import { fillDefaults, namesIn } from './defaults.js'
import { accept, dotted, type Entries, type Entry, nest, overlay } from './entries.js'
import { type ReadText, readNamedFiles, readText, tryRead } from './files.js'
import { find } from './keys.js'
import { type Env, readEnvLayer } from './layer-env.js'
import { readFileLayer } from './layer-file.js'
import { type Flags, readFlagsLayer } from './layer-flags.js'
import { ConfigError, type Problem, shown } from './problems.js'
import { checkRules } from './rules.js'
import type { Config } from './shape.js'
import { table } from './table.js'

export interface ConfigInput {
  /** Path of the YAML file; without one, flags and environment must do. */
  readonly file?: string
  readonly flags?: Flags
  readonly env?: Env
  /** The default of fleet.name. */
  readonly hostname: string
  /** How many files the process may open; where given, a `session.max` beyond it is refused. */
  readonly descriptorLimit?: number
  /** How files are read; by default from the file system. */
  readonly read?: ReadText
}

function readFile(file: string | undefined, read: ReadText): readonly Entry[] {
  if (file === undefined) return []
  const content = tryRead(read, file)
  if ('why' in content)
    throw new ConfigError([{ path: file, why: content.why, remedy: 'give the path of a readable file' }])
  const layer = readFileLayer(content.text, file)
  if (layer.problems.length > 0) throw new ConfigError(layer.problems)
  return layer.entries
}

/** The entry that an issue is about, and which element of it where it is a list. */
function culprit(
  path: readonly PropertyKey[],
  entries: Entries,
): { readonly entry: Entry | undefined; readonly at: string } {
  const at = typeof path.at(-1) === 'number' ? path.slice(0, -1) : path
  return { entry: entries.get(dotted(at)), at: dotted(at) }
}

function explain(issue: z.core.$ZodIssue, entries: Entries): Problem {
  const { entry, at } = culprit(issue.path, entries)
  const found = find(at.split('.'))
  const leaf = 'node' in found && found.node.kind === 'leaf' ? found.node : undefined
  const remedy = leaf?.write ?? 'see the reference page'
  if (entry === undefined) return { path: at, why: 'is missing', remedy }
  const index = issue.path.at(-1)
  const given = Array.isArray(entry.value) && typeof index === 'number' ? entry.value[index] : entry.value
  const why =
    issue.code === 'custom' && typeof issue.params?.why === 'string' ? issue.params.why : `is not ${leaf?.noun}`
  const value = leaf?.secret ? {} : { value: shown(String(given)) }
  return { path: at, ...value, why, remedy, origin: entry.origin }
}

/** What is left without the entries that issues are about, or without the whole named entry that lacks a key. */
function without(issues: readonly z.core.$ZodIssue[], entries: Entries): Entries {
  const left: Entries = new Map(entries)
  for (const { path } of issues) {
    const { at } = culprit(path, entries)
    if (left.delete(at)) continue
    const owner = dotted(path.slice(0, 2))
    for (const other of left.keys()) if (other === owner || other.startsWith(`${owner}.`)) left.delete(other)
  }
  return left
}

/** Parses as much as can be parsed, so that the rules between keys can still be checked. */
function parse(given: Entries, hostname: string): { readonly config: Config; readonly problems: readonly Problem[] } {
  const entries = fillDefaults(given, hostname)
  const result = table.safeParse(nest(entries))
  if (result.success) return { config: result.data, problems: [] }
  const { issues } = result.error
  const { config } = parse(without(issues, entries), hostname)
  const told = issues.filter(issue => culprit(issue.path, entries).entry?.layer !== 'default')
  return { config, problems: told.map(issue => explain(issue, entries)) }
}

function merge(
  { flags = [], env = {} }: ConfigInput,
  file: readonly Entry[],
): { readonly entries: Entries; readonly problems: readonly Problem[] } {
  const given = readFlagsLayer(flags)
  const names = (section: string) =>
    namesIn([...file, ...given], section).concat(section === 'listen' ? ['write', 'read'] : [])
  const fromEnv = readEnvLayer(env, names)
  const layers = [accept(file), accept(fromEnv.entries), accept(given)]
  return {
    entries: overlay(layers.map(layer => layer.entries)),
    problems: [...layers.flatMap(layer => layer.problems), ...fromEnv.problems],
  }
}

/** An unknown section is told once, however many keys stand in it. */
function distinct(problems: readonly Problem[]): readonly Problem[] {
  const byText = new Map(problems.toReversed().map(problem => [`${problem.path} ${problem.why}`, problem]))
  return [...byText.values()].toReversed()
}

/**
 * Loads and checks the configuration. Throws a ConfigError with every problem at once; only a file that is not YAML, or
 * not readable, is told alone.
 */
export function loadConfig(input: ConfigInput): Config {
  const read = input.read ?? readText
  const merged = merge(input, readFile(input.file, read))
  const files = readNamedFiles(merged.entries, read)
  const { config, problems } = parse(files.entries, input.hostname)
  const keys = [...merged.problems, ...files.problems, ...problems]
  const told = new Set(keys.flatMap(({ path, meant }) => [path, meant]))
  const all = [...keys, ...checkRules(config, input.descriptorLimit).filter(({ path }) => !told.has(path))]
  if (all.length > 0) throw new ConfigError(distinct(all))
  return config
}
