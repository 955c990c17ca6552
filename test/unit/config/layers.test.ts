// Where a value comes from: flags, the environment, the file, the defaults, and what one key takes from another.

import t from 'tap'
import { load, problems, withFlags } from './loading.js'

t.test('one flag is enough: one cluster has a write and a read listener', async t => {
  const config = load(withFlags({}))
  t.same(config.clusters.demo?.etcd, { hosts: ['http://10.0.0.1:2379'] })
  t.equal(config.clusters.demo?.scope, 'demo')
  t.equal(config.clusters.demo?.namespace, '/service/')
  t.equal(config.clusters.demo?.probe.interval, 1000)
  const { write, read } = config.listen
  t.match(write, { cluster: 'demo', role: 'primary', holdFor: 45_000, maxHeld: 5000, releaseRate: 200 })
  t.match(read, { cluster: 'demo', role: 'replica', holdFor: 5000, maxLag: 16_777_216, fallback: 'none' })
  t.same(write?.address, { kind: 'tcp', host: '0.0.0.0', port: 5000 })
  t.same(read?.address, { kind: 'tcp', host: '0.0.0.0', port: 5001 })
  t.same(config.relay, { engine: 'auto', threads: 1, spin: 0, batch: 'auto', countQueries: false })
  t.equal(config.session.max, 'auto')
  t.same(config.fleet, { enabled: true, name: 'host1' })
  t.same(config.admin, { address: { kind: 'tcp', host: '127.0.0.1', port: 7000 }, socket: '/run/mekare/control.sock' })
})

t.test('a flag goes before the environment, that before the file, and the file before the default', async t => {
  const yaml =
    'clusters: {demo: {etcd: {hosts: [a:2379]}}}\nlog: {level: warn, format: json}\nrelay: {threads: 3}\nfleet: {name: f}'
  const env = { MEKARE_LOG__LEVEL: 'error', MEKARE_RELAY__THREADS: '4' }
  const config = load({ yaml, env, flags: { 'log.level': 'debug' } })
  t.equal(config.log.level, 'debug')
  t.equal(config.relay.threads, 4)
  t.equal(config.log.format, 'json')
  t.equal(config.relay.engine, 'auto')
})

t.test('an environment variable finds its key whatever its case and single underscores', async t => {
  const yaml = 'clusters: {My-Cluster: {etcd: {hosts: [a:2379]}}}'
  const env = {
    MEKARE_LISTEN__WRITE__HOLDFOR: '7s',
    MEKARE_LISTEN__READ__HOLD_FOR: '8s',
    mekare_listen__read__maxLag: '1MiB',
    MEKARE_CLUSTERS__MY_CLUSTER__PROBE__SLOW_START: '3s',
    MEKARE_LISTEN__READ__ALLOW: '10.0.0.0/8, ::1',
    MEKARE_LOG__FORMAT: '',
    MEKARE_PORT: 'tcp://10.0.0.1:80',
    OTHER__KEY: 'x',
  }
  const config = load({ yaml, env })
  t.equal(config.listen.write?.holdFor, 7000)
  t.equal(config.listen.read?.holdFor, 8000)
  t.equal(config.listen.read?.maxLag, 1024 ** 2)
  t.equal(config.clusters['My-Cluster']?.probe.slowStart, 3000)
  t.same(config.listen.read?.allow, ['10.0.0.0/8', '::1/128'])
  t.equal(config.log.format, 'auto')
  const alone = load({ env: { MEKARE_CLUSTERS__DEMO__ETCD__HOSTS: 'a:2379,https://b:2379/' } })
  t.same(alone.clusters.demo?.etcd.hosts, ['http://a:2379', 'https://b:2379'])
})

t.test('a variable with an underscore too few is told, not ignored', async t => {
  t.match(problems({ ...withFlags({}), env: { MEKARE_LOG_LEVEL: 'debug' } }), [
    /call it MEKARE_LOG__LEVEL \(environment MEKARE_LOG_LEVEL\)/,
  ])
})

t.test('a list comes from commas or from the flag given again; of anything else the last one counts', async t => {
  const flags: [string, string][] = [
    ['--clusters.demo.etcd.hosts', 'http://a:2379,http://b:2379'],
    ['clusters.demo.etcd.hosts', 'c:2379'],
    ['--log.level', 'warn'],
    ['--log.level', 'error'],
  ]
  const config = load({ flags })
  t.same(config.clusters.demo?.etcd.hosts, ['http://a:2379', 'http://b:2379', 'http://c:2379'])
  t.equal(config.log.level, 'error')
})

t.test('a listener has the keys of session unless it sets its own', async t => {
  const yaml = `
clusters: {demo: {etcd: {hosts: [a:2379]}}}
session: {connectTimeout: 3s, maxPerAddress: 7, allow: [10.0.0.0/8]}
listen: {write: {connectTimeout: 500ms}, extra: {address: ":5002", role: any, allow: []}}`
  const { listen, session } = load({ yaml })
  t.equal(session.connectTimeout, 3000)
  t.equal(listen.write?.connectTimeout, 500)
  t.equal(listen.read?.connectTimeout, 3000)
  t.equal(listen.extra?.maxPerAddress, 7)
  t.equal(listen.extra?.cluster, 'demo')
  t.equal(listen.extra?.holdFor, 5000)
  t.same(listen.read?.allow, ['10.0.0.0/8'])
  t.same(listen.extra?.allow, [])
})

t.test('a listener that is off is not there, and a higher layer can bring it back', async t => {
  t.same(Object.keys(load(withFlags({ 'listen.read': 'off' })).listen), ['write'])
  const yaml = 'clusters: {demo: {etcd: {hosts: [a:2379]}}}\nlisten: {read: off}'
  t.same(Object.keys(load({ yaml }).listen), ['write'])
  t.same(load({ yaml, flags: { 'listen.read.address': ':6001' } }).listen.read?.address, {
    kind: 'tcp',
    host: '',
    port: 6001,
  })
  const other = 'clusters: {demo: {etcd: {hosts: [a:2379]}}}\nlisten: {read: {address: ":6001"}}'
  t.same(Object.keys(load({ yaml: other, env: { MEKARE_LISTEN__READ: 'off' } }).listen), ['write'])
})

t.test('with several clusters each listener names its own, and none is there by default', async t => {
  const yaml = 'clusters: {a: {etcd: {hosts: [a:2379]}}, b: {etcd: {hosts: [b:2379]}}}\n'
  t.same(load({ yaml }).listen, {})
  const good = load({
    yaml: `${yaml}listen: {write: {cluster: b, address: ":5000"}, ro: {cluster: a, address: ":5001", role: replica}}`,
  })
  t.match(good.listen, { write: { cluster: 'b', role: 'primary' }, ro: { cluster: 'a', role: 'replica' } })
  t.match(problems({ yaml: `${yaml}listen: {ro: {address: ":5001", role: any}}` }), [
    /^listen\.ro\.cluster: is missing/,
  ])
  t.match(problems({ yaml: `${yaml}listen: {ro: {address: ":5001", role: any, cluster: c}}` }), [
    /^listen\.ro\.cluster: "c" is not a cluster of this configuration; (did you mean [ab]|name one of)/,
  ])
})

t.test('anchors, merges, empty keys and empty sections are what YAML says they are', async t => {
  const yaml = `
clusters:
  a: &a { etcd: { hosts: &hosts [a:2379], username: , ca: ~ }, probe: null }
  b: { <<: *a, scope: bb }
session:
`
  const { clusters } = load({ yaml })
  t.same(clusters.b?.etcd, { hosts: ['http://a:2379'] })
  t.equal(clusters.b?.scope, 'bb')
  t.equal(clusters.a?.scope, 'a')
})
