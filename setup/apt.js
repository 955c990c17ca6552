// Installs Debian packages without letting their daemons start, make a cluster or stay enabled. Whatever is put in place
// for that is taken away again, after an interruption too; after a SIGKILL, by the next run.

import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { run, SetupError } from './run.js'

const POLICY = '/usr/sbin/policy-rc.d'
const KEPT = `${POLICY}.kept-by-mekare-setup`
const MARK = '# put here by the set-up of mekare while it installs packages; remove it when you see it'
const NO_CLUSTER = '/etc/postgresql-common/createcluster.d/mekare-setup.conf'

const ENV = { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C', NEEDRESTART_SUSPEND: '1' }
const OPTIONS = ['-y', '--no-install-recommends', '-o', 'Dpkg::Use-Pty=0', '-o', 'DPkg::Lock::Timeout=120']

/** Of each list the first package that apt can install. @param {readonly (readonly string[])[]} lists */
export function choose(lists) {
  return lists.map(names => {
    const found = names.find(isAvailable)
    if (!found) throw new SetupError(`apt knows no package ${names.join(' or ')}; add a source that has it`)
    return found
  })
}

/** @param {string} name */
function isAvailable(name) {
  const policy = execFileSync('apt-cache', ['policy', name], { encoding: 'utf8', env: { ...process.env, ...ENV } })
  return /Candidate: (?!\(none\))/.test(policy)
}

/** Takes away what a run that was killed has left. */
export function repair() {
  if (existsSync(POLICY) && readFileSync(POLICY, 'utf8').includes(MARK)) rmSync(POLICY)
  if (existsSync(KEPT) && !existsSync(POLICY)) renameSync(KEPT, POLICY)
  rmSync(NO_CLUSTER, { force: true })
}

function forbidStarts() {
  if (existsSync(POLICY)) renameSync(POLICY, KEPT)
  writeFileSync(POLICY, `#!/bin/sh\n${MARK}\nexit 101\n`)
  chmodSync(POLICY, 0o755)
  const made = mkdirSync(dirname(NO_CLUSTER), { recursive: true })
  writeFileSync(NO_CLUSTER, 'create_main_cluster = false\n')
  return made
}

/** @param {(text: string) => void} note */
export async function updateLists(note) {
  const { code, output } = await run('apt-get', ['update'], { env: ENV, line: note })
  return code === 0 ? '' : output
}

/** Removes the directory that was made for the drop-in, unless a package has put something there. @param {string | undefined} made */
function removeEmpty(made) {
  if (made === undefined) return
  try {
    if (made !== dirname(NO_CLUSTER)) rmdirSync(dirname(NO_CLUSTER))
    rmdirSync(made)
  } catch {}
}

/** @param {readonly string[]} packages @param {(text: string) => void} note */
export async function install(packages, note) {
  repair()
  const before = enabledServices()
  let made
  try {
    made = forbidStarts()
    const { code, output } = await run('apt-get', ['install', ...OPTIONS, ...packages], { env: ENV, line: note })
    if (code !== 0) throw new SetupError(`apt-get install ${packages.join(' ')} ended with ${code}:\n${output}`)
  } finally {
    repair()
    removeEmpty(made)
    for (const service of enabledServices()) if (!before.has(service)) disable(service)
  }
}

/** Names of the services that start with the machine: systemd's wanted units and the S links of System V. */
function enabledServices() {
  const units = list('/etc/systemd/system')
    .filter(name => name.endsWith('.wants'))
    .flatMap(dir => list(join('/etc/systemd/system', dir)))
  const links = list('/etc')
    .filter(name => /^rc[0-6S]\.d$/.test(name))
    .flatMap(dir => list(join('/etc', dir)))
    .flatMap(name => /^S\d\d(.+)$/.exec(name)?.[1] ?? [])
  return new Set([...units, ...links])
}

/** @param {string} dir */
const list = dir => (existsSync(dir) ? readdirSync(dir) : [])

/** @param {string} service */
function disable(service) {
  const systemd = service.includes('.')
  const program = systemd ? 'systemctl' : 'update-rc.d'
  const args = systemd ? ['--no-reload', 'disable', service] : [service, 'disable']
  try {
    execFileSync(program, args, { stdio: 'ignore' })
  } catch (error) {
    // Without the program there is nothing on this machine that would start the service.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return
    process.stderr.write(`${program} ${args.join(' ')} failed: ${service} will start with the machine\n`)
  }
}
