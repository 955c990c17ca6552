// The virtual MAC address on real links: one address answers ARP once, whoever holds it; what is made for it goes again. Hosts are network
// namespaces; tcpdump and the client's neighbour table are the judges.

import { execFileSync } from 'node:child_process'
import t, { type Test } from 'tap'
import { type FloatingHosts, type Program, waitFor } from '../lab/floating.js'
import { onFloatingHosts } from '../lab/onstand.js'
import { C, createPair, HEAD, holder, K, M, VIP } from '../lab/pair.js'

t.setTimeout(120_000)

const TOKEN = `mka${process.pid}`
const MAC = '00:00:5e:00:01:33'
const SIX = 'fd78::199'
const MAC_SIX = '00:00:5e:00:02:34'

const inside = (host: string, ...argv: string[]) =>
  execFileSync('ip', ['netns', 'exec', `${TOKEN}${host}`, ...argv], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
const setting = (host: string, link: string, name: string) =>
  inside(host, 'cat', `/proc/sys/net/ipv4/conf/${link}/${name}`).trim()
const virtual = (hosts: FloatingHosts, host: string) =>
  /\d+: (mk4-51-\d+)@/.exec(hosts.ip(host, 'link', 'show', 'type', 'macvlan'))?.[1]

/** A host that answers refuses: nothing listens there. One that does not answer lets the time run out. */
function refuses(address: string): boolean {
  try {
    inside(
      C,
      'curl',
      '-s',
      '-o',
      '/dev/null',
      '--max-time',
      '1',
      `http://${address.includes(':') ? `[${address}]` : address}:9/`,
    )
    return false
  } catch (error) {
    return (error as { status?: number }).status === 7
  }
}

const known = (hosts: FloatingHosts, address: string) => /lladdr (\S+)/.exec(hosts.ip(C, 'neigh', 'show', address))?.[1]

function moreOf(hosts: FloatingHosts, host: string, priority: number): string {
  const six = `b: {interface: eth0, routerId: 52, priority: ${priority}, advertInterval: 100ms, addresses: ['fe80::199/64', '${SIX}/64'], virtualMac: true, track: {proxy: false}}`
  const four = `a: {interface: eth0, routerId: 51, priority: ${priority}, advertInterval: 100ms, addresses: [${VIP}/24], virtualMac: true, track: {proxy: false}}`
  return hosts.file(`${host}-both.yaml`, `${HEAD}vrrp: {${four}, ${six}}\n`)
}

/** Both families, over a way back that strict source checks would refuse. */
async function answers(t: Test, hosts: FloatingHosts): Promise<void> {
  inside(M, 'sysctl', '-qw', 'net.ipv4.conf.all.rp_filter=1')
  const wire = hosts.watch(C, [
    'tcpdump',
    '-l',
    '-n',
    '-e',
    '-i',
    'eth0',
    'arp or ip proto 112 or icmp6 or ip6 proto 112',
  ])
  const first = hosts.mekare(M, 'vrrp', moreOf(hosts, M, 250))
  await waitFor('the first holds both', 10, () => hosts.alone(M, [VIP, SIX]))
  const second = hosts.mekare(K, 'vrrp', moreOf(hosts, K, 240))
  await waitFor('the second is a backup of both', 10, () => second.text().split('"to":"backup"').length === 3)
  const name = virtual(hosts, M) ?? ''
  t.match(hosts.ip(M, '-d', 'link', 'show', name), new RegExp(`UP.*link/ether ${MAC} .*macvlan mode bridge`, 's'))
  t.match(hosts.ip(K, 'link', 'show', virtual(hosts, K) ?? ''), /state DOWN/, 'off on the backup')
  t.match(hosts.ip(M, 'addr', 'show', name), new RegExp(` ${VIP}/24`))
  t.notMatch(hosts.ip(M, 'route', 'show'), new RegExp(name), 'no second route to the same network')
  t.notMatch(hosts.ip(M, '-6', 'addr', 'show', 'dev', name), /inet6/, 'nothing of IPv6 on that of IPv4')
  for (const host of [M, C]) hosts.ip(host, 'neigh', 'flush', 'dev', 'eth0')
  t.ok(refuses(VIP) && refuses(SIX), 'both answer')
  t.ok(refuses('10.78.0.1'), 'and so does the host itself')
  t.equal(known(hosts, VIP), MAC)
  t.equal(known(hosts, SIX), MAC_SIX)
  t.equal(known(hosts, '10.78.0.1'), hosts.mac(M))
  const ended = first.end()
  const moved = await waitFor('the second holds both', 3, () => hosts.alone(K, [VIP, SIX]))
  t.ok(refuses(VIP) && refuses(SIX), `the other answers, ${moved} ms later`)
  t.same([known(hosts, VIP), known(hosts, SIX)], [MAC, MAC_SIX], 'with the same MAC addresses')
  t.equal(await ended, 0)
  t.equal(virtual(hosts, M), undefined, 'a clean end removes it')
  t.same(
    ['arp_ignore', 'arp_announce'].map(one => setting(M, 'eth0', one)),
    ['0', '0'],
    'and puts back what it changed',
  )
  t.equal(await second.end(), 0)
  await wire.end('SIGINT')
  judge(t, hosts, wire.text().split('\n'))
}

/** What went over the wire: adverts with the virtual address as their sender's, one answer to ARP, nobody taught a wrong one. */
function judge(t: Test, hosts: FloatingHosts, lines: readonly string[]): void {
  const adverts = lines.filter(line => /VRRPv3, Advertisement/.test(line))
  const senders = new Set(adverts.map(line => /^\S+ (\S+) >/.exec(line)?.[1]))
  t.same([...senders].sort(), [MAC, MAC_SIX])
  t.ok(adverts.length > 20, `${adverts.length} adverts`)
  const replies = lines.filter(line => line.includes(`Reply ${VIP} is-at`))
  t.ok(replies.length > 0 && replies.every(line => line.includes(`is-at ${MAC}`)), `${replies.length} replies`)
  const own = lines.filter(line => line.includes('Reply 10.78.0.1 is-at'))
  t.ok(own.every(line => line.includes(`is-at ${hosts.mac(M)}`)))
  t.same(
    lines.filter(line => line.includes(`tell ${VIP}`) && !line.includes(`${MAC} >`)),
    [],
    'no question names a floating address beside the MAC address of the interface',
  )
}

async function reclaims(t: Test, hosts: FloatingHosts): Promise<void> {
  const { start, configs } = createPair(hosts, '100ms', 'virtualMac: true, track: {proxy: false}')
  let sidecar = start(M, 'vrrp')
  await waitFor('it holds it', 5, () => holder(hosts) === M)
  const name = virtual(hosts, M) ?? ''
  hosts.ip(M, 'link', 'del', name)
  t.comment(`removed by someone else: back in ${await waitFor('back', 3, () => holder(hosts) === M)} ms`)
  await waitFor('it is refused again', 3, () => refuses(VIP))
  hosts.cable(M, 'down')
  await waitFor('given up without a carrier', 3, () => holder(hosts) === '')
  hosts.cable(M, 'up')
  await waitFor('taken again', 5, () => holder(hosts) === M)
  await sidecar.end('SIGKILL')
  const gone = await waitFor('the kernel takes the address away', 6, () => holder(hosts) === '')
  t.ok(gone < 4500, `killed: the address went after ${gone} ms`)
  t.equal(virtual(hosts, M), name, 'the interface is left behind')
  sidecar = start(M, 'vrrp')
  await waitFor('the next one holds it', 5, () => holder(hosts) === M)
  t.match(sidecar.text(), /mk4-51-\d+ was found left behind/)
  await sidecar.end('SIGKILL')
  const released = await hosts.mekare(M, 'vrrp', configs[M], '--release').done()
  t.match(released, /removed mk4-51-\d+ over eth0/)
  t.equal(holder(hosts), '')
  t.equal(virtual(hosts, M), undefined)
  t.equal(setting(M, 'eth0', 'arp_ignore'), '0', 'as it was before')
}

async function refused(t: Test, hosts: FloatingHosts): Promise<void> {
  hosts.ip(K, 'link', 'add', 'br9', 'type', 'bridge')
  hosts.ip(K, 'link', 'add', 'eth9', 'type', 'veth', 'peer', 'name', 'eth9end')
  for (const link of ['br9', 'eth9', 'eth9end']) hosts.ip(K, 'link', 'set', link, 'up')
  hosts.ip(K, 'link', 'set', 'eth9', 'master', 'br9')
  hosts.ip(K, 'addr', 'add', '10.78.9.1/24', 'dev', 'eth9')
  const text = `${HEAD}vrrp: {pg: {interface: eth9, routerId: 5, addresses: [${VIP}/24], virtualMac: true, track: {proxy: false}}}\n`
  const sidecar: Program = hosts.mekare(K, 'vrrp', hosts.file('bad.yaml', text))
  await waitFor('the reason', 5, () => /"to":"fault"/.test(sidecar.text()))
  t.match(
    sidecar.text(),
    /make macvlan mk4-5-\d+ \(00:00:5e:00:01:05\) over eth9: .*EBUSY.*name that bridge, bond or team instead/,
  )
  t.equal(await sidecar.end(), 0)
  for (const link of ['eth9', 'br9']) hosts.ip(K, 'link', 'del', link)
}

await onFloatingHosts(t, 'a virtual MAC address', { token: TOKEN, names: [M, K, C] }, async (t, hosts) => {
  await t.test('answers once, from whoever holds the address', t => answers(t, hosts))
  await t.test('comes back, and leaves nothing behind', t => reclaims(t, hosts))
  await t.test('that cannot be had is one line', t => refused(t, hosts))
})
