// Two hosts with a witness in real etcd: while it answers, a split of the VRRP network makes no two holders; while it is silent, VRRP alone
// decides. Hosts are network namespaces on one bridge; where they are split, both still reach etcd and the client.

import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type FloatingHosts, type Program, waitFor } from '../lab/floating.js'
import { onFloatingHosts } from '../lab/onstand.js'
import { C, createPair, endAll, holder, K, lastRole, M, VIP } from '../lab/pair.js'
import { gapAfter, tapWire, wall } from '../lab/wiretap.js'

t.setTimeout(300_000)

const TOKEN = `mkw${process.pid}`
const E = 'e'
const ETCD = '10.78.0.3'
const KEY = `/mekare/service/x/addresses/${VIP}`
const MEMBERS = [0, 1, 2].map(n => ({ name: `e${n}`, url: `http://${ETCD}:${2379 + 10 * n}` }))
const peerOf = (url: string) => url.replace(/\d+$/, port => String(Number(port) + 1))

const head = (host: string) =>
  `clusters: {x: {etcd: {hosts: [${MEMBERS.map(({ url }) => url)}]}}}\nfleet: {name: ${host}}\nlog: {format: json, level: debug}\n`

interface Etcds {
  readonly programs: Program[]
  start(): Promise<void>
  holder(): string
}

function createEtcds(hosts: FloatingHosts): Etcds {
  const programs: Program[] = []
  const cluster = MEMBERS.map(({ name, url }) => `${name}=${peerOf(url)}`).join(',')
  const ctl = (...args: string[]) =>
    execFileSync('ip', ['netns', 'exec', `${TOKEN}${E}`, 'etcdctl', ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: MEMBERS.map(({ url }) => url).join(',') },
    })
  const healthy = () => {
    try {
      ctl('endpoint', 'health')
      return true
    } catch {
      return false
    }
  }
  return {
    programs,
    async start() {
      programs.length = 0
      for (const { name, url } of MEMBERS) {
        const flags = {
          name,
          'data-dir': `${hosts.dir}/${name}`,
          'listen-client-urls': url,
          'advertise-client-urls': url,
          'listen-peer-urls': peerOf(url),
          'initial-advertise-peer-urls': peerOf(url),
          'initial-cluster': cluster,
          'log-level': 'error',
        }
        programs.push(hosts.start(E, ['etcd', ...Object.entries(flags).map(([key, value]) => `--${key}=${value}`)]))
      }
      await waitFor('etcd is healthy', 20, healthy)
    },
    holder: () => ctl('get', '--print-value-only', KEY).trim(),
  }
}

/** M and K hear nothing of one another any more; everybody else still hears both. */
function split(hosts: FloatingHosts, state: 'on' | 'off'): void {
  for (const host of [M, K])
    hosts.ip('net', 'link', 'set', 'dev', `to-${host}`, 'type', 'bridge_slave', 'isolated', state)
}

/** The proxy of the holder is killed, then the holder's host. */
async function deaths(t: Test, hosts: FloatingHosts): Promise<void> {
  const { start, configs } = createPair(hosts, '1s', 'preempt: false, witness: etcd', head)
  const proxies = new Map([M, K].map(host => [host as string, start(host, 'run')]))
  const sidecars = new Map([[M as string, start(M, 'vrrp')]])
  await waitFor('the first holds it', 10, () => holder(hosts) === M)
  sidecars.set(K, start(K, 'vrrp'))
  await waitFor('the second listens', 10, () => lastRole(sidecars.get(K) as Program) === 'backup')
  const wire = await tapWire(hosts, { on: C, names: [M, K], port: 5000 })
  const client = hosts.knock(VIP, 5000)
  const answered: number[] = []
  for (const [from, to] of [
    [M, K],
    [K, M],
  ] as const) {
    await sleep(400)
    const killedAt = wall()
    proxies.get(from)?.child.kill('SIGKILL')
    await sleep(700)
    await waitFor(`${to} holds it`, 5, () => holder(hosts) === to)
    answered.push(Math.round(gapAfter(wire.answers, killedAt, wall(), to).answered ?? Number.NaN))
    proxies.set(from, start(from, 'run'))
    await waitFor('a backup again', 10, () => lastRole(sidecars.get(from) as Program) === 'backup')
  }
  t.comment(`adverts 1s, proxy killed → answered by the other host: ${answered} ms`)
  t.ok(Math.min(...answered) < 250, 'a lease that is given up is not waited for')
  const status = await hosts.mekare(M, 'status', configs[M]).done()
  t.match(status, /pg +eth0 +master for .*; witness names this host/)
  const metrics = await hosts.start(K, ['curl', '-s', 'http://127.0.0.1:7000/metrics']).done()
  t.match(metrics, /mekare_vrrp_witness\{name="pg",says="other"\} 1/)
  const diedAt = wall()
  hosts.cable(M, 'down')
  for (const program of [sidecars.get(M), proxies.get(M)]) program?.child.kill('SIGKILL')
  await waitFor('the other answers', 6, () => wire.answers.some(({ at, host }) => at > diedAt && host === K))
  const { answered: after } = gapAfter(wire.answers, diedAt, wall(), K)
  t.comment(`adverts 1s, host died → answered by the other host: ${after?.toFixed(0)} ms`)
  await client.end()
  await wire.end()
  await endAll([...sidecars.values(), ...proxies.values()])
  hosts.cable(M, 'up')
}

/** From a frozen member over a split to an etcd that is away and comes back. */
async function splits(t: Test, hosts: FloatingHosts, etcds: Etcds): Promise<void> {
  const { start } = createPair(hosts, '100ms', 'witness: etcd, track: {proxy: false}', head)
  const first = start(M, 'vrrp')
  await waitFor('the better one holds it', 10, () => holder(hosts) === M)
  const second = start(K, 'vrrp')
  const held = () => hosts.holders(VIP)
  t.equal(etcds.holder(), M)
  etcds.programs[0]?.child.kill('SIGSTOP')
  await sleep(2500)
  t.equal(etcds.holder(), M, 'a frozen member of etcd does not cost the lease')
  etcds.programs[0]?.child.kill('SIGCONT')
  split(hosts, 'on')
  await waitFor('the other would be master', 5, () => second.text().includes('vrrp_withheld'))
  for (let n = 0; n < 10; n++) {
    t.same(held(), [M], 'split: one holder')
    await sleep(100)
  }
  for (const { child } of etcds.programs) child.kill('SIGKILL')
  const alone = await waitFor('VRRP alone decides', 8, () => held().length === 2)
  t.comment(`etcd gone: the other host took the address too after ${alone} ms`)
  await waitFor('the reason', 2, () =>
    /witness is silent, so VRRP alone decides: etcd .*ECONNREFUSED/.test(second.text()),
  )
  await etcds.start()
  const back = await waitFor('one holder again', 8, () => held().length === 1 && held().join() === etcds.holder())
  t.comment(`etcd back: one holder again after ${back} ms (${held()})`)
  await sleep(500)
  t.equal(held().length, 1)
  split(hosts, 'off')
  await waitFor('the better one holds it, also where it has to ask for it', 5, () => holder(hosts) === M)
  const ended = first.end()
  const graceful = await waitFor('the other holds it', 3, () => holder(hosts) === K)
  t.equal(await ended, 0)
  t.equal(etcds.holder(), K)
  const again = start(M, 'vrrp')
  const taken = await waitFor('a better one that comes back takes it', 6, () => holder(hosts) === M)
  t.comment(`adverts 100ms: ended in order → held by the other ${graceful} ms; started → taken back ${taken} ms`)
  again.child.kill('SIGKILL')
  hosts.cable(M, 'down')
  const died = await waitFor('the other holds it', 6, () => held().includes(K))
  t.comment(`adverts 100ms, host died → held by the other: ${died} ms`)
  t.ok(died > 1000 && died < 4000, 'it waits for the lease')
  await endAll([second])
  hosts.cable(M, 'up')
  t.equal(etcds.holder(), '', 'nothing is left in etcd')
}

await onFloatingHosts(t, 'a witness', { token: TOKEN, names: [M, K, E, C] }, async (t, hosts) => {
  const etcds = createEtcds(hosts)
  await etcds.start()
  await t.test('the proxy is killed: at once; the host dies: after the lease', t => deaths(t, hosts))
  await t.test('a split makes no two while etcd answers', t => splits(t, hosts, etcds))
})
