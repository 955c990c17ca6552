// What a user installs: the npm package in an empty folder, started with nothing but flags.

import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { until } from '../lab/cluster.js'
import { now } from '../lab/journal.js'
import { createStand, type Stand } from '../lab/stand.js'

t.setTimeout(180_000)

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

t.test('what a user installs', async t => {
  const stand = await createStand({ etcd: 1, members: 1, proxies: 1 })
  t.teardown(() => stand.down())
  try {
    await stand.up()
    await t.test('the npm package, in an empty folder, with flags only', t => npmPackage(t, stand))
  } catch (error) {
    t.comment(stand.tails(25, 'proxy1'))
    throw error
  }
})

async function npmPackage(t: Test, stand: Stand): Promise<void> {
  // Beside no package.json, in whose folder npm would install instead.
  const dir = join(stand.dir, 'client')
  const tarball = join(dir, execFileSync('npm', ['pack', '--silent', '--pack-destination', dir], inRoot).trim())
  const paths = execFileSync('tar', ['-tzf', tarball], inRoot).split('\n').filter(Boolean)
  for (const path of ['bin/mekare.js', 'dist/src/main/main.js', 'dist/src/dashboard/index.html'])
    t.ok(paths.includes(`package/${path}`), path)
  t.strictSame(
    paths.filter(path => /\/(test|bench|setup|node_modules)\/|\.(ts|map|tgz)$|\.test\.|generate/.test(path)),
    [],
    'nothing is in it that only its makers need',
  )
  const begun = now()
  const folder = join(dir, 'empty')
  mkdirSync(folder)
  installTarball(t, tarball, folder)
  const program = join(folder, 'node_modules', '.bin', 'mekare')
  const flags = flagsFor(stand, folder)
  const checked = await stand.clientExec([process.execPath, program, 'check', ...flags])
  t.equal(checked.code, 0, checked.stdout + checked.stderr)
  const child = stand.spawn('proxy1', 'packed', [process.execPath, program, 'run', ...flags])
  const address = `${stand.address('proxy1')}:${stand.ports.write}`
  const [row] = await until(10_000, 'no row came through the write port', () =>
    stand.sql(address, 'select pg_is_in_recovery() as standby', { as: 'app', database: 'app' }).catch(() => undefined),
  )
  t.strictSame(row, { standby: false })
  t.comment(`npm install, mekare check, mekare run, a first row: ${((now() - begun) / 1000).toFixed(1)} s`)
  t.match(readFileSync(join(stand.dir, 'proxy1', 'packed.log'), 'utf8'), /started as .*, relay engine native/)
  child.kill('SIGTERM')
  await until(5000, 'it did not end', async () => child.exitCode ?? undefined).catch(() => undefined)
  t.equal(child.exitCode, 0)
}

const inRoot = { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' } as const

/** By npm; where no registry answers, its dependencies are those of the source tree. */
function installTarball(t: Test, tarball: string, folder: string): void {
  const args = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--fetch-retries=0', tarball]
  const { status, stderr } = spawnSync('npm', args, { cwd: folder, encoding: 'utf8' })
  if (status === 0) return
  t.comment(`npm ${args.join(' ')} ended with ${status}; with the source tree's packages in its place:\n${stderr}`)
  const listed = spawnSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], inRoot).stdout
  for (const path of listed.split('\n').filter(path => path.includes('/node_modules/')))
    cpSync(path, join(folder, relative(ROOT, path)), { recursive: true })
  const home = join(folder, 'node_modules', 'mekare')
  mkdirSync(home)
  execFileSync('tar', ['-xzf', tarball, '-C', home, '--strip-components=1'])
  mkdirSync(join(folder, 'node_modules', '.bin'), { recursive: true })
  symlinkSync('../mekare/bin/mekare.js', join(folder, 'node_modules', '.bin', 'mekare'))
}

function flagsFor(stand: Stand, folder: string): string[] {
  const { ports } = stand
  const listening = stand.listening('proxy1')
  return [
    ...['--clusters.demo.etcd.hosts', stand.etcd.urls.join(',')],
    ...['--listen.write.address', `${listening}:${ports.write}`, '--listen.read.address', `${listening}:${ports.read}`],
    ...['--admin.address', `${stand.address('proxy1')}:${ports.admin}`, '--admin.socket', join(folder, 'control.sock')],
    ...['--incidents.file', join(folder, 'incidents.json'), '--log.format', 'json'],
  ]
}
