// The sidecar on one wire with real keepalived, and beside its own proxy as a client sees it. Hosts are network namespaces;
// who holds an address is what `ip` says, keepalived's log and tcpdump judge our packets.

import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { clock, createFloatingHosts, type FloatingHosts, PROGRAM, type Program, waitFor } from '../lab/floating.js'
import { canMakeNamespaces } from '../lab/network.js'

t.setTimeout(120_000)

const TOKEN = `mkv${process.pid}`
/** Ours, keepalived or a second of ours, and a client. */
const [M, K, C] = ['m', 'k', 'c'] as const

interface Kind {
  readonly name: string
  readonly id: number
  readonly ours: string
  readonly theirs: string
  /** Given the last part of an address, of both orders. */
  readonly addresses: (last: string) => readonly string[]
}

const v4 = (last: string) => [`10.78.0.${last}/24`]
const KINDS: readonly Kind[] = [
  {
    name: 'v2',
    id: 61,
    ours: 'version: 2, auth: {type: pass, password: secret12}',
    theirs: 'version 2\n advert_int 1\n authentication {\n auth_type PASS\n auth_pass secret12\n }',
    addresses: v4,
  },
  { name: 'v3', id: 62, ours: 'advertInterval: 400ms', theirs: 'version 3\n advert_int 0.4', addresses: v4 },
  {
    name: 'v6',
    id: 63,
    ours: 'advertInterval: 400ms',
    theirs: 'version 3\n advert_int 0.4',
    addresses: last => [`fe80::${last}/64`, `fd78::${last}/64`],
  },
  {
    name: 'uni',
    id: 64,
    ours: 'advertInterval: 400ms, peers: [10.78.0.2]',
    theirs: 'version 3\n advert_int 0.4\n unicast_src_ip 10.78.0.2\n unicast_peer {\n 10.78.0.1\n }',
    addresses: v4,
  },
]

/** In the order `high` our priority is the higher one, in `low` keepalived's. */
const ORDERS = [
  { order: 'high', ours: 200, theirs: 100, shift: 0 },
  { order: 'low', ours: 100, theirs: 200, shift: 10 },
] as const

const routers = KINDS.flatMap(kind =>
  ORDERS.map(({ order, ours, theirs, shift }) => {
    const id = kind.id + shift
    return { ...kind, order, id, priorities: { ours, theirs }, floating: kind.addresses(String(100 + id)) }
  }),
)
const floatingOf = (order: 'high' | 'low') =>
  routers.filter(one => one.order === order).flatMap(one => one.floating.map(address => address.replace(/\/.*/, '')))
const ALL = [...floatingOf('high'), ...floatingOf('low')]

const HEAD = 'clusters: {x: {etcd: {hosts: [127.0.0.1:1]}}}\nlog: {format: json, level: debug}\n'

const ourConfig = () =>
  `${HEAD}vrrp:\n${routers
    .map(
      ({ name, order, id, priorities, ours, floating }) =>
        `  ${name}-${order}: {interface: eth0, routerId: ${id}, priority: ${priorities.ours}, ${ours}, addresses: [${floating}], track: {proxy: false}}`,
    )
    .join('\n')}\n`

const keepalivedConfig = () =>
  `global_defs {\n router_id k\n}\n${routers
    .map(
      ({ name, order, id, priorities, theirs, floating }) =>
        `vrrp_instance ${name}_${order} {\n state BACKUP\n interface eth0\n virtual_router_id ${id}\n priority ${priorities.theirs}\n ${theirs}\n virtual_ipaddress {\n ${floating.join('\n ')}\n }\n}`,
    )
    .join('\n')}\n`

const heldBy = (hosts: FloatingHosts, host: string, addresses: readonly string[]) => () => hosts.alone(host, addresses)

async function withKeepalived(t: Test, hosts: FloatingHosts): Promise<void> {
  const ours = hosts.file('ours.yaml', ourConfig())
  const theirs = hosts.file('keepalived.conf', keepalivedConfig())
  const keepalived = () =>
    hosts.start(K, [
      'keepalived',
      '-n',
      '-l',
      '-D',
      '-P',
      '-f',
      theirs,
      '-p',
      `${hosts.dir}/k.pid`,
      '-r',
      `${hosts.dir}/v.pid`,
    ])
  const dump = hosts.start(K, ['tcpdump', '-l', '-n', '-vv', '-i', 'eth0', 'ip proto 112 or ip6 proto 112'])
  let [mekare, other] = [hosts.mekare(M, 'vrrp', ours), keepalived()]
  const logs = [other]
  const [high, low] = [floatingOf('high'), floatingOf('low')]
  const settled = () => heldBy(hosts, M, high)() && heldBy(hosts, K, low)()
  try {
    t.comment(`elected in ${await waitFor('each has its own', 10, settled)} ms`)
    t.equal(await mekare.end(), 0, 'ended in order')
    t.comment(`keepalived took over in ${await waitFor('keepalived has all', 5, heldBy(hosts, K, ALL))} ms`)
    mekare = hosts.mekare(M, 'vrrp', ours)
    t.comment(`ours back after ${await waitFor('each has its own again', 10, settled)} ms`)
    await other.end()
    t.comment(`we took over in ${await waitFor('we have all', 5, heldBy(hosts, M, ALL))} ms`)
    other = keepalived()
    logs.push(other)
    t.comment(`keepalived back after ${await waitFor('each has its own at last', 10, settled)} ms`)
  } finally {
    await mekare.end()
    await other.end()
    await dump.end('SIGINT')
    t.comment(
      logs
        .map(one => one.text())
        .join('\n')
        .split('\n')
        .slice(-3)
        .join(' | '),
    )
  }
  const said = logs.map(one => one.text()).join('\n')
  const complaint = /.*(invalid|mismatch|checksum|bogus|incorrect|wrong|bad |malformed|error|unexpected|ignor).*/gi
  t.same(said.match(complaint) ?? [], [], 'keepalived has nothing to say against our packets')
  const mine = dump
    .text()
    .split(/\n(?=\d\d:)/)
    .filter(packet => /(10\.78\.0\.1|fe80::1) > /.test(packet))
  t.ok(mine.length > 20, `tcpdump decoded ${mine.length} of our adverts`)
  t.same(
    mine.filter(packet => /bad|invalid|malformed|truncated|\[\|/i.test(packet)),
    [],
    'without a complaint',
  )
  t.notMatch(mekare.text(), /vrrp_dropped|vrrp_failed/, 'and we dropped nothing of theirs')
}

/** Two of ours, each beside its proxy, on M and K; without preemption the address stays where it went. */
function pair(hosts: FloatingHosts, interval: string, more = 'preempt: false') {
  const config = (host: string, priority: number) =>
    hosts.file(
      `${host}-${interval}.yaml`,
      `${HEAD}admin: {socket: ${hosts.dir}/${host}.sock}\nvrrp: {pg: {interface: eth0, routerId: 51, priority: ${priority}, advertInterval: ${interval}, addresses: [${VIP}/24], ${more}}}\n`,
    )
  const configs = { [M]: config(M, 250), [K]: config(K, 240) }
  const start = (host: string, verb: string) => hosts.mekare(host, verb, configs[host as 'm'] ?? '')
  return { configs, start }
}

const VIP = '10.78.0.199'
const holder = (hosts: FloatingHosts) => hosts.holders(VIP).join()
const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
const reports = (program: Program, role: string) => program.text().includes(`"to":"${role}"`)

/**
 * What the client saw around a kill: its longest time without a connection taken, and when that ended, counted from the kill. (Right
 * after the signal the dying process still takes some: the first one taken says nothing.)
 */
function gapAfter(client: Program, killedAt: number): { answered: number; longest: number } {
  const lines = client.text().trim().split('\n')
  const taken = lines.map(line => Number(line.split(' ')[1])).filter(at => at > killedAt - 200)
  const gaps = taken
    .sort((a, b) => a - b)
    .flatMap((at, index, all) =>
      index === 0 ? [] : [{ answered: at - killedAt, longest: at - (all[index - 1] ?? at) }],
    )
  return gaps.reduce((worst, gap) => (gap.longest > worst.longest ? gap : worst), { answered: Number.NaN, longest: 0 })
}

/** A killed process takes some 10 ms to die, during which its kernel still takes connections for it; more on a busy machine. */
const DYING = 30

const GOALS = [
  { interval: '1s', goal: 100, kills: 3 },
  { interval: '100ms', goal: 30, kills: 5 },
] as const

async function proxyKilled(t: Test, hosts: FloatingHosts): Promise<void> {
  for (const { interval, goal, kills } of GOALS) {
    const { start } = pair(hosts, interval)
    const proxies = new Map([M, K].map(host => [host as string, start(host, 'run')]))
    const sidecars = [start(M, 'vrrp')]
    await waitFor('the first holds it', 10, () => holder(hosts) === M)
    sidecars.push(start(K, 'vrrp'))
    await waitFor('the second listens', 10, () => reports(sidecars[1] as Program, 'backup'))
    const client = hosts.knock(VIP, 5000)
    const gaps: { answered: number; longest: number }[] = []
    for (let kill = 0; kill < kills; kill++) {
      const [from, to] = kill % 2 === 0 ? [M, K] : [K, M]
      await sleep(400)
      const killedAt = clock()
      proxies.get(from)?.child.kill('SIGKILL')
      // Nothing is asked meanwhile: it would take the machine from those who are measured.
      await sleep(600)
      t.equal(holder(hosts), to, `${to} holds it`)
      gaps.push(gapAfter(client, killedAt))
      if (kill === kills - 1) break
      proxies.set(from, start(from, 'run'))
      await waitFor(`${from} is a backup`, 10, () => lastRole(sidecars[from === M ? 0 : 1] as Program) === 'backup')
    }
    const answered = gaps.map(gap => Math.round(gap.answered))
    const longest = gaps.map(gap => Math.round(gap.longest))
    t.comment(
      `adverts ${interval}: killed → answered by the other host ${answered} ms; longest without an answer ${longest} ms`,
    )
    t.ok(median(longest) <= goal, `as the client saw it: median ${median(longest)} ms, goal ${goal} ms`)
    t.ok(median(answered) <= goal + DYING, `from the signal: median ${median(answered)} ms`)
    await client.end()
    await endAll([...sidecars, ...proxies.values()])
  }
}

const lastRole = (program: Program) => [...program.text().matchAll(/"to":"(\w+)"/g)].at(-1)?.[1]
const endAll = async (programs: readonly Program[]) => {
  await Promise.all(programs.map(program => program.end()))
}

async function proxyStates(t: Test, hosts: FloatingHosts): Promise<void> {
  const { start, configs } = pair(hosts, '100ms', 'preempt: true')
  const proxies = [start(M, 'run'), start(K, 'run')] as const
  const sidecars = [start(M, 'vrrp'), start(K, 'vrrp')] as const
  try {
    await waitFor('the better one holds it', 10, () => holder(hosts) === M)
    proxies[0].child.kill('SIGSTOP')
    const hung = await waitFor('the other holds it', 5, () => holder(hosts) === K)
    t.ok(hung > 900 && hung < 1700, `a frozen proxy counts as hung after a second: ${hung} ms`)
    proxies[0].child.kill('SIGCONT')
    await waitFor('back again', 5, () => holder(hosts) === M)
    const socket = `${hosts.dir}/${M}.sock`
    await hosts.start(M, ['curl', '-s', '--unix-socket', socket, '-X', 'POST', 'http://x/drain?member=self']).done()
    t.comment(`drained: ${await waitFor('a drained router gives it up', 5, () => holder(hosts) === K)} ms`)
    const status = await hosts.mekare(M, 'status', configs[M]).done()
    t.match(status, /10\.78\.0\.199\/24 +pg +eth0 +backup for \S+, priority 1 \(250 lowered by tracks\)/)
    const metrics = await hosts.start(K, ['curl', '-s', 'http://127.0.0.1:7000/metrics']).done()
    t.match(metrics, /mekare_vrrp_state\{name="pg"\} 2/)
    t.match(metrics, /mekare_vrrp_transitions_total\{name="pg",to="master"\} [23]$/m)
    await hosts.start(M, ['curl', '-s', '--unix-socket', socket, '-X', 'POST', 'http://x/undrain?member=self']).done()
    await waitFor('and takes it again', 5, () => holder(hosts) === M)
    await hosts.start(M, ['curl', '-s', '--unix-socket', socket, '-X', 'POST', 'http://x/successor']).done()
    await proxies[0].end('SIGKILL')
    const successor = start(M, 'run')
    await sleep(1500)
    t.equal(holder(hosts), M, 'with an announced successor the address stays')
    t.notMatch(sidecars[0].text().split('successor')[1] ?? '', /the proxy has ended/)
    const ending = successor.end('SIGTERM')
    t.comment(`ended in order: ${await waitFor('it leaves before the drain ends', 2, () => holder(hosts) === K)} ms`)
    await ending
  } finally {
    await endAll([...sidecars, ...proxies])
  }
  t.equal(holder(hosts), '', 'a clean end leaves nothing')
}

async function sidecarKilled(t: Test, hosts: FloatingHosts): Promise<void> {
  const { start, configs } = pair(hosts, '100ms', 'track: {proxy: false}')
  const sidecars = [start(M, 'vrrp'), start(K, 'vrrp')] as const
  await waitFor('the better one holds it', 10, () => holder(hosts) === M)
  await sidecars[0].end('SIGKILL')
  const both = await waitFor('only the other holds it', 6, () => holder(hosts) === K)
  t.ok(both < 4200, `the kernel took it away after ${both} ms`)
  const again = start(M, 'vrrp')
  await waitFor('back', 10, () => holder(hosts) === M)
  await again.end('SIGKILL')
  const release = hosts.mekare(M, 'vrrp', configs[M], '--release')
  const released = await waitFor(
    'released',
    3,
    () => hosts.holders(VIP).join() !== `${M},${K}` && !hosts.holders(VIP).includes(M),
  )
  t.comment(`--release took it away after ${released} ms`)
  await waitFor('told', 3, () => release.child.exitCode === 0)
  hosts.ip(K, 'addr', 'del', `${VIP}/24`, 'dev', 'eth0')
  t.ok((await waitFor('put back', 2, () => holder(hosts) === K)) < 500, 'taken away by someone else: put back')
  hosts.ip('net', 'link', 'set', 'dev', `to-${K}`, 'down')
  t.comment(`link down: released after ${await waitFor('released', 2, () => holder(hosts) === '')} ms`)
  hosts.ip('net', 'link', 'set', 'dev', `to-${K}`, 'up')
  await waitFor('link up: taken again', 5, () => holder(hosts) === K)
  t.equal(await sidecars[1].end(), 0)
  t.equal(holder(hosts), '')
}

async function reloads(t: Test, hosts: FloatingHosts): Promise<void> {
  const { start, configs } = pair(hosts, '100ms', 'track: {proxy: false}')
  const sidecar = start(M, 'vrrp')
  try {
    await waitFor('it holds it', 5, () => holder(hosts) === M)
    const news = hosts.start(M, ['ip', 'monitor', 'address'])
    await sleep(100)
    const text = execFileSync('cat', [configs[M]], { encoding: 'utf8' })
    hosts.file('m-100ms.yaml', text.replace('priority: 250', 'priority: 300'))
    sidecar.child.kill('SIGHUP')
    await waitFor('the bad one is told', 5, () => /priority: \\"300\\" .*nothing is changed/.test(sidecar.text()))
    hosts.file(
      'm-100ms.yaml',
      text.replace('priority: 250', 'priority: 200').replace(`[${VIP}/24]`, `[${VIP}/24, 10.78.0.198/24]`),
    )
    sidecar.child.kill('SIGHUP')
    await waitFor('the good one holds', 5, () => hosts.holders('10.78.0.198').join() === M)
    await news.end()
    t.notMatch(news.text(), new RegExp(`Deleted.*${VIP}`), 'the address never went')
  } finally {
    t.equal(await sidecar.end(), 0)
  }
  t.same(hosts.holders('10.78.0.198'), [])
}

async function groups(t: Test, hosts: FloatingHosts): Promise<void> {
  const flag = `${hosts.dir}/flag`
  const script = `{bad: {command: [/usr/bin/test, '!', -e, ${flag}], interval: 100ms}}`
  const config = (host: string, priority: number, scripts: string) => {
    const shared = `interface: eth0, priority: ${priority}, advertInterval: 100ms, syncGroup: both`
    const four = `a: {${shared}, routerId: 51, addresses: [${VIP}/24], track: {proxy: false, scripts: ${scripts}}}`
    const six = `b: {${shared}, routerId: 52, addresses: ['fe80::199/64', 'fd78::199/64'], track: {proxy: false}}`
    return hosts.file(`${host}-group.yaml`, `${HEAD}vrrp: {${four}, ${six}}\n`)
  }
  const all = [VIP, 'fe80::199', 'fd78::199']
  const sidecars = [hosts.mekare(M, 'vrrp', config(M, 250, script)), hosts.mekare(K, 'vrrp', config(K, 240, '{}'))]
  try {
    await waitFor('the better host has the group', 10, heldBy(hosts, M, all))
    hosts.file('flag', '')
    t.comment(`a script failed: the whole group moved in ${await waitFor('moved', 5, heldBy(hosts, K, all))} ms`)
    execFileSync('rm', [flag])
    t.comment(`the script is good again: back in ${await waitFor('back', 5, heldBy(hosts, M, all))} ms`)
  } finally {
    await endAll(sidecars)
  }
  t.ok(all.every(address => hosts.holders(address).length === 0))
}

async function badInput(t: Test, hosts: FloatingHosts): Promise<void> {
  const config = (keys: string) =>
    hosts.file(
      'bad.yaml',
      `${HEAD}vrrp: {pg: {${keys}, advertInterval: 100ms, addresses: [${VIP}/24], track: {proxy: false}}}\n`,
    )
  const ends = async (program: Program, code: number, line: RegExp) => {
    await waitFor('it ends', 5, () => program.child.exitCode !== null)
    t.equal(program.child.exitCode, code)
    t.match(program.text(), line)
  }
  await ends(hosts.mekare(M, 'vrrp', config('interface: eth0, routerId: 256')), 78, /routerId: "256"/)
  await ends(
    hosts.mekare(M, 'vrrp', config('interface: eth0, routerId: 5, priority: 255')),
    78,
    /255 is for the host that has/,
  )
  const first = hosts.mekare(M, 'vrrp', config('interface: eth0, routerId: 5'))
  await waitFor('it runs', 5, () => lastRole(first) !== undefined)
  await ends(hosts.mekare(M, 'vrrp', config('interface: eth0, routerId: 5')), 78, /another mekare vrrp of this host/)
  t.equal(await first.end(), 0)
  const bare = ['setpriv', '--bounding-set=-net_admin,-net_raw', process.execPath, PROGRAM, 'vrrp', '--config']
  const path = config('interface: eth0, routerId: 5')
  await ends(hosts.start(M, [...bare, path]), 78, /CAP_NET_ADMIN and CAP_NET_RAW missing: run as root/)
  const waits = hosts.mekare(M, 'vrrp', config('interface: eth9, routerId: 5'))
  await waitFor('the reason', 5, () => /there is no interface eth9; create it or correct the name/.test(waits.text()))
  hosts.ip(M, 'link', 'add', 'eth9', 'type', 'veth', 'peer', 'name', 'eth9end')
  hosts.ip(M, 'link', 'set', 'eth9end', 'up')
  hosts.ip(M, 'addr', 'add', '10.78.9.1/24', 'dev', 'eth9')
  hosts.ip(M, 'link', 'set', 'eth9', 'up')
  await waitFor('it goes on once it is there', 8, () => hosts.ip(M, 'addr', 'show', 'dev', 'eth9').includes(VIP))
  hosts.ip(M, 'link', 'del', 'eth9')
  await waitFor('and waits again', 5, () => lastRole(waits) === 'fault')
  t.equal(await waits.end(), 0)
}

const privileged = await canMakeNamespaces()

if (!privileged) {
  t.test('LEFT OUT: floating addresses need root and network namespaces', async t => {
    t.notOk(process.env.CI, 'in CI it runs as root')
  })
} else {
  t.test('floating addresses', async t => {
    const hosts = createFloatingHosts(TOKEN, [M, K, C])
    try {
      hosts.raise()
      await t.test('with keepalived on the wire there is one master, and each takes over from the other', t =>
        withKeepalived(t, hosts),
      )
      await t.test('the proxy is killed: the address answers from the other host', t => proxyKilled(t, hosts))
      await t.test('the proxy hangs, drains and ends in order', t => proxyStates(t, hosts))
      await t.test('a killed sidecar leaves no address behind', t => sidecarKilled(t, hosts))
      await t.test('a reload keeps the address, a bad one changes nothing', t => reloads(t, hosts))
      await t.test('a sync group moves as one, also for a script of one member', t => groups(t, hosts))
      await t.test('what cannot work is one line, or a wait with its reason', t => badInput(t, hosts))
      for (const host of [M, K])
        t.notMatch(hosts.ip(host, 'addr', 'show'), / (10\.78\.0|fd78::|fe80::)[:.]?1[0-9a-f]{2}\//)
    } finally {
      await hosts.clear()
    }
  })
  t.test('nothing is left', async t => {
    t.notMatch(execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }), new RegExp(TOKEN))
  })
}
