// What is generated from the table for people: the rows of the flag help, the sample file, the reference page.

import { type Key, keysOf, type Leaf, type Node, type Section, tree } from './keys.js'

export interface FlagRow {
  /** `--listen.<name>.address` */
  readonly name: string
  readonly type: string
  readonly doc: string
  /** As it would be written; a default that depends on something else in words. */
  readonly default?: string
}

const written = (value: string | readonly string[]): string =>
  typeof value === 'string' ? value : `[${value.join(', ')}]`

function defaultOf({ derived, default: fallback }: Leaf): string | undefined {
  return derived ?? (fallback === undefined ? undefined : written(fallback))
}

/** Every key that is also a flag, for the command line's help. Secrets are none. */
export function flagTable(): readonly FlagRow[] {
  const keys = keysOf().filter(({ leaf }) => !leaf.secret)
  return keys.map(({ path, leaf }) => {
    const fallback = defaultOf(leaf)?.replaceAll('`', '')
    const row = { name: `--${path.join('.')}`, type: leaf.unit.replaceAll('\\', '').replaceAll('`', ''), doc: leaf.doc }
    return fallback === undefined ? row : { ...row, default: fallback }
  })
}

const WIDTH = 110

function comment(text: string, indent: string): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    const fits = last !== undefined && indent.length + last.length + word.length + 3 <= WIDTH
    if (fits) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines.map(line => `${indent}# ${line}`)
}

/** The names the sample gives to clusters and listeners, and the values it sets because a sample needs them. */
const SAMPLE_NAMES: Readonly<Record<string, readonly string[]>> = { clusters: ['demo'], listen: ['write', 'read'] }
const SAMPLE_SET: Readonly<Record<string, string>> = {
  'clusters.demo.etcd.hosts': '[http://10.77.0.11:2379, http://10.77.0.12:2379, http://10.77.0.13:2379]',
  'listen.write.address': '0.0.0.0:5000',
  'listen.write.role': 'primary',
  'listen.write.holdFor': '45s',
  'listen.read.address': '0.0.0.0:5001',
  'listen.read.role': 'replica',
  'listen.read.holdFor': '5s',
}

function sampleKey(path: readonly string[], leaf: Leaf, explain: boolean): readonly string[] {
  const indent = '  '.repeat(path.length - 1)
  const name = path.at(-1) ?? ''
  const set =
    SAMPLE_SET[path.join('.')] ?? (leaf.derived === undefined && leaf.example === undefined ? leaf.default : undefined)
  const derived = leaf.derived === undefined || set !== undefined ? '' : ` Default: ${leaf.derived}.`
  const doc = explain ? comment(leaf.doc + derived, indent) : []
  if (set !== undefined) return [...doc, `${indent}${name}: ${written(set)}`]
  const hint = leaf.example ?? ''
  return [...doc, `${indent}# ${name}: ${written(hint)}`.trimEnd()]
}

const isShared = (name: string): boolean => {
  const session = tree.fields.get('session')
  return session?.kind === 'section' && session.fields.has(name)
}

function sampleNamed(path: readonly string[], each: Section, section: string): readonly string[] {
  const names = SAMPLE_NAMES[section]
  if (names === undefined) return commented(path, each)
  return names.flatMap((name, index) => {
    const fields = [...each.fields].filter(([field]) => section !== 'listen' || !isShared(field))
    const head = `${'  '.repeat(path.length)}${name}:`
    return [head, ...fields.flatMap(([field, node]) => sample([...path, name, field], node, index === 0))]
  })
}

/** Named entries that a configuration may well be without: an entry `name`, as a comment from the first column. */
function commented(path: readonly string[], each: Section): readonly string[] {
  const head = `${'  '.repeat(path.length)}name:`
  const lines = [head, ...[...each.fields].flatMap(([field, node]) => sample([...path, 'name', field], node, true))]
  const keysShown = lines.map(line => line.replace(/^( *)# ([a-zA-Z]+:(?: |$).*)$/, '$1$2'))
  return path.length > 1 ? keysShown : keysShown.map(line => `# ${line}`.trimEnd())
}

function sample(path: readonly string[], node: Node, explain: boolean): readonly string[] {
  if (node.kind === 'leaf') return sampleKey(path, node, explain)
  const indent = '  '.repeat(path.length - 1)
  const gap = path.length === 1 ? [''] : []
  const head = [...gap, ...(explain ? comment(node.doc, indent) : [])]
  if (node.kind === 'named') {
    const body = sampleNamed(path, node.each, path[0] ?? '')
    const idle = body.every(line => line.trimStart().startsWith('#'))
    return [...head, `${indent}${idle ? '# ' : ''}${path.at(-1)}:`, ...body]
  }
  const body = [...node.fields].flatMap(([name, field]) => sample([...path, name], field, explain))
  const idle = body.every(line => line.trimStart().startsWith('#'))
  return [...head, `${indent}${idle ? '# ' : ''}${path.at(-1)}:`, ...body]
}

/** The sample file: every key with its explanation and default; keys without a default are commented out. */
export function generateExample(): string {
  const head = [
    '# yaml-language-server: $schema=mekare.schema.json',
    '# Every key of mekare with its default. Only the endpoints of etcd must be given; the rest can be left out.',
    '# Generated from src/config; see doc/reference/config.md.',
  ]
  return `${[...head, ...[...tree.fields].flatMap(([name, node]) => sample([name], node, true))].join('\n')}\n`
}

function row({ path, leaf }: Key, from: number): string {
  const fallback =
    leaf.derived ?? (leaf.default === undefined || leaf.default.length === 0 ? '' : `\`${written(leaf.default)}\``)
  return `| \`${path.slice(from).join('.')}\` | ${leaf.unit} | ${fallback} | ${leaf.doc} |`
}

function page(name: string, node: Node): readonly string[] {
  const named = node.kind === 'named'
  const keys = keysOf(node, [name]).filter(({ path }) => name !== 'listen' || !isShared(path.at(-1) ?? ''))
  const rest = name === 'listen' ? ['', 'And every key of `session`; what is not set here is as `session` has it.'] : []
  const title = named ? `${name}.<name>` : name
  const head = ['| key | type | default | meaning |', '|---|---|---|---|']
  return [`## ${title}`, '', node.doc, '', ...head, ...keys.map(key => row(key, named ? 2 : 1)), ...rest, '']
}

const REFERENCE_HEAD = `# Configuration

Generated from the table in \`src/config\`. A key can be given in three places; the first one that has it wins:

1. a flag: \`--listen.write.address 0.0.0.0:5000\`. Lists are separated by commas, or the flag is repeated. Secrets are not taken as flags, since process lists show them.
2. the environment: \`MEKARE_LISTEN__WRITE__ADDRESS\`. Two underscores stand for the dot; case and single underscores do not count, so \`MEKARE_LISTEN__WRITE__HOLDFOR\` and \`MEKARE_LISTEN__WRITE__HOLD_FOR\` are the same. An empty variable counts as not set.
3. the YAML file, as in \`config/mekare.example.yaml\`. \`config/mekare.schema.json\` lets an editor check it.

Durations are written \`250ms\`, \`30s\`, \`5min\`, \`2h\` or \`1d\`, also \`50us\`; sizes \`512B\`, \`64KiB\`, \`16MiB\`, \`1GB\`. Relative paths start in the directory mekare was started in. Files that a key names are read or checked when the configuration is loaded. Every mistake is told at once, with its place and what to do; mekare then ends with 78.

With exactly one cluster, \`mekare run --clusters.demo.etcd.hosts http://10.77.0.11:2379\` is enough: the listeners \`write\` and \`read\` are there. With several, every listener names its own \`cluster\`.
`

/** The reference page, a table for each section. */
export function generateReference(): string {
  return `${REFERENCE_HEAD}\n${[...tree.fields]
    .flatMap(([name, node]) => page(name, node))
    .join('\n')
    .trimEnd()}\n`
}
