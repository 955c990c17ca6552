// The sidecar on one wire with real keepalived, and as a sync group. Hosts are network namespaces; who holds
// an address is what `ip` says, keepalived's log and tcpdump judge our packets.

import { execFileSync } from 'node:child_process'
import t, { type Test } from 'tap'
import { type FloatingHosts, waitFor } from '../lab/floating.js'
import { onFloatingHosts } from '../lab/onstand.js'
import { C, endAll, HEAD, K, M, VIP } from '../lab/pair.js'

t.setTimeout(300_000)

const TOKEN = `mkv${process.pid}`

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
  {
    name: 'mac',
    id: 65,
    ours: 'advertInterval: 400ms, virtualMac: true',
    theirs: 'version 3\n advert_int 0.4\n use_vmac',
    addresses: v4,
  },
  {
    name: 'mac6',
    id: 66,
    ours: 'advertInterval: 400ms, virtualMac: true',
    theirs: 'version 3\n advert_int 0.4\n use_vmac',
    addresses: last => [`fe80::${last}/64`, `fd78::${last}/64`],
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

async function groups(t: Test, hosts: FloatingHosts): Promise<void> {
  const flag = `${hosts.dir}/flag`
  const script = `{bad: {command: [/usr/bin/test, '!', -e, ${flag}], interval: 100ms}}`
  const config = (host: string, priority: number, scripts: string) => {
    const shared = `interface: eth0, priority: ${priority}, advertInterval: 100ms, syncGroup: both`
    const four = `a: {${shared}, routerId: 51, addresses: [${VIP}/24], label: 'eth0:vip', track: {proxy: false, scripts: ${scripts}}}`
    const six = `b: {${shared}, routerId: 52, addresses: ['fe80::199/64', 'fd78::199/64'], track: {proxy: false}}`
    return hosts.file(`${host}-group.yaml`, `${HEAD}vrrp: {${four}, ${six}}\n`)
  }
  const all = [VIP, 'fe80::199', 'fd78::199']
  const sidecars = [hosts.mekare(M, 'vrrp', config(M, 250, script)), hosts.mekare(K, 'vrrp', config(K, 240, '{}'))]
  try {
    await waitFor('the better host has the group', 10, heldBy(hosts, M, all))
    t.match(hosts.ip(M, 'addr', 'show', 'dev', 'eth0'), new RegExp(`${VIP}/24 .* eth0:vip`), 'with its label')
    t.equal(hosts.ip(M, '-6', 'addr', 'show', 'tentative'), '', 'no address of IPv6 waits for duplicate detection')
    hosts.file('flag', '')
    t.comment(`a script failed: the whole group moved in ${await waitFor('moved', 5, heldBy(hosts, K, all))} ms`)
    execFileSync('rm', [flag])
    t.comment(`the script is good again: back in ${await waitFor('back', 5, heldBy(hosts, M, all))} ms`)
  } finally {
    await endAll(sidecars)
  }
  t.ok(all.every(address => hosts.holders(address).length === 0))
}

await onFloatingHosts(t, 'floating addresses', { token: TOKEN, names: [M, K, C] }, async (t, hosts) => {
  await t.test('with keepalived on the wire there is one master, and each takes over from the other', t =>
    withKeepalived(t, hosts),
  )
  await t.test('a sync group moves as one, also for a script of one member', t => groups(t, hosts))
  for (const host of [M, K]) t.notMatch(hosts.ip(host, 'addr', 'show'), / (10\.78\.0|fd78::|fe80::)[:.]?1[0-9a-f]{2}\//)
})
