// `mekare import`: opens the files, lets src/import read them, lets our own loader judge the result, and prints it: the YAML on
// standard output, what is left to do on standard error.

import { basename } from 'node:path'
import { parseDocument } from 'yaml'
import { accept, dotted, type Entry } from '../config/entries.js'
import { readText } from '../config/files.js'
import { readFlagsLayer } from '../config/layer-flags.js'
import { loadConfig } from '../config/load.js'
import { ConfigError, describeProblem, type Problem } from '../config/problems.js'
import type { Finding, Source, Unreadable } from '../import/finding.js'
import { importAll, refuse } from '../import/import.js'
import type { PatroniFile } from '../import/patroni.js'
import { print } from '../import/print.js'
import { tally } from '../import/tally.js'
import { type CliDeps, EXIT } from './deps.js'
import { createImportFiles, type ImportFiles } from './import-files.js'
import type { Wanted } from './parse.js'

/** Prints our configuration; gives the exit code. */
export async function runImport({ args, configFlags }: Wanted, deps: CliDeps): Promise<number> {
  const { haproxy = [], keepalived = [], patroni = [] } = args
  if (haproxy.length + keepalived.length === 0) {
    deps.err('mekare import needs --haproxy FILE or --keepalived FILE, or both\n')
    return EXIT.usage
  }
  const byHand = accept(readFlagsLayer(configFlags))
  if (byHand.problems.length > 0) {
    deps.err(`${byHand.problems.map(describeProblem).join('\n')}\n`)
    return EXIT.usage
  }
  const files = createImportFiles()
  const opened = openAll(files, args)
  const means = { open: files.include, configId: args['config-id'] }
  const imported = 'unreadable' in opened ? opened : importAll({ ...opened, keys: keysOf(byHand.entries), means })
  if ('unreadable' in imported) {
    deps.err(`${imported.unreadable}\n`)
    return EXIT.failed
  }
  tell(imported.findings, [...haproxy, ...keepalived, ...patroni], deps)
  return EXIT.good
}

interface Opened {
  readonly haproxy: readonly Source[]
  readonly keepalived: readonly Source[]
  readonly patroni: readonly PatroniFile[]
}

function openAll(
  files: ImportFiles,
  { haproxy = [], keepalived = [], patroni = [] }: Wanted['args'],
): Opened | Unreadable {
  const [a, b, c] = [files.open(haproxy, '.cfg'), files.open(keepalived, '.conf'), files.open(patroni, '.yml')]
  if ('unreadable' in a) return a
  if ('unreadable' in b) return b
  if ('unreadable' in c) return c
  const docs = c.map(readYaml)
  const wrong = docs.find(doc => 'unreadable' in doc)
  return wrong ?? { haproxy: a, keepalived: b, patroni: docs.filter(doc => 'doc' in doc) }
}

/** The parser's own words quote the text, which holds passwords: only its code is told. */
function readYaml({ file, text }: Source): PatroniFile | Unreadable {
  const document = parseDocument(text, { logLevel: 'silent', prettyErrors: false })
  const wrong = (why: string) => ({ unreadable: `${file}: is not YAML (${why}); give Patroni's own file` })
  const [error] = document.errors
  if (error !== undefined) return wrong(error.code.toLowerCase().replaceAll('_', ' '))
  try {
    return { file, doc: document.toJS() }
  } catch {
    return wrong('its aliases cannot be resolved')
  }
}

/** Keys given as flags; a section that is only named is no key. */
const keysOf = (entries: readonly Entry[]) =>
  entries.flatMap(({ path, value }) => {
    const plain = typeof value === 'string' || Array.isArray(value)
    return plain ? [{ path: dotted(path), value: value as string | readonly string[] }] : []
  })

/** Prints what our loader accepts; what it refuses of values taken over is put among the lines to look at. */
function tell(findings: readonly Finding[], files: readonly string[], { out, err }: CliDeps): void {
  const sources = files.map(file => basename(file))
  const wrong = judge(print(findings, sources), () => 'x')
  const accepted = refuse(findings, new Map(wrong.map(({ path, why, remedy }) => [path, `${why}; ${remedy}`])))
  const text = print(accepted, sources)
  out(text)
  err(tally(accepted))
  const left = judge(text, readText)
  if (left.length > 0)
    err(`still to be filled in or mended:\n${left.map(problem => `  ${describe(problem)}\n`).join('')}`)
}

const describe = ({ origin: _, ...problem }: Problem): string => describeProblem(problem)

const OURS = 'the configuration printed'

/** What our loader says of the text. `read` opens the files that it names. */
function judge(text: string, read: (path: string) => string): readonly Problem[] {
  try {
    loadConfig({ file: OURS, env: {}, hostname: 'host', read: path => (path === OURS ? text : read(path)) })
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems
  }
}
