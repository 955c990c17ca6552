// The sidecar's decisions that need no kernel: where a router stands, what the proxy's state means, what is said between them.

import fc from 'fast-check'
import t from 'tap'
import { loadConfig } from '../../src/config/load.js'
import type { VrrpConfig } from '../../src/config/shape.js'
import type { Address } from '../../src/linux/address-message.js'
import { formatIp } from '../../src/linux/ip-address.js'
import type { Link } from '../../src/linux/link-message.js'
import { dialectOf, setupOf } from '../../src/sidecar/dialect.js'
import { createDriver } from '../../src/sidecar/driver.js'
import { findPlace } from '../../src/sidecar/place.js'
import type { ProxyView } from '../../src/sidecar/proxy-ear.js'
import { judgeProxy } from '../../src/sidecar/proxy-track.js'
import { witnessPlace } from '../../src/sidecar/witness.js'
import { ms } from '../../src/units/units.js'
import { cutLines, readReports, readTick, type Tick } from '../../src/vrrp/conversation.js'

function configOf(keys: string): VrrpConfig {
  const text = `clusters: {x: {etcd: {hosts: [a:2379]}}}\nvrrp: {pg: {interface: eth0, routerId: 51, ${keys}}}`
  const pg = loadConfig({ hostname: 'h', file: 'f', read: () => text }).vrrp.pg
  if (!pg) throw new Error('no router')
  return pg
}

const eth0: Link = {
  index: 2,
  name: 'eth0',
  mac: '02:00:00:00:00:01',
  mtu: 1500,
  up: true,
  carrier: true,
  kind: '',
  parent: 0,
  alias: '',
}
const at = (address: string, more: Partial<Address> = {}): Address => ({
  address,
  prefix: 24,
  index: 2,
  label: '',
  scope: 'global',
  validFor: Number.POSITIVE_INFINITY,
  preferredFor: Number.POSITIVE_INFINITY,
  secondary: false,
  deprecated: false,
  tentative: false,
  duplicate: false,
  ...more,
})

/** Where a router stands on a host with these addresses on eth0, of which its own and `also` float. */
const place = (
  config: VrrpConfig,
  addresses: readonly Address[],
  also: readonly string[] = [],
  link: Partial<Link> = {},
) =>
  findPlace(config, {
    links: [{ ...eth0, ...link }],
    addresses,
    floating: new Set([...config.addresses.map(({ address }) => address), ...also]),
  })

t.test('adverts come from an address of the host itself, never from a floating one', async t => {
  const config = configOf('addresses: [10.77.0.100/24]')
  const standing = place(config, [at('10.77.0.100'), at('10.77.0.31'), at('10.9.9.9', { index: 3 })])
  t.ok(standing.ok && standing.place.source === '10.77.0.31')
  t.same(standing.ok && standing.place.own.map(formatIp), ['10.77.0.31', '10.9.9.9'])
  t.same(standing.ok && standing.place.reached, ['10.77.0.100'], 'its network is reached without it')
  const other = place(configOf("addresses: ['fd77::100/64']"), [at('fe80::99'), at('fe80::1')], ['fe80::99'])
  t.ok(other.ok && other.place.source === 'fe80::1', 'nor from the floating one of another router')
  const only = place(config, [at('10.77.0.100')])
  t.match(only, { ok: false, why: /eth0 has no usable IPv4 address of its own/ })
})

t.test('multicast over IPv6 comes from the link-local address, unicast from the one nearest to the peer', async t => {
  const all = [at('fd77::31'), at('fe80::1'), at('fd88::31')]
  const multicast = place(configOf("addresses: ['fd77::100/64']"), all)
  t.ok(multicast.ok && multicast.place.source === 'fe80::1')
  const unicast = place(configOf("addresses: ['fd77::100/64'], peers: ['fd88::32']"), all)
  t.ok(unicast.ok && unicast.place.source === 'fd88::31')
  const tentative = place(configOf("addresses: ['fd77::100/64']"), [at('fe80::1', { tentative: true })])
  t.match(tentative, { ok: false, why: /no usable link-local IPv6 address/ })
})

t.test('an interface that is missing, down or without carrier is told with the remedy', async t => {
  const config = configOf('addresses: [10.77.0.100/24]')
  const why = (link: Partial<Link>) => place(config, [at('10.77.0.31')], [], link)
  t.match(why({ name: 'eth7' }), {
    why: /there is no interface eth0; create it or correct the name \(there are: eth7\)/,
  })
  t.match(why({ up: false }), { why: /eth0 is down; switch it on/ })
  t.match(why({ carrier: false }), { why: /no carrier/ })
})

const tick: Tick = { gateClosed: [], sourceSilent: [], stopping: false, drained: false, successor: false }
const speaks = (more: Partial<Tick> = {}): ProxyView => ({ kind: 'speaks', tick: { ...tick, ...more } })

t.test('a proxy that is gone, hangs or stops is a fault, unless a successor is announced', async t => {
  const { track } = configOf('addresses: [10.77.0.100/24]')
  const fault = (view: ProxyView) => judgeProxy(track, view).fault
  t.equal(fault(speaks()), undefined)
  t.equal(fault({ kind: 'gone', why: 'the proxy has ended' }), 'the proxy has ended')
  t.match(fault({ kind: 'hung' }), /has not spoken for 1000ms/)
  t.equal(fault(speaks({ stopping: true })), 'the proxy is stopping')
  t.equal(fault(speaks({ stopping: true, successor: true })), undefined)
})

t.test('a closed gate and a silent source lower the priority by what is configured; a drain by all of it', async t => {
  const { track } = configOf('addresses: [10.77.0.100/24], track: {whenGateClosed: 20, whenNoEtcd: 30}')
  const lowered = (more: Partial<Tick>) => judgeProxy(track, speaks(more)).lowered
  t.equal(lowered({}), 0)
  t.equal(lowered({ gateClosed: ['a', 'b'] }), 20)
  t.equal(lowered({ gateClosed: ['a'], sourceSilent: ['a'] }), 50)
  t.equal(lowered({ drained: true }), 253)
  const off = configOf('addresses: [10.77.0.100/24], track: {proxy: false}').track
  t.same(judgeProxy(off, { kind: 'gone', why: 'x' }), { lowered: 0, why: '' })
})

t.test('lines are whole however they are cut, and no text makes a reader throw', async t => {
  const lines = [JSON.stringify(tick), JSON.stringify({ ...tick, drained: true }), '']
  fc.assert(
    fc.property(fc.array(fc.nat(200), { maxLength: 5 }), cuts => {
      const text = lines.join('\n')
      const places = [0, ...cuts.map(cut => cut % text.length).sort((a, b) => a - b), text.length]
      let rest = ''
      const got: string[] = []
      places.slice(1).forEach((end, index) => {
        const cut = cutLines(rest, text.slice(places[index], end))
        rest = cut.rest
        got.push(...cut.lines)
      })
      return JSON.stringify(got.map(readTick)) === JSON.stringify([tick, { ...tick, drained: true }])
    }),
  )
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), text => {
      readTick(text)
      readReports(text)
    }),
  )
  t.same(readTick(JSON.stringify({ ...tick, lifeline: 'x' })), { ...tick, lifeline: 'x' })
  t.same(readTick(JSON.stringify({ ...tick, lifeline: 1 })), tick)
  const said = '{"name":"pg","role":"master","transitions":{"master":2,"x":1},"witness":"ours"}'
  t.match(readReports(`{"routers":[${said},{"name":"no"}]}`), [
    { name: 'pg', role: 'master', transitions: { master: 2 }, witness: 'ours' },
  ])
})

t.test(
  'a driver that is woken after a sleep hears what waits first, then lets go of what it may have lost',
  async t => {
    const config = configOf('addresses: [10.77.0.100/24], priority: 200')
    let now = 0
    const done: string[] = []
    const driver = createDriver(new Map([['pg', setupOf(config, Uint8Array.of(10, 77, 0, 31))]]), {
      now: () => ms(now),
      hear: () => done.push('hears'),
      act: (_, action) => done.push(action.kind),
      needsWitness: () => {},
    })
    driver.tell(undefined, { kind: 'start' })
    driver.tell('pg', { kind: 'takeover' })
    done.length = 0
    now = 900
    driver.wake()
    t.same(done, ['hears'], 'nothing is due')
    now = 7000
    driver.wake()
    driver.close()
    t.same(done, ['hears', 'hears', 'release', 'transition'])
    t.equal(driver.state('pg')?.phase.role, 'backup')
  },
)

t.test('the driver does actions in order, also those that an action asks for', async t => {
  const config = configOf('addresses: [10.77.0.100/24], priority: 200')
  t.equal(dialectOf(config).version, 3)
  const done: string[] = []
  const driver = createDriver(new Map([['pg', setupOf(config, Uint8Array.of(10, 77, 0, 31))]]), {
    now: () => ms(1000),
    hear: () => {},
    needsWitness: () => {},
    act: (_, action) => {
      done.push(action.kind)
      if (action.kind === 'acquire') driver.tell('pg', { kind: 'fault', name: 'addresses', why: 'refused' })
    },
  })
  driver.tell(undefined, { kind: 'start' })
  driver.tell('pg', { kind: 'takeover' })
  driver.close()
  t.same(done, ['transition', 'advert', 'acquire', 'announce', 'transition', 'release', 'advert', 'transition'])
  t.equal(driver.state('pg')?.phase.role, 'fault')
})

t.test('the witness of a group is a key for its least address, in the etcd of the cluster that is named', async t => {
  const keys = 'interface: eth0, witness: etcd, syncGroup: both'
  const text = `clusters: {x: {namespace: /db/, etcd: {hosts: [a:2379]}}}
vrrp:
  in: {${keys}, routerId: 51, addresses: [10.77.0.100/24, 10.77.0.20/24]}
  six: {${keys}, routerId: 52, addresses: ['fd77::1/64']}
  off: {interface: eth0, routerId: 53, addresses: [10.77.0.3]}`
  const config = loadConfig({ hostname: 'h', file: 'f', read: () => text })
  const members = (...names: string[]) => new Map(Object.entries(config.vrrp).filter(([name]) => names.includes(name)))
  t.same(witnessPlace(members('in', 'six'), config), {
    etcd: { hosts: ['http://a:2379'] },
    key: '/mekare/db/x/addresses/10.77.0.20',
    host: 'h',
  })
  t.equal(witnessPlace(members('off'), config), undefined)
})
