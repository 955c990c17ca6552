// Two hosts, each with a proxy and a sidecar: how the address follows the proxy, and what is left when a sidecar ends. Hosts are network
// namespaces; who holds the address is what `ip` says, who answers is seen on the wire by the client.

import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { loadConfig } from '../../src/config/load.js'
import type { VrrpConfig } from '../../src/config/shape.js'
import { ipBytes } from '../../src/linux/ip-address.js'
import { dialectOf } from '../../src/sidecar/dialect.js'
import { writeAdvert } from '../../src/vrrp/packet.js'
import { type FloatingHosts, type Program, waitFor } from '../lab/floating.js'
import { startInside } from '../lab/insider.js'
import { onFloatingHosts } from '../lab/onstand.js'
import { C, createPair, endAll, holder, K, lastRole, M, VIP } from '../lab/pair.js'
import { type Gap, gapAfter, tapWire, wall } from '../lab/wiretap.js'

t.setTimeout(300_000)

const TOKEN = `mks${process.pid}`

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
const reports = (program: Program, role: string) => program.text().includes(`"to":"${role}"`)

/**
 * The drills hold these goals on a calm machine. Here three times as long is guarded: still well below what a takeover takes that
 * waits for the master to be declared down (3.2 s, and 0.3 s at 100 ms).
 */
const BUSY = 3
/** The longest silence near the kill is also that of the client and the other host, which on a busy machine stall for so long. */
const STALLED = 100

const GOALS = [
  { interval: '1s', goal: 100, kills: 3 },
  { interval: '100ms', goal: 30, kills: 5 },
] as const

async function proxyKilled(t: Test, hosts: FloatingHosts): Promise<void> {
  for (const { interval, goal, kills } of GOALS) {
    const { start } = createPair(hosts, interval)
    const proxies = new Map([M, K].map(host => [host as string, start(host, 'run')]))
    const sidecars = [start(M, 'vrrp')]
    await waitFor('the first holds it', 20, () => holder(hosts) === M)
    sidecars.push(start(K, 'vrrp'))
    await waitFor('the second listens', 10, () => reports(sidecars[1] as Program, 'backup'))
    const wire = await tapWire(hosts, { on: C, names: [M, K], port: 5000 })
    const client = hosts.knock(VIP, 5000)
    const gaps: Gap[] = []
    for (let kill = 0; kill < kills; kill++) {
      const [from, to] = kill % 2 === 0 ? [M, K] : [K, M]
      await sleep(400)
      const killedAt = wall()
      proxies.get(from)?.child.kill('SIGKILL')
      // Nothing is asked meanwhile: it would take the machine from those who are measured.
      await sleep(600)
      await waitFor(`${to} holds it`, 5, () => holder(hosts) === to)
      gaps.push(gapAfter(wire.answers, killedAt, wall(), to))
      if (kill === kills - 1) break
      proxies.set(from, start(from, 'run'))
      await waitFor(`${from} is a backup`, 10, () => lastRole(sidecars[from === M ? 0 : 1] as Program) === 'backup')
    }
    const answered = gaps.map(gap => Math.round(gap.answered ?? Number.NaN))
    const longest = gaps.map(gap => Math.round(gap.longest))
    t.comment(
      `adverts ${interval}: killed → answered by the other host ${answered} ms; longest without an answer ${longest} ms`,
    )
    t.ok(
      median(answered) <= BUSY * goal,
      `from the signal, as the client saw it: median ${median(answered)} ms, goal ${goal} ms`,
    )
    t.ok(median(longest) <= BUSY * goal + STALLED, `longest without an answer: median ${median(longest)} ms`)
    await client.end()
    await wire.end()
    await endAll([...sidecars, ...proxies.values()])
  }
}

async function proxyStates(t: Test, hosts: FloatingHosts): Promise<void> {
  const { start, configs } = createPair(hosts, '100ms', 'preempt: true')
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
    const drained = await hosts
      .start(M, ['curl', '-s', '--unix-socket', socket, '-X', 'POST', 'http://x/drain?member=self'])
      .done()
    t.match(drained, /^out of service: \/readyz says no; the floating addresses are elsewhere; 0 sessions are left/)
    t.equal(holder(hosts), K, 'a drained router answers when it has given the address up')
    await strangers(t, hosts)
    const status = await hosts.mekare(M, 'status', configs[M]).done()
    t.match(status, /10\.78\.0\.199\/24 +pg +eth0 +backup for \S+, priority 1 \(250 lowered by tracks\)/)
    const metrics = await hosts.start(K, ['curl', '-s', 'http://127.0.0.1:7000/metrics']).done()
    t.match(metrics, /mekare_vrrp_state\{name="pg"\} 2/)
    t.match(metrics, /mekare_vrrp_transitions_total\{name="pg",to="master"\} [23]$/m)
    await hosts.start(M, ['curl', '-s', '--unix-socket', socket, '-X', 'POST', 'http://x/undrain?member=self']).done()
    await waitFor('and takes it again', 5, () => holder(hosts) === M)
    const faults = () => sidecars[0].text().match(/the proxy has ended/g)?.length ?? 0
    const before = faults()
    const restarted = await hosts.mekare(M, 'restart', configs[M]).done()
    const [, successor] = /^process (\d+) has taken the place of \d+/.exec(restarted) ?? []
    t.ok(successor, restarted)
    const others = new Set<string>()
    for (let i = 0; i < 75; i++) {
      others.add(holder(hosts))
      await sleep(20)
    }
    t.strictSame([...others], [M], 'through a restart the address stays')
    t.equal(faults(), before, 'and the sidecar saw no end of the proxy')
    process.kill(Number(successor), 'SIGTERM')
    t.comment(`ended in order: ${await waitFor('it leaves before the drain ends', 2, () => holder(hosts) === K)} ms`)
  } finally {
    await endAll([...sidecars, ...proxies])
  }
  t.equal(holder(hosts), '', 'a clean end leaves nothing')
}

/** Someone on the wire speaks as a lower master, and with a wrong checksum: both are counted, and the address stays. */
async function strangers(t: Test, hosts: FloatingHosts): Promise<void> {
  const stranger = startInside(['ip', 'netns', 'exec', `${TOKEN}${C}`])
  const [from, to] = ['10.78.0.3', '224.0.0.18']
  const dialect = dialectOf(
    loadConfig({ hostname: C, file: '-', read: () => execFileSync('cat', [`${hosts.dir}/${K}-100ms.yaml`]).toString() })
      .vrrp.pg as VrrpConfig,
  )
  const good = writeAdvert(dialect, 10, ipBytes(from), ipBytes(to))
  const bad = good.with(7, (good[7] ?? 0) ^ 1)
  await stranger.tell('raw', 'eth0', 4)
  for (const payload of [good, bad]) await stranger.tell('send', 4, { from, to, payload })
  await stranger.leave()
  await sleep(1200)
  t.equal(holder(hosts), K)
  const metrics = await hosts.start(K, ['curl', '-s', 'http://127.0.0.1:7000/metrics']).done()
  t.match(metrics, /mekare_vrrp_rivals_total\{name="pg"\} 1$/m)
  t.match(metrics, /mekare_vrrp_dropped_total\{name="pg",drop="checksum"\} 1$/m)
}

async function sidecarKilled(t: Test, hosts: FloatingHosts): Promise<void> {
  const { start, configs } = createPair(hosts, '100ms', 'track: {proxy: false}')
  const sidecars = [start(M, 'vrrp'), start(K, 'vrrp')] as const
  await waitFor('the better one holds it', 10, () => holder(hosts) === M)
  sidecars[0].child.kill('SIGSTOP')
  const both = await waitFor('only the other holds it', 6, () => holder(hosts) === K)
  t.ok(both < 3000, `the kernel took it away from a frozen one after ${both} ms`)
  sidecars[0].child.kill('SIGCONT')
  await waitFor('thawed it takes it again', 5, () => holder(hosts) === M)
  t.notMatch(sidecars[0].text(), /put back/, 'by the rules, not by putting back what the kernel took')
  await sidecars[0].end('SIGKILL')
  const release = hosts.mekare(M, 'vrrp', configs[M], '--release')
  const released = await waitFor('released', 3, () => !hosts.holders(VIP).includes(M))
  t.comment(`--release took it away after ${released} ms`)
  await waitFor('told', 3, () => release.child.exitCode === 0)
  hosts.ip(K, 'addr', 'del', `${VIP}/24`, 'dev', 'eth0')
  t.ok((await waitFor('put back', 2, () => holder(hosts) === K)) < 500, 'taken away by someone else: put back')
  hosts.cable(K, 'down')
  t.comment(`link down: released after ${await waitFor('released', 2, () => holder(hosts) === '')} ms`)
  hosts.cable(K, 'up')
  await waitFor('link up: taken again', 5, () => holder(hosts) === K)
  t.equal(await sidecars[1].end(), 0)
  t.equal(holder(hosts), '')
}

async function reloads(t: Test, hosts: FloatingHosts): Promise<void> {
  const { start, configs } = createPair(hosts, '100ms', 'track: {proxy: false}')
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

await onFloatingHosts(t, 'floating addresses', { token: TOKEN, names: [M, K, C] }, async (t, hosts) => {
  await t.test('the proxy is killed: the address answers from the other host', t => proxyKilled(t, hosts))
  await t.test('the proxy hangs, drains and ends in order', t => proxyStates(t, hosts))
  await t.test('a frozen or killed sidecar leaves no address behind', t => sidecarKilled(t, hosts))
  await t.test('a reload keeps the address, a bad one changes nothing', t => reloads(t, hosts))
  for (const host of [M, K]) t.notMatch(hosts.ip(host, 'addr', 'show'), / (10\.78\.0|fd78::|fe80::)[:.]?1[0-9a-f]{2}\//)
})
