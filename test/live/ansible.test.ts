// The Ansible roles, applied to eight hosts for their files: a second run changes nothing, and the real programs, each started on its
// host with nothing but what was written there, become a cluster that is reached through mekare and the poolers.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { until } from '../lab/cluster.js'
import { type Output, runToEnd } from '../lab/ground.js'
import { findProgram, PROGRAM } from '../lab/programs.js'
import { createStand, type Stand } from '../lab/stand.js'

t.setTimeout(300_000)

const ROLES = fileURLToPath(new URL('../../../deploy/ansible', import.meta.url))
/** Without what installs and what starts, nothing but files is left. */
const NEITHER = ['--skip-tags', 'packages,services']
const PROBE = 'change-me-3'

t.test('a run can be limited to what installs, what writes files and what starts, role by role', async t => {
  const listed = await runToEnd(
    'ansible-playbook',
    ['-i', 'inventory.example.yml', 'site.yml', '--list-tasks'],
    ROLES,
    { PATH: process.env.PATH ?? '', LANG: 'C.UTF-8' },
  )
  const tasks = [...listed.stdout.matchAll(/^ +(\w+) : (.*)\tTAGS: \[(.*)\]$/gm)].map(([, role, task, tags]) => {
    return { role, task, tags: (tags ?? '').split(', ') }
  })
  const of = (tag: string) => new Set(tasks.filter(({ tags }) => tags.includes(tag)).map(({ role }) => role)).size
  t.strictSame([of('packages'), of('config'), of('services')], [4, 4, 4])
  const others = tasks.filter(({ tags }) => !tags.every(tag => ['packages', 'config', 'services'].includes(tag)))
  t.strictSame(others, [], 'no task is left out by all three')
  const before = tasks.find(({ task }) => task === 'Keep Debian from making a cluster of its own')
  t.strictSame(before?.tags, ['config', 'packages'], 'the package alone makes no cluster either')
})

t.test('the roles of all eight hosts', async t => {
  const stand = await createStand()
  t.teardown(() => stand.down())
  const applied = await apply(stand, ['--tags', 'config'])
  if (applied.code !== 0) throw new Error(applied.stdout + applied.stderr)
  t.equal(recap(applied, /changed=[1-9]\d* .* failed=0/), 8, 'files are written for each host')
  const again = await apply(stand, [...NEITHER, '--limit', 'etcd1,pg1,proxy1'])
  const unchanged = recap(again, /changed=0 .* failed=0/)
  t.equal(unchanged, 3, 'a second run changes nothing')
  if (unchanged !== 3) t.comment(again.stdout + again.stderr)
  for (const host of stand.proxies) {
    const { code, stdout, stderr } = await mekare(stand, host, 'check', '--offline')
    t.equal(code, 0, stdout + stderr)
  }
  if (stand.network === 'loopback') return t.comment('no network namespaces: nothing is started from the files')
  try {
    await started(t, stand)
  } catch (error) {
    t.comment(stand.tails(15))
    throw error
  }
})

/** Only files, each host's beneath its own directory of the stand. */
function apply(stand: Stand, more: readonly string[]): Promise<Output> {
  const owner = execFileSync('stat', ['-c', '%U', join(stand.dir, 'pg1')], { encoding: 'utf8' }).trim()
  const [, version = ''] = /(\d+)\/bin$/.exec(stand.programs.postgres) ?? []
  const vars = {
    stand_root: `${stand.dir}/{{ inventory_hostname }}`,
    ...{ stand_etcd_user: me, stand_postgres_user: owner, stand_mekare_group: myGroup },
    ...{ patroni_bin_dir: stand.programs.postgres, patroni_postgres_version: version },
    ...{ mekare_program: `${process.execPath} ${PROGRAM}`, ansible_become: false, stand_serial: 2 },
    // Else it is looked for on each host, in each play.
    ansible_python_interpreter: stand.programs.python,
    // As on any stand: whoever waits in Patroni wakes soon.
    patroni_loop_wait: 1,
  }
  const args = ['-c', 'local', '-i', 'inventory.example.yml', 'site.yml']
  const given = ['-e', '@secrets.example.yml', '-e', JSON.stringify(vars)]
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: stand.dir,
    LANG: 'C.UTF-8',
    ANSIBLE_FORKS: '8',
    ANSIBLE_NOCOLOR: '1',
  }
  return runToEnd('ansible-playbook', [...args, ...given, ...more], ROLES, { ...env, ANSIBLE_PIPELINING: '1' })
}

const name = (flags: string) => execFileSync('id', [flags, '-n'], { encoding: 'utf8' }).trim()
const [me, myGroup] = [name('-u'), name('-g')]

/** How many hosts' lines of the recap match. */
const recap = ({ stdout }: Output, pattern: RegExp) =>
  stdout
    .split('PLAY RECAP')[1]
    ?.split('\n')
    .filter(line => pattern.test(line)).length

const file = (stand: Stand, host: string, path: string) => join(stand.dir, host, path)

const mekare = (stand: Stand, host: string, verb: string, ...more: readonly string[]) =>
  stand.clientExec([process.execPath, PROGRAM, verb, ...more, '--config', file(stand, host, 'etc/mekare/mekare.yaml')])

async function started(t: Test, stand: Stand): Promise<void> {
  for (const host of ['etcd1', 'etcd2', 'etcd3'])
    stand.spawn(host, 'etcd', [stand.programs.etcd, '--config-file', file(stand, host, 'etc/etcd/etcd.yml')])
  const pgbouncer = findProgram('pgbouncer') ?? ''
  for (const host of stand.members) {
    for (const dir of ['run', 'log']) stand.spawn(host, 'mkdir', ['mkdir', '-p', `var/${dir}/postgresql`], asOwner)
    stand.spawn(host, 'patroni', [stand.programs.patroni, file(stand, host, 'etc/patroni/config.yml')], asOwner)
    stand.spawn(host, 'pgbouncer', [pgbouncer, file(stand, host, 'etc/pgbouncer/pgbouncer.ini')], asOwner)
  }
  for (const host of stand.proxies) {
    const config = file(stand, host, 'etc/mekare/mekare.yaml')
    const own = ['--admin.socket', file(stand, host, 'control.sock'), '--incidents.file', 'off']
    for (const verb of ['run', 'vrrp'])
      stand.spawn(host, verb, [process.execPath, PROGRAM, verb, '--config', config, ...own])
  }
  await stand.untilStreaming({ withinMs: 60_000 })
  const ask = (port: number) =>
    stand.clientExec(['psql', '-XAtc', 'select pg_is_in_recovery()'], {
      ...{ PGHOST: `${stand.floating}`, PGPORT: `${port}`, PGUSER: 'mekare_probe', PGPASSWORD: PROBE },
      PGDATABASE: 'postgres',
    })
  const answer = (port: number) =>
    until(20_000, `no answer on port ${port}`, async () => (await ask(port)).stdout.trim() || undefined)
  t.equal(await answer(stand.ports.write), 'f', 'the floating address leads to the primary, through its pooler')
  t.equal(await answer(stand.ports.read), 't', 'and to a replica')
  const leader = (await stand.leader()) ?? ''
  t.match(
    readFileSync(file(stand, leader, 'var/log/postgresql/pgbouncer.log'), 'utf8'),
    /login attempt: db=postgres user=mekare_probe/,
  )
  t.strictSame(await stand.holders(), ['proxy1'], 'proxy1 has the address, by its priority')
}

const asOwner = { asOwner: true }
