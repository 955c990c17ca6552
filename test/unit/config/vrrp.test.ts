// Virtual routers in the configuration: defaults and rules.

import t from 'tap'
import { load, problems } from './loading.js'

/** Text that adds keys to a good virtual router; a later key of the same name is YAML's own error, so none is repeated here. */
function vrrpYaml(more: string, base = 'interface: eth0, routerId: 51, addresses: [10.77.0.100/24]'): string {
  return `clusters: {demo: {etcd: {hosts: [a:2379]}}}\nvrrp: {pg: {${[base, more].filter(Boolean).join(', ')}}}`
}

t.test('a virtual router has the defaults of the design', async t => {
  const { pg } = load({ yaml: vrrpYaml('') }).vrrp
  t.match(pg, {
    interface: 'eth0',
    routerId: 51,
    priority: 100,
    version: '3',
    advertInterval: 1000,
    addresses: [{ address: '10.77.0.100', prefix: 24 }],
    peers: [],
    checksum: 'keepalived',
    preempt: true,
    garp: { repeat: 5, again: 5000, refresh: 60_000 },
    track: { proxy: true, whenGateClosed: 0, whenNoEtcd: 0, interfaces: [], scripts: {} },
    witness: 'none',
    witnessCluster: 'demo',
  })
})

t.test('scripts have names of their own below a virtual router', async t => {
  const yaml = vrrpYaml('track: {scripts: {disk: {command: [/bin/test, -w, /], lower: 20}}}')
  t.match(load({ yaml }).vrrp.pg?.track.scripts.disk, { command: ['/bin/test', '-w', '/'], fall: 2, lower: 20 })
})

t.test('the rules of virtual routers are told with the remedy', async t => {
  const base = 'interface: eth0, routerId: 51'
  const cases: readonly (readonly [yaml: string, said: RegExp])[] = [
    [
      vrrpYaml('', 'interface: eth0, routerId: 0, addresses: [10.0.0.1]'),
      /routerId: "0" is not a whole number from 1 to 255/,
    ],
    [vrrpYaml('', 'interface: eth0, routerId: 256, addresses: [10.0.0.1]'), /routerId: "256"/],
    [vrrpYaml('priority: 0'), /priority: "0"/],
    [vrrpYaml('priority: 256'), /priority: "256"/],
    [vrrpYaml('', base), /addresses: is missing/],
    [vrrpYaml('addresses: []', base), /addresses: is (missing|empty)/],
    [vrrpYaml('addresses: [10.0.0.1/33]', base), /prefix length/],
    [vrrpYaml('addresses: [nonsense]', base), /is not an address with its prefix length/],
    [vrrpYaml('addresses: [10.0.0.1, fd00::1]', base), /mixes IPv4 and IPv6; make a virtual router for each/],
    [vrrpYaml('version: 2, addresses: [fd00::1]', base), /knows IPv4 only; write version: 3/],
    [vrrpYaml('peers: [fd00::2]'), /another family/],
    [vrrpYaml('auth: {type: pass, password: secret}'), /needs version 2/],
    [vrrpYaml('version: 2, auth: {type: pass}'), /passwordFile: is missing/],
    [vrrpYaml('version: 2, auth: {type: pass, password: ninebytes}'), /longer than 8 bytes/],
    [vrrpYaml('auth: {password: secret}'), /stands beside a password/],
    [vrrpYaml('version: 2, advertInterval: 500ms'), /whole seconds/],
    [vrrpYaml('advertInterval: 41s'), /more than 40.95 s/],
    [vrrpYaml('advertInterval: 15ms'), /steps of 10 ms/],
    [vrrpYaml('syncGroup: both'), /has no other member/],
    [vrrpYaml('track: {scripts: {a: {command: [true]}}}'), /absolute path/],
    [`${vrrpYaml('').slice(0, -1)}, b: {${base}, addresses: [10.77.0.100]}}`, /routerId: 51 is taken by vrrp.pg/],
    [`${vrrpYaml('').slice(0, -1)}, b: {${base}, addresses: [10.77.0.100]}}`, /is an address of vrrp.pg too/],
    [vrrpYaml('virtualMac: true, priority: 255'), /virtualMac: true cannot stand beside priority 255/],
    [vrrpYaml('witness: consul'), /witness: "consul" is not one of its words; write none or etcd/],
    [vrrpYaml('witness: etcd, priority: 255'), /cannot stand beside priority 255/],
    [vrrpYaml('witness: etcd, witnessCluster: dmeo'), /witnessCluster: "dmeo" is not a cluster .*; name one of: demo/],
    [
      vrrpYaml('witness: etcd').replace('clusters: {', 'clusters: {other: {etcd: {hosts: [b:2379]}}, '),
      /witnessCluster: is missing beside witness: etcd; name the cluster whose etcd it is: other, demo/,
    ],
    [
      vrrpYaml('witness: etcd').replace('{etcd: {hosts: [a:2379]}}', '{source: patroni, patroni: {urls: [a:8008]}}'),
      /witnessCluster: "demo" has no etcd.hosts; name them in clusters.demo.etcd.hosts, or write witness: none/,
    ],
    [
      `${vrrpYaml('witness: etcd, syncGroup: g').slice(0, -1)}, b: {interface: eth0, routerId: 52, addresses: [10.77.0.101], syncGroup: g}}`,
      /vrrp.b.witness: none is not that of vrrp.pg, of the same syncGroup; set witness and witnessCluster alike/,
    ],
  ]
  for (const [yaml, said] of cases) t.match(problems({ yaml }).join('\n'), said, yaml)
  t.notMatch(problems({ yaml: vrrpYaml('auth: {password: hunter2}') }).join(), /hunter2/)
})
