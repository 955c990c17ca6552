// `node setup/prepare.js build|demo|bench|test`: brings a fresh clone to where it is compiled, and the demo, the benchmark or the tests can run.
// Needs Node and npm only; installs what is missing where it may, and else says exactly what to install.

import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { choose, install, updateLists } from './apt.js'
import { build, buildIsCurrent, installPackages, packagesAreCurrent } from './packages.js'
import { during, GOOD, say } from './progress.js'
import { SetupError } from './run.js'
import { needs } from './servers.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  throw new SetupError(
    `Node ${process.versions.node} is too old: install Node 20.19 or newer (24 is the one to prefer)`,
  )
}

/** @param {import('./servers.js').Purpose | 'build'} purpose */
async function prepareCode(purpose) {
  if (!packagesAreCurrent(root)) await during('npm packages', note => installPackages(root, note))
  if (buildIsCurrent(root)) return
  const complaint = await during(
    'compile',
    () => build(root),
    errors => errors === '',
  )
  if (!complaint) return
  if (purpose !== 'test') throw new SetupError(`the sources do not compile:\n${complaint}`)
  say('  the sources do not compile; the step "types" shows why')
}

/** @param {import('./servers.js').Purpose} purpose */
async function missingServers(purpose) {
  // Compiled just now: where servers may lie is known in one place, the stand's.
  const { lookForPrograms, findProgram } = await import('../dist/test/lab/programs.js')
  return needs(purpose, lookForPrograms(), findProgram).filter(need => !need.present)
}

/** @param {import('./servers.js').Purpose} purpose */
async function prepareServers(purpose) {
  const missing = await missingServers(purpose)
  if (missing.length === 0) return
  const { findProgram } = await import('../dist/test/lab/programs.js')
  if (!findProgram('apt-get') || process.getuid?.() !== 0) throw new SetupError(whatToInstall(missing))
  const complaint = await during('apt-get update', updateLists)
  if (complaint) say(`  apt-get update had errors; going on with the lists there are`)
  const packages = [...choose(missing.map(({ debian }) => debian)), ...missing.flatMap(need => need.with ?? [])]
  await during(`apt-get install ${packages.join(' ')}`, note => install(packages, note))
  const still = await missingServers(purpose)
  if (still.length > 0) throw new SetupError(`installed, but still not found:\n${whatToInstall(still)}`)
}

/** @param {readonly import('./servers.js').Need[]} missing */
function whatToInstall(missing) {
  const packages = missing.flatMap(({ debian, with: more = [] }) => [debian[0] ?? '', ...more])
  return [
    `not found on this machine: ${missing.map(({ what }) => what).join(', ')}`,
    'on Debian or Ubuntu, run this (or run the set-up as root, which does it and keeps the daemons from starting):',
    `  sudo apt-get update && sudo apt-get install --no-install-recommends ${[...new Set(packages)].join(' ')}`,
    'elsewhere, install them by your own means; programs are looked for in the usual directories and in PATH,',
    'PostgreSQL also in MEKARE_POSTGRES_BIN',
  ].join('\n')
}

async function main() {
  const purpose = process.argv[2]
  if (purpose !== 'build' && purpose !== 'demo' && purpose !== 'bench' && purpose !== 'test')
    throw new SetupError('usage: node setup/prepare.js build|demo|bench|test')
  checkNode()
  await prepareCode(purpose)
  if (purpose !== 'build') await prepareServers(purpose)
  say(`${GOOD} npm packages${purpose === 'build' ? ' and build' : ', build and servers'} are there`)
}

try {
  await main()
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = error.message === 'interrupted' ? 130 : 1
}
