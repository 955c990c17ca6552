// What a user installs: the npm package in an empty folder, started with nothing but flags; and the Debian package on a machine with
// systemd, where it is upgraded under load and taken away again.

import { type ChildProcess, execFile, execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { until } from '../lab/cluster.js'
import { isRunning } from '../lab/installed.js'
import { now } from '../lab/journal.js'
import { bootMachine, cannotBoot } from '../lab/machine.js'
import { startWriter } from '../lab/observers.js'
import { PASSWORDS } from '../lab/options.js'
import { proxyConfig } from '../lab/proxy.js'
import { createStand, type Stand } from '../lab/stand.js'

t.setTimeout(300_000)

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

t.test('what a user installs', async t => {
  const stand = await createStand({ etcd: 1, members: 1, proxies: 1 })
  t.teardown(() => stand.down())
  try {
    const [out, client] = [join(stand.dir, 'proxy1'), join(stand.dir, 'client')]
    // One after the other: both bundle into the same directory.
    const pack = async () => {
      const tarball = await built('npm', ['pack', '--silent', '--pack-destination', client])
      return [
        join(client, tarball),
        await built(process.execPath, ['setup/package.js', '--fast', '--out', out]),
      ] as const
    }
    const [[tarball, first]] = await Promise.all([pack(), stand.up()])
    await t.test('the npm package, in an empty folder, with flags only', t => npmPackage(t, stand, tarball))
    await t.test('what the Debian package says of itself', async t => contents(t, first))
    const why = stand.network === 'namespaces' ? cannotBoot() : 'the stand has no network namespaces'
    if (why === undefined) await t.test('the Debian package on a machine', t => onMachine(t, stand, first))
    else await t.test(`the Debian package, unpacked (${why})`, t => unpacked(t, stand, first))
  } catch (error) {
    t.comment(stand.tails(25, 'proxy1'))
    throw error
  }
})

/** What a program in the source tree wrote last: the path of what it has made. */
async function built(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { cwd: ROOT })
  return stdout.trim().split('\n').at(-1) ?? ''
}

async function npmPackage(t: Test, stand: Stand, tarball: string): Promise<void> {
  const paths = execFileSync('tar', ['-tzf', tarball], inRoot).split('\n').filter(Boolean)
  for (const path of [
    'program/mekare.js',
    'program/worker.js',
    'dashboard/index.html',
    'proto/rpc.proto',
    'THIRD-PARTY.txt',
  ])
    t.ok(paths.includes(`package/dist/package/${path}`), path)
  t.strictSame(
    paths.filter(path => /\/(src|test|bench|setup|node_modules)\/|\.(ts|map|tgz)$|\.test\.|generate/.test(path)),
    [],
    'nothing is in it that only its makers need',
  )
  const begun = now()
  // Beside no package.json, in whose folder npm would install instead.
  const folder = join(stand.dir, 'client', 'empty')
  mkdirSync(folder)
  installTarball(t, tarball, folder)
  const program = join(folder, 'node_modules', '.bin', 'mekare')
  const flags = flagsFor(stand, folder)
  const checked = await stand.clientExec([process.execPath, program, 'check', ...flags])
  t.equal(checked.code, 0, checked.stdout + checked.stderr)
  const child = stand.spawn('proxy1', 'packed', [process.execPath, program, 'run', ...flags])
  t.strictSame(await firstRow(stand), { standby: false })
  t.comment(`npm install, mekare check, mekare run, a first row: ${((now() - begun) / 1000).toFixed(1)} s`)
  t.match(readFileSync(join(stand.dir, 'proxy1', 'packed.log'), 'utf8'), /started as .*, relay engine native/)
  t.equal(await ended(child), 0)
}

async function firstRow(stand: Stand): Promise<unknown> {
  const address = `${stand.address('proxy1')}:${stand.ports.write}`
  const ask = () => stand.sql(address, 'select pg_is_in_recovery() as standby', { as: 'app', database: 'app' })
  const [row] = await until(10_000, 'no row came through the write port', () => ask().catch(() => undefined))
  return row
}

/** Asks it to end; its exit code. */
async function ended(child: ChildProcess): Promise<number | null> {
  child.kill('SIGTERM')
  if (isRunning(child)) await once(child, 'exit')
  return child.exitCode
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
  symlinkSync('../mekare/dist/package/program/mekare.js', join(folder, 'node_modules', '.bin', 'mekare'))
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

/** The same as another revision. */
function revise(file: string): string {
  const [tree, revised] = [`${file}.tree`, file.replace('-1_', '-2_')]
  execFileSync('dpkg-deb', ['-R', file, tree])
  const control = join(tree, 'DEBIAN', 'control')
  writeFileSync(control, readFileSync(control, 'utf8').replace(/^(Version: .*)-1$/m, '$1-2'))
  execFileSync('dpkg-deb', ['--root-owner-group', '-Znone', '--build', tree, revised])
  return revised
}

function contents(t: Test, file: string): void {
  const field = (name: string) => execFileSync('dpkg-deb', ['-f', file, name], inRoot).trim()
  t.match(field('Depends'), /^nodejs \(>= 20\.19\), /)
  const lines = execFileSync('dpkg-deb', ['-c', file], inRoot).split('\n').filter(Boolean)
  const mode = (path: string) => lines.find(line => line.includes(` .${path}`))?.slice(0, 10)
  t.equal(mode('/etc/mekare/mekare.yaml'), '-rw-r-----', 'beside it lie passwords')
  t.equal(mode('/usr/bin/mekare -> ../lib/mekare/dist/package/program/mekare.js'), 'lrwxrwxrwx')
  for (const path of SHIPPED) t.equal(mode(path), '-rw-r--r--', path)
  t.strictSame(
    lines.filter(
      line => !line.includes(' root/root ') || /\.(d\.ts|map|html)$/.test(line.replace(/dashboard\/.*/, '')),
    ),
    [],
    'all is root’s, and nothing is there that nobody reads',
  )
}

const SHIPPED = [
  '/usr/lib/systemd/system/mekare.service',
  '/usr/lib/systemd/system/mekare-vrrp.service',
  '/usr/lib/sysusers.d/mekare.conf',
  '/usr/share/man/man1/mekare.1.gz',
  '/usr/share/bash-completion/completions/mekare',
  '/usr/share/zsh/vendor-completions/_mekare',
  '/usr/share/fish/vendor_completions.d/mekare.fish',
  '/usr/share/mekare/prometheus-alerts.yml',
  '/usr/share/mekare/grafana-dashboard.json',
  '/usr/share/doc/mekare/copyright',
  '/usr/share/doc/mekare/THIRD-PARTY.gz',
]

const CONFIG = '/etc/mekare/mekare.yaml'

type There = (...argv: readonly string[]) => Promise<string>

async function onMachine(t: Test, stand: Stand, first: string): Promise<void> {
  const machine = await bootMachine(stand, 'proxy1')
  t.teardown(() => machine.off())
  const there: There = async (...argv) => {
    const { code, stdout, stderr } = await machine.exec(...argv)
    if (code === 0) return stdout.trim()
    throw new Error(`${argv.join(' ')}: ${stdout}${stderr}\n${(await machine.exec('journalctl', '-n', '40')).stdout}`)
  }
  await t.test('it is installed and starts nothing; configured, it serves as its units say', t =>
    installed(t, stand, there, first),
  )
  await t.test('an upgrade under load breaks no session, refuses nobody and keeps the address', t =>
    upgraded(t, stand, there, revise(first)),
  )
  await t.test('removed and purged, it leaves what the operator wrote and nothing else', t => removed(t, stand, there))
}

/** Node.js may be there without a package of its name; the manual pages need no new index. */
const install = (there: There, file: string) =>
  there('dpkg', '--force-depends', '--no-triggers', '--install', `/mnt/${basename(file)}`)

async function installed(t: Test, stand: Stand, there: There, file: string): Promise<void> {
  await install(there, file)
  t.equal(await there('stat', '-c', '%U:%G %a', '/etc/mekare', CONFIG), 'root:mekare 750\nroot:mekare 640')
  t.equal(await there('sh', '-c', 'systemctl is-active mekare mekare-vrrp || true'), 'inactive\ninactive')
  t.match(await there('sh', '-c', `mekare check --config ${CONFIG} 2>&1 || true`), /^clusters: is empty; name one /)
  t.equal(await there('systemd-analyze', 'verify', 'mekare.service', 'mekare-vrrp.service'), '')
  const config = proxyConfig(stand, 'proxy1', true)
  const probe = { user: 'mekare_probe', passwordFile: '/etc/mekare/probe.password' }
  const clusters = { demo: { etcd: { hosts: [...stand.etcd.urls] }, probe } }
  const { listen, vrrp } = config
  const shared = join(stand.dir, 'proxy1')
  writeFileSync(join(shared, 'mekare.yaml'), stringify({ clusters, listen, vrrp }))
  writeFileSync(join(shared, 'probe.password'), PASSWORDS.mekare_probe)
  await there(
    'sh',
    '-c',
    `cat /mnt/mekare.yaml > ${CONFIG} && install -m 640 -g mekare /mnt/probe.password /etc/mekare`,
  )
  await there('systemctl', 'enable', '--now', 'mekare', 'mekare-vrrp')
  await until(10_000, 'the address did not come', async () => (await stand.holders()).length > 0 || undefined)
  t.match(await there('mekare', 'status'), /master for/)
  t.equal(await there('systemctl', 'show', '-p', 'User', '--value', 'mekare', 'mekare-vrrp'), 'mekare\n\nmekare')
}

async function upgraded(t: Test, stand: Stand, there: There, file: string): Promise<void> {
  const pids = () => there('systemctl', 'show', '-p', 'MainPID', '--value', 'mekare', 'mekare-vrrp')
  const [proxy, , sidecar] = (await pids()).split('\n')
  const to = `${stand.floating}:${stand.ports.write}`
  const writer = await startWriter(stand, { to, everyMs: 1 })
  const script = join(stand.dir, 'client', 'one.sql')
  writeFileSync(script, 'select 1;')
  const pgbench = stand.clientExec(
    [join(stand.programs.postgres, 'pgbench'), '-n', '-C', '-f', script, '-c', '2', '-T', '4'],
    { PGHOST: `${stand.floating}`, PGPORT: `${stand.ports.write}`, PGUSER: 'app', PGPASSWORD: PASSWORDS.app },
  )
  const said = await install(there, file)
  t.match(said, /process \d+ has taken the place of \d+/)
  t.match(said, /the sidecar keeps its addresses/)
  const load = await pgbench
  t.equal(load.code, 0, load.stdout + load.stderr)
  t.match(load.stdout, /number of failed transactions: 0/)
  t.equal((await writer.stop()).filter(({ e }) => e === 'error').length, 0, 'the session went on')
  const after = (await pids()).split('\n')
  t.not(after[0], proxy, 'another process serves')
  t.equal(after[2], sidecar)
  t.strictSame(await stand.holders(), ['proxy1'])
  t.match(await there('cat', CONFIG), /mekare_probe/, 'the configuration is the operator’s')
  await there('systemctl', 'reload', 'mekare', 'mekare-vrrp')
}

/** Without a machine: what its units start, out of the unpacked package. */
async function unpacked(t: Test, stand: Stand, file: string): Promise<void> {
  const tree = join(stand.dir, 'proxy1', 'unpacked')
  execFileSync('dpkg-deb', ['-x', file, tree])
  const config = join(stand.dir, 'proxy1', 'unpacked.yaml')
  writeFileSync(join(stand.dir, 'proxy1', 'probe.password'), PASSWORDS.mekare_probe)
  writeFileSync(config, stringify(proxyConfig(stand, 'proxy1', false)))
  const unit = readFileSync(join(tree, 'usr/lib/systemd/system/mekare.service'), 'utf8')
  const command = (key: string) => {
    const [, verb = ''] = new RegExp(`^${key}=/usr/bin/mekare (.*)$`, 'm').exec(unit) ?? []
    return [process.execPath, join(tree, 'usr/bin/mekare'), ...verb.replace(CONFIG, config).split(' ')]
  }
  const checked = await stand.clientExec(command('ExecStartPre'))
  t.equal(checked.code, 0, checked.stdout + checked.stderr)
  const child = stand.spawn('proxy1', 'unpacked', command('ExecStart'))
  t.strictSame(await firstRow(stand), { standby: false })
  t.equal(await ended(child), 0)
}

async function removed(t: Test, stand: Stand, there: There): Promise<void> {
  await there('dpkg', '--remove', 'mekare')
  t.strictSame(await stand.holders(), [])
  t.equal(await there('ls', '-A', '/etc/mekare'), 'mekare.yaml\nprobe.password')
  await there('dpkg', '--purge', 'mekare')
  t.equal(await there('find', '/etc', '/run', '/var/lib', '-xdev', '-name', '*mekare*'), '/etc/mekare')
  const gone = [...SHIPPED, '/usr/lib/mekare', '/usr/bin/mekare'].join(' ')
  t.equal(await there('sh', '-c', `ls -d ${gone} 2> /dev/null || true`), '')
  t.equal(await there('ls', '-A', '/etc/mekare'), 'probe.password')
}
