// What a sidecar is given that it should not take: bad packets from a real raw socket, an address another host has, a host that is not fit,
// a configuration that cannot work. Hosts are network namespaces; `ip` and the proxy's metrics are the witnesses.

import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { type FloatingHosts, PROGRAM, type Program, waitFor } from '../lab/floating.js'
import { onFloatingHosts } from '../lab/onstand.js'
import { C, endAll, HEAD, holder, K, lastRole, M, VIP } from '../lab/pair.js'
import { findProgram } from '../lab/programs.js'
import { silence, tapWire, wall } from '../lab/wiretap.js'

t.setTimeout(300_000)

const TOKEN = `mki${process.pid}`
/** A standby of the highest priority takes over after three intervals without an advert, and 1/256 of one more (RFC 9568, 6.1). */
const TAKEN_OVER_AFTER = 300
/** Python reads the source: compiling copies no other kind of file. */
const FLOOD = fileURLToPath(new URL('../../../test/lab/flood.py', import.meta.url))

async function packets(t: Test, hosts: FloatingHosts): Promise<void> {
  const shared = 'interface: eth0, track: {proxy: true}'
  const three = `three: {${shared}, routerId: 51, priority: 200, advertInterval: 100ms, addresses: [${VIP}/24]}`
  const two = `two: {${shared}, routerId: 52, version: 2, auth: {type: pass, password: secret12}, addresses: [10.78.0.198/24]}`
  const config = hosts.file('flood.yaml', `${HEAD}admin: {socket: ${hosts.dir}/m.sock}\nvrrp: {${three}, ${two}}\n`)
  const programs = [hosts.mekare(M, 'run', config), hosts.mekare(M, 'vrrp', config)]
  const each = 100
  const random = 100_000
  try {
    await waitFor('it holds both', 15, () => hosts.alone(M, [VIP, '10.78.0.198']))
    await waitFor('and has said so', 5, () => programs[1]?.text().match(/"to":"master"/g)?.length === 2)
    const before = programs[1]?.text().match(/"vrrp_changed"/g)?.length
    const wire = await tapWire(hosts, { on: C, names: [M], port: 5000 })
    const task = JSON.stringify({ source: '10.78.0.3', address: VIP, each, random })
    const since = wall()
    const sent = JSON.parse(await hosts.start(C, [findProgram('python3') ?? '', FLOOD, task]).done())
    const until = wall()
    const all = sent.mistakes + sent.random + sent.giant
    const counted = () => droppedBy(hosts)
    await waitFor('every packet is counted, by both routers', 10, () =>
      ['three', 'two'].every(name => sum(counted().get(name)) === all),
    )
    const [byThree, byTwo] = [counted().get('three'), counted().get('two')]
    t.comment(`${all} packets in ${until - since} ms: ${JSON.stringify(byThree)}`)
    for (const drop of ['hops', 'vrid', 'version', 'type', 'count', 'length', 'checksum', 'interval', 'short'])
      t.ok((byThree?.[drop] ?? 0) >= each, `version 3 counts ${drop}`)
    for (const drop of ['password', 'auth_type', 'interval']) t.equal(byTwo?.[drop], each, `version 2 counts ${drop}`)
    t.equal(byThree?.ip_header, sent.giant, 'what does not fit is counted too')
    t.equal(programs[1]?.text().match(/"vrrp_changed"/g)?.length, before, 'no state changed')
    t.ok(hosts.alone(M, [VIP, '10.78.0.198']))
    const spoken = wire.adverts.filter(({ priority }) => priority === 200)
    const during = spoken.filter(({ at }) => at > since && at < until)
    t.ok(during.length > (until - since) / 150, `it went on speaking: ${during.length} adverts`)
    const longest = silence(spoken, since, until)
    t.ok(longest < TAKEN_OVER_AFTER, `at the longest ${Math.round(longest)} ms apart`)
    t.notMatch(programs[1]?.text(), /secret1/, 'no password is told')
    await wire.end()
  } finally {
    await endAll(programs)
  }
}

const sum = (counts: Record<string, number> = {}) => Object.values(counts).reduce((total, one) => total + one, 0)

/** What each router dropped, by reason, as the proxy's metrics say. */
function droppedBy(hosts: FloatingHosts): Map<string, Record<string, number>> {
  const text = hosts.exec(M, ['curl', '-s', 'http://127.0.0.1:7000/metrics'])
  const found = new Map<string, Record<string, number>>()
  for (const [, name = '', drop = '', count] of text.matchAll(
    /^mekare_vrrp_dropped_total\{name="(\w+)",drop="(\w+)"\} (\d+)$/gm,
  ))
    found.set(name, { ...found.get(name), [drop]: Number(count) })
  return found
}

async function taken(t: Test, hosts: FloatingHosts): Promise<void> {
  hosts.ip(K, 'addr', 'add', `${VIP}/24`, 'dev', 'eth0')
  const keys = `interface: eth0, routerId: 5, advertInterval: 100ms, addresses: [${VIP}/24], track: {proxy: false}`
  const sidecar = hosts.mekare(M, 'vrrp', hosts.file('taken.yaml', `${HEAD}vrrp: {pg: {${keys}}}\n`))
  try {
    await waitFor('it takes it all the same', 5, () => holder(hosts) === `${M},${K}`)
    const told = new RegExp(`${VIP} is claimed by ${hosts.mac(K)} too: another host still has it`)
    await waitFor('and says who has it too', 3, () => told.test(sidecar.text()))
    t.equal(holder(hosts), `${M},${K}`, 'which is no reason to let go')
  } finally {
    t.equal(await sidecar.end(), 0)
    hosts.ip(K, 'addr', 'del', `${VIP}/24`, 'dev', 'eth0')
  }
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
  const modest = ['setpriv', '--bounding-set=-sys_nice', process.execPath, PROGRAM, 'vrrp', '--config']
  const first = hosts.start(M, [...modest, config('interface: eth0, routerId: 5')])
  await waitFor('it runs', 5, () => lastRole(first) !== undefined)
  t.match(first.text(), /the scheduling priority stays as it is \(EACCES\).* start it with nice -n -15/)
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

async function withoutIpv6(t: Test, hosts: FloatingHosts): Promise<void> {
  const ipv6 = (off: 0 | 1) => hosts.exec(K, ['sh', '-c', `echo ${off} > /proc/sys/net/ipv6/conf/eth0/disable_ipv6`])
  const addresses = "['fe80::198/64', 'fd78::198/64']"
  const keys = `interface: eth0, routerId: 5, advertInterval: 100ms, addresses: ${addresses}, track: {proxy: false}`
  ipv6(1)
  const sidecar = hosts.mekare(K, 'vrrp', hosts.file('six.yaml', `${HEAD}vrrp: {pg: {${keys}}}\n`))
  try {
    await waitFor('the reason', 5, () =>
      /eth0 has no usable link-local IPv6 address .*disable_ipv6/.test(sidecar.text()),
    )
    t.equal(lastRole(sidecar), 'fault')
    ipv6(0)
    hosts.ip(K, 'addr', 'add', 'fe80::2/64', 'dev', 'eth0', 'nodad')
    await waitFor('it goes on once there is IPv6', 5, () => hosts.holders('fd78::198').join() === K)
  } finally {
    t.equal(await sidecar.end(), 0)
  }
}

await onFloatingHosts(t, 'what a sidecar should not take', { token: TOKEN, names: [M, K, C] }, async (t, hosts) => {
  await t.test('a hundred thousand bad packets: each is dropped and counted, and nothing else happens', t =>
    packets(t, hosts),
  )
  await t.test('an address another host has is told with its MAC, and taken', t => taken(t, hosts))
  await t.test('a host without IPv6 waits with the reason', t => withoutIpv6(t, hosts))
  await t.test('what cannot work is one line, or a wait with its reason', t => badInput(t, hosts))
})
