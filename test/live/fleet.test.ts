// Two proxies of one scope see one another through real etcd: what each runs, that their configurations differ, that one has gone;
// and without etcd nothing but that is lost.

import { readFileSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { FleetStatus } from '../../src/fleet/fleet.js'
import { until } from '../lab/cluster.js'
import { startWriter } from '../lab/observers.js'
import { onStand } from '../lab/onstand.js'
import type { ProxyProcess } from '../lab/proxy.js'
import { type Sight, see } from '../lab/sight.js'
import type { Stand } from '../lab/stand.js'

t.setTimeout(300_000)

interface Place {
  readonly stand: Stand
  readonly proxies: readonly [ProxyProcess, ProxyProcess]
  /** Of proxy1. */
  readonly sight: Sight
}

t.test('the proxies of a scope', t =>
  onStand(t, { network: 'loopback', etcd: 1, members: 2, failsafeMode: true }, async stand => {
    const proxies = [await stand.proxy('proxy1'), await stand.proxy('proxy2')] as const
    const place = { stand, proxies, sight: see(stand, proxies[0]) }
    await t.test('each shows both, with version, gate, sessions and configuration', t => shown(t, place))
    await t.test('a configuration that is reloaded on one only is warned of', t => differs(t, place))
    await t.test('a stop is seen at once, a death when the lease ends', () => gone(place))
    await t.test('without etcd the others are not known, and clients notice nothing', t => silent(t, place))
    t.equal(place.sight.lines(/a bug in mekare/).length, 0, 'no bug was met')
  }),
)

async function fleetOf(proxy: ProxyProcess): Promise<FleetStatus | undefined> {
  const { body } = await proxy.get('/status')
  return (JSON.parse(body) as { clusters: { fleet?: FleetStatus }[] }).clusters[0]?.fleet
}

/** Waits until the fleet as the proxy sees it is so. */
async function seen(proxy: ProxyProcess, withinMs: number, is: (fleet: FleetStatus) => boolean): Promise<FleetStatus> {
  let last: FleetStatus | undefined
  return until(withinMs, `${proxy.host} does not see it so`, async () => {
    last = await fleetOf(proxy)
    return last && is(last) ? last : undefined
  }).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(last)}`)
  })
}

const names = ({ proxies }: FleetStatus) => proxies.map(({ name }) => name).join()
const both = (fleet: FleetStatus) => names(fleet) === 'proxy1,proxy2' && fleet.unknown === undefined

async function shown(t: Test, { stand, proxies, sight }: Place): Promise<void> {
  for (const proxy of proxies) await seen(proxy, 5000, both)
  const open = ({ proxies: all }: FleetStatus) => all.every(({ gate }) => gate.kind === 'open' && gate.member === 'pg1')
  for (const proxy of proxies) t.same((await seen(proxy, 5000, open)).warnings, [], 'nothing to warn of')
  const written = (await stand.etcdctl('get', '/mekare/service/demo/proxies/', '--prefix', '--keys-only')).stdout
  t.same(written.split('\n').filter(Boolean), [
    '/mekare/service/demo/proxies/proxy1',
    '/mekare/service/demo/proxies/proxy2',
  ])
  const { stdout } = await sight.cli('status')
  t.match(stdout, /PROXY +VERSION.*\n +proxy1 \(this one\) +\S+ +\S+ +open to pg1 .*\n +proxy2 +/, 'on a terminal')
  t.equal(await sight.metric('mekare_fleet_proxies'), 2)
}

async function differs(t: Test, { proxies, sight }: Place): Promise<void> {
  const [one, two] = proxies
  const before = readFileSync(two.configFile, 'utf8')
  writeFileSync(two.configFile, before.replace('role: primary', 'role: primary\n    holdFor: 31s'))
  two.child.kill('SIGHUP')
  const { warnings } = await seen(one, 5000, fleet => fleet.warnings.length > 0)
  t.match(warnings, [/^configurations differ \(proxy1 \w{12}, proxy2 \w{12}\): compare the files, and reload/])
  t.equal(await sight.metric('mekare_fleet_warnings'), 1)
  writeFileSync(two.configFile, before)
  two.child.kill('SIGHUP')
  await seen(one, 5000, fleet => fleet.warnings.length === 0)
}

async function gone({ stand, proxies, sight }: Place): Promise<void> {
  const [one, two] = proxies
  await two.stop()
  await seen(one, 2000, fleet => names(fleet) === 'proxy1')
  await sight.line(/the proxy proxy2 is no longer registered in etcd/)
  const again = await stand.proxy('proxy2')
  await seen(one, 5000, both)
  again.child.kill('SIGKILL')
  await seen(one, 8000, fleet => names(fleet) === 'proxy1')
  await stand.proxy('proxy2')
  await seen(one, 8000, both)
}

async function silent(t: Test, { stand, proxies: [proxy] }: Place): Promise<void> {
  const writer = await startWriter(stand, { to: proxy.write, everyMs: 20 })
  stand.freeze('etcd1', 'etcd')
  const { unknown, proxies } = await seen(proxy, 8000, fleet => fleet.unknown !== undefined)
  t.match(unknown, /no answer in time/)
  t.equal(proxies.length, 1, 'only itself is known')
  stand.thaw('etcd1', 'etcd')
  await seen(proxy, 8000, both)
  await writer.stop()
  t.equal(writer.summary().queryErrors + writer.summary().connectFailures, 0, 'the writer noticed nothing')
}
