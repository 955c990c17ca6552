// Sees to node_modules and dist: installs npm packages that are missing or not those of the lock, compiles what is stale.

import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { run, SetupError } from './run.js'

/** @typedef {Record<string, { version?: string, optional?: boolean, devOptional?: boolean }>} Lock */

/** @param {string} path @returns {Lock | undefined} */
function readLock(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages
  } catch {
    return undefined
  }
}

/** Whether node_modules holds what package-lock.json names. @param {string} root */
export function packagesAreCurrent(root) {
  const wanted = readLock(join(root, 'package-lock.json'))
  const present = readLock(join(root, 'node_modules', '.package-lock.json'))
  if (!wanted || !present) return false
  return Object.entries(wanted).every(([path, { version, optional, devOptional }]) => {
    if (path === '') return true
    const found = present[path]
    if (!found) return optional === true || devOptional === true
    return found.version === version && existsSync(join(root, path))
  })
}

/** @param {string} root @param {(text: string) => void} note */
export async function installPackages(root, note) {
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=http']
  const { code, output } = await run('npm', args, { cwd: root, line: note })
  if (code !== 0) throw new SetupError(`npm ${args.join(' ')} ended with ${code}:\n${tail(output)}`)
}

/** @param {string} text */
const tail = text => text.trimEnd().split('\n').slice(-30).join('\n')

const SOURCES = ['src', 'test', 'bench']

/** @param {string} dir @param {string} ending @returns {string[]} */
function filesIn(dir, ending) {
  if (!existsSync(dir)) return []
  const names = readdirSync(dir, { recursive: true, encoding: 'utf8' })
  return names.filter(name => name.endsWith(ending)).map(name => join(dir, name))
}

/** @param {string} root */
const stamp = root => join(root, 'dist', '.tsbuildinfo')

/** Whether each source is compiled and nothing has changed since. @param {string} root */
export function buildIsCurrent(root) {
  if (!existsSync(stamp(root)) || outputsWithoutSource(root).length > 0) return false
  const built = statSync(stamp(root)).mtimeMs
  const sources = SOURCES.flatMap(dir => filesIn(join(root, dir), '.ts'))
  const others = ['tsconfig.json', 'package-lock.json'].map(name => join(root, name))
  return [...sources, ...others].every(path => statSync(path).mtimeMs <= built) && !lacksOutput(root, sources)
}

/** @param {string} root @param {readonly string[]} sources */
const lacksOutput = (root, sources) =>
  sources.some(
    path => !path.endsWith('.d.ts') && !existsSync(join(root, 'dist', path.slice(root.length)).replace(/ts$/, 'js')),
  )

/** Compiled files whose source is gone: a removed test would still run. @param {string} root */
function outputsWithoutSource(root) {
  const outputs = SOURCES.flatMap(dir => filesIn(join(root, 'dist', dir), '.js'))
  const source = (/** @type {string} */ path) => join(root, path.slice(join(root, 'dist').length)).replace(/js$/, 'ts')
  return outputs.filter(path => !existsSync(source(path)))
}

/** Compiles; answers what the compiler complained of, or nothing. @param {string} root */
export async function build(root) {
  for (const path of outputsWithoutSource(root)) for (const file of [path, `${path}.map`]) rmSync(file, { force: true })
  const sources = SOURCES.flatMap(dir => filesIn(join(root, dir), '.ts'))
  if (lacksOutput(root, sources)) rmSync(stamp(root), { force: true })
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { code, output } = await run(process.execPath, [compiler, '-p', '.'], { cwd: root })
  if (code === 0) utimesSync(stamp(root), new Date(), new Date())
  return code === 0 ? '' : output || `tsc ended with ${code}`
}
