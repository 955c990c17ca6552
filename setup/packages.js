// Sees to node_modules and dist: installs npm packages that are missing or not those of the lock, builds what is stale.

import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildDashboard, dashboardIsCurrent } from './dashboard.js'
import { run, SetupError } from './run.js'

/** @typedef {Record<string, { version?: string, dev?: boolean, optional?: boolean, devOptional?: boolean }>} Lock */

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

/** Paths, beneath the root, of the packages that the program itself needs and this machine has. @param {string} root */
export function productionPackages(root) {
  return Object.entries(readLock(join(root, 'package-lock.json')) ?? {})
    .filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional && existsSync(join(root, path)))
    .map(([path]) => path)
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

/** What the compiler makes a file of each; the dashboard is bundled instead. @param {string} root */
const compiled = root =>
  SOURCES.flatMap(dir => filesIn(join(root, dir), '.ts')).filter(
    path => !path.startsWith(join(root, 'src', 'dashboard')),
  )

/** As old as the last build that the compiler had nothing against. @param {string} root */
const stamp = root => join(root, 'dist', '.built')
/** What the compiler remembers. @param {string} root */
const memory = root => join(root, 'dist', '.tsbuildinfo')

/** Whether each source is compiled, without a complaint, and nothing has changed since. @param {string} root */
export function buildIsCurrent(root) {
  if (!existsSync(stamp(root)) || outputsWithoutSource(root).length > 0) return false
  const built = statSync(stamp(root)).mtimeMs
  const sources = compiled(root)
  const others = ['tsconfig.json', 'package-lock.json'].map(name => join(root, name))
  const isOld = (/** @type {string} */ path) => statSync(path).mtimeMs > built
  return ![...sources, ...others].some(isOld) && !lacksOutput(root, sources) && dashboardIsCurrent(root)
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

/** Compiles and bundles; answers what the compiler complained of, or nothing. @param {string} root */
export async function build(root) {
  for (const path of outputsWithoutSource(root)) for (const file of [path, `${path}.map`]) rmSync(file, { force: true })
  rmSync(stamp(root), { force: true })
  if (lacksOutput(root, compiled(root))) rmSync(memory(root), { force: true })
  const complaints = await Promise.all(['.', 'src/dashboard'].map(project => compile(root, project)))
  if (complaints.some(Boolean)) return complaints.join('')
  await buildDashboard(root)
  writeFileSync(stamp(root), '')
  return ''
}

/** @param {string} root @param {string} project */
async function compile(root, project) {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { code, output } = await run(process.execPath, [compiler, '-p', project], { cwd: root })
  return code === 0 ? '' : output || `tsc ended with ${code}`
}
