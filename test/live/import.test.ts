// `mekare import` beside the programs whose configuration it reads: HAProxy and keepalived accept every transcript, HAProxy's own list
// of keywords is known, and hosts are changed over one by one with what was imported while a client goes on connecting.

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { GLOBAL, PROXY, ruleOf } from '../../src/import/haproxy/keywords.js'
import { BIND_PARAMS, SERVER_PARAMS } from '../../src/import/haproxy/params.js'
import { type FloatingHosts, PROGRAM, type Program, waitFor } from '../lab/floating.js'
import { onFloatingHosts } from '../lab/onstand.js'
import { C, endAll, holder, K, lastRole, M, VIP } from '../lab/pair.js'
import { gapAfter, tapWire, wall } from '../lab/wiretap.js'

t.setTimeout(300_000)

const TOKEN = `mki${process.pid}`
const TRANSCRIPTS = fileURLToPath(new URL('../../../test/unit/import/transcripts', import.meta.url))
const transcripts = readdirSync(TRANSCRIPTS).sort()
const files = (name: string) => transcripts.map(one => join(TRANSCRIPTS, one, name)).filter(path => existsSync(path))

const ran = (argv: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(argv[0] ?? '', argv.slice(1), { encoding: 'utf8' })
  return { status, text: stdout + stderr }
}
const mekare = (...args: string[]) => ran([process.execPath, PROGRAM, ...args])

t.test('HAProxy accepts every transcript', async t => {
  t.ok(files('haproxy.cfg').length > 5)
  for (const path of files('haproxy.cfg')) {
    const { status, text } = ran(['haproxy', '-c', '-q', '-f', path])
    t.equal(status, 0, `${path}: ${text}`)
  }
})

t.test("every keyword on HAProxy's own list is known, with as many words as it takes", async t => {
  const { text } = ran(['haproxy', '-dKcfg', '-q', '-c', '-f', '/dev/null'])
  const [, global = '', listen = ''] = /\nglobal\n((?:\t.*\n)+)listen\n((?:\t.*\n)+)/.exec(text) ?? []
  const listed = (block: string) =>
    block
      .split('\n')
      .map(line => line.trim())
      .filter(Boolean)
  const missing: string[] = []
  const check = (known: boolean, line: string) => known || missing.push(line)
  for (const word of listed(global)) check(ruleOf({ words: [word] }, GLOBAL) !== undefined, `global ${word}`)
  // Only behind `source` does usesrc take a word.
  for (const line of listed(listen).filter(one => !one.endsWith(' usesrc'))) {
    const [kind, ...words] = line.split(' ')
    const [, param = '', count] =
      /^(?:bind <addr>(?: ssl)?|server <name> <addr>) (\S+)(?: \+(-?\d+))?$/.exec(line) ?? []
    const params = kind === 'bind' ? BIND_PARAMS : SERVER_PARAMS
    if (param !== '') check((params[param]?.takes ?? -1) === Math.abs(Number(count ?? 0)), line)
    else check(ruleOf({ words: [kind ?? '', words[0]?.replace('*', '') ?? ''] }, PROXY) !== undefined, line)
  }
  t.comment(
    `${listed(global).length + listed(listen).length} keywords, ${missing.length} not known: ${missing.join('; ')}`,
  )
  const ours = ran(['haproxy', '-v']).text.includes('version 2.6')
  t.ok(missing.length <= (ours ? 0 : 40), missing.join('; '))
})

t.test("with Patroni's file the output is good for mekare check as it is", async t => {
  const dir = join(TRANSCRIPTS, 'whole-host')
  const args = ['--haproxy', join(dir, 'haproxy.cfg'), '--keepalived', join(dir, 'keepalived.conf')]
  const out = join(t.testdir(), 'mekare.yaml')
  execFileSync(
    'sh',
    ['-c', `"$0" "$@" > ${out}`, process.execPath, PROGRAM, 'import', ...args, '--patroni', join(dir, 'patroni.yml')],
    {
      stdio: 'ignore',
    },
  )
  const { status, text } = mekare('check', '--offline', '--config', out)
  t.equal(status, 0, text)
  t.match(text, /listener write: 10\.0\.0\.100:5000, role primary, cluster orders/)
})

const HAPROXY = `global
    maxconn 100
defaults
    mode tcp
    timeout connect 4s
    timeout client 30m
    timeout server 30m
listen batman
    bind *:5000
    option httpchk OPTIONS /primary
    http-check expect status 200
    server pg1 10.78.0.21:5432 check port 8008
`

const keepalived = (state: string, priority: number) => `global_defs {
    script_user root
    enable_script_security
}
vrrp_script chk_haproxy {
    script "/bin/bash -c '</dev/tcp/127.0.0.1/5000'"
    interval 1
    weight 2
}
vrrp_instance VI_1 {
    state ${state}
    interface eth0
    virtual_router_id 51
    priority ${priority}
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass hunter22
    }
    virtual_ipaddress {
        ${VIP}/24
    }
    track_script {
        chk_haproxy
    }
}
`

interface Host {
  readonly name: string
  readonly config: string
  haproxy(): Program
  keepalived(): Program
  proxy(): Program
  sidecar(): Program
}

/** One host with both configurations, and ours imported from them. */
function hostOf(t: Test, hosts: FloatingHosts, name: string, state: string, priority: number): Host {
  const haproxy = hosts.file(`${name}-haproxy.cfg`, HAPROXY)
  const theirs = hosts.file(`${name}-keepalived.conf`, keepalived(state, priority))
  const password = hosts.file(`${name}-password`, 'hunter22\n')
  const here = [
    ['clusters.batman.etcd.hosts', '127.0.0.1:1'],
    ['vrrp.VI_1.auth.passwordFile', password],
    ['admin.socket', `${hosts.dir}/${name}-mekare.sock`],
    ['incidents.file', 'off'],
    ['log.format', 'json'],
  ].map(([path, value]) => `--${path}=${value}`)
  const imported = spawnSync(
    process.execPath,
    [PROGRAM, 'import', '--haproxy', haproxy, '--keepalived', theirs, ...here],
    { encoding: 'utf8' },
  )
  t.equal(imported.status, 0)
  t.notMatch(imported.stderr, /still to be filled in/)
  const config = hosts.file(`${name}-mekare.yaml`, imported.stdout)
  t.equal(mekare('check', '--offline', '--config', config).status, 0)
  const pids = ['-p', `${hosts.dir}/${name}-k.pid`, '-r', `${hosts.dir}/${name}-v.pid`]
  return {
    name,
    config,
    haproxy: () => hosts.start(name, ['haproxy', '-db', '-f', haproxy]),
    keepalived: () => hosts.start(name, ['keepalived', '-n', '-l', '-D', '-P', '-f', theirs, ...pids]),
    proxy: () => hosts.mekare(name, 'run', config),
    sidecar: () => hosts.mekare(name, 'vrrp', config),
  }
}

async function keepalivedAccepts(t: Test, hosts: FloatingHosts): Promise<void> {
  hosts.ip(M, 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'eth1end')
  for (const link of ['eth1', 'eth1end']) hosts.ip(M, 'link', 'set', link, 'up')
  for (const path of files('keepalived.conf')) {
    const tested = hosts.start(M, ['keepalived', '-t', '-i', 'main', '-f', path])
    const said = await tested.done()
    t.equal(tested.child.exitCode, 0, `${path}: ${said}`)
  }
  hosts.ip(M, 'link', 'del', 'eth1')
}

async function changeOver(t: Test, hosts: FloatingHosts): Promise<void> {
  const [m, k] = [hostOf(t, hosts, M, 'MASTER', 101), hostOf(t, hosts, K, 'BACKUP', 100)]
  const old = { m: [m.haproxy(), m.keepalived()], k: [k.haproxy(), k.keepalived()] } as const
  const ours: Program[] = []
  const wire = await tapWire(hosts, { on: C, names: [M, K], port: 5000 })
  const client = hosts.knock(VIP, 5000)
  const moved = async (to: string, what: string, cause: () => unknown) => {
    const since = wall()
    await cause()
    await waitFor(`${what}: ${to} has the address`, 15, () => holder(hosts) === to)
    await sleep(500)
    t.comment(
      `${what}: longest time without an answer ${Math.round(gapAfter(wire.answers, since, wall(), to).longest)} ms`,
    )
  }
  try {
    await waitFor('keepalived has put it on the first host', 15, () => holder(hosts) === M)
    await waitFor('and it answers', 5, () => wire.answers.some(({ host }) => host === M))
    await t.test('the backup is changed over first: the address stays where it is', async t => {
      await endAll([...old.k].reverse())
      ours.push(k.proxy(), k.sidecar())
      await waitFor('it is a backup', 10, () => lastRole(ours[1] as Program) === 'backup')
      await sleep(4500)
      t.equal(holder(hosts), M)
    })
    await t.test('keepalived and mekare rank each other as two keepalived did', async () => {
      await moved(K, 'HAProxy ends beside keepalived', () => old.m[0].end())
      const again = m.haproxy()
      await moved(M, 'HAProxy is back', () => undefined)
      ours.push(again)
    })
    await t.test('the other host follows: the address goes to mekare and comes back to mekare', async () => {
      await moved(K, 'keepalived is stopped', () => old.m[1].end())
      await ours.pop()?.end()
      ours.push(m.proxy())
      await sleep(500)
      ours.push(m.sidecar())
      await moved(M, 'mekare is there on the first host', () => undefined)
    })
    const said = [...old.m, ...old.k].map(one => one.text()).join('\n')
    t.same(
      said.match(/.*(invalid|mismatch|incorrect|bogus|wrong).*/gi) ?? [],
      [],
      'keepalived had nothing to say against it',
    )
  } finally {
    await client.end()
    await wire.end()
    await endAll([...ours.reverse(), ...old.m, ...old.k])
  }
  t.equal(holder(hosts), '', 'nothing is left behind')
}

await onFloatingHosts(t, 'keepalived', { token: TOKEN, names: [M, K, C] }, async (t, hosts) => {
  await t.test('it accepts every transcript', t => keepalivedAccepts(t, hosts))
  await t.test('two hosts are changed over, one at a time', t => changeOver(t, hosts))
})
