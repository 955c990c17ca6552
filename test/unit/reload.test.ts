// What a reload would do, as tables: old file, new file, plan; and the same in words.

import t from 'tap'
import { collide } from '../../src/config/addresses.js'
import { changesBetween } from '../../src/config/changes.js'
import { loadConfig } from '../../src/config/load.js'
import type { Config } from '../../src/config/shape.js'
import { type Plan, planOpening, planReload } from '../../src/reload/plan.js'

const read = (path: string) => {
  const files: Record<string, string> = { '/secret': 'hunter2\n', '/other': 'hunter3\n', '/ca': 'PEM' }
  const text = files[path]
  if (text === undefined) throw Object.assign(new Error('gone'), { code: 'ENOENT' })
  return text
}

/** A file of one cluster, `demo`, and whatever else is given. */
function config(more = '', cluster = 'etcd: {hosts: [a:2379]}'): Config {
  const yaml = `clusters: {demo: {${cluster}}}\n${more}`
  return loadConfig({
    file: 'mekare.yaml',
    hostname: 'gate',
    read: path => (path === 'mekare.yaml' ? yaml : read(path)),
  })
}

const plan = (before: Config, after: Config) => planReload(before, after, { collide })

/** A plan in short: `write: goes on, socket of write`. */
function inShort({ listeners, closing, clusters, admin, log, needsRestart, sidecar }: Plan): string[] {
  return [
    ...clusters
      .filter(({ how }) => how !== 'keep')
      .map(({ name, how, source, probes }) =>
        [`cluster ${name}: ${how}`, ...(source ? ['source'] : []), ...(probes ? ['probes'] : [])].join(', '),
      ),
    ...listeners
      .filter(({ name, goesOn, socketOf }) => !goesOn || socketOf !== name)
      .map(({ name, goesOn, socketOf, blockedBy }) =>
        [
          `${name}: ${goesOn ? 'goes on' : 'new'}`,
          socketOf === undefined ? 'opens' : `socket of ${socketOf}`,
          ...blockedBy.map(other => `after ${other}`),
        ].join(', '),
      ),
    ...closing.map(name => `closes ${name}`),
    ...(admin ? ['admin moves'] : []),
    ...(log ? ['log'] : []),
    ...(sidecar ? ['sidecar'] : []),
    ...needsRestart.map(key => `restart for ${key}`),
  ]
}

const REPORT = 'report: {address: ":5002", role: any}'

const TABLE: readonly (readonly [says: string, before: Config, after: Config, expected: readonly string[]])[] = [
  ['the same file asks for nothing', config(), config(), []],
  ['rules of a listener leave its socket alone', config(), config('listen: {write: {holdFor: 1min, role: any}}'), []],
  [
    'limits of sessions, pools and the fleet need nothing',
    config(),
    config('session: {max: 10}\nfleet: {name: x}'),
    [],
  ],
  ['a listener more is opened', config(), config(`listen: {${REPORT}}`), ['report: new, opens']],
  ['a listener less is closed', config(), config('listen: {read: off}'), ['closes read']],
  [
    'a listener that moves opens the new address and closes the old',
    config(),
    config('listen: {read: {address: ":5003"}}'),
    ['read: goes on, opens', 'closes read'],
  ],
  [
    'two that change places keep both sockets',
    config(),
    config('listen: {write: {address: "0.0.0.0:5001"}, read: {address: "0.0.0.0:5000"}}'),
    ['write: goes on, socket of read', 'read: goes on, socket of write'],
  ],
  [
    'a renamed one keeps its socket',
    config(),
    config('listen: {read: off, reads: {address: "0.0.0.0:5001", role: replica}}'),
    ['reads: new, socket of read'],
  ],
  [
    'from all interfaces to one of them the old socket has to go first',
    config(),
    config('listen: {write: {address: "127.0.0.1:5000"}}'),
    ['write: goes on, opens, after write', 'closes write'],
  ],
  [
    'a source that changes is begun anew, and what is known stays',
    config(),
    config('', 'etcd: {hosts: [b:2379]}'),
    ['cluster demo: change, source'],
  ],
  [
    'so does the kind of source',
    config(),
    config('', 'source: patroni, patroni: {urls: [c:8008]}'),
    ['cluster demo: change, source'],
  ],
  [
    'a password of the probe asks members anew, its rules do not',
    config('', 'etcd: {hosts: [a:2379]}, probe: {user: p, passwordFile: /secret}'),
    config('', 'etcd: {hosts: [a:2379]}, probe: {user: p, passwordFile: /other, rise: 3, interval: 2s}'),
    ['cluster demo: change, probes'],
  ],
  [
    'rise and fall alone ask nobody anew',
    config(),
    config('', 'etcd: {hosts: [a:2379]}, probe: {rise: 3}'),
    ['cluster demo: change'],
  ],
  [
    'another scope is another cluster, and its listeners begin empty',
    config(),
    config('', 'etcd: {hosts: [a:2379]}, scope: other'),
    ['cluster demo: begin', 'write: new, socket of write', 'read: new, socket of read'],
  ],
  [
    'without Patroni members go by their addresses: another cluster too',
    config(),
    config('', 'source: static, static: {members: [d]}, probe: {user: p}'),
    ['cluster demo: begin', 'write: new, socket of write', 'read: new, socket of read'],
  ],
  [
    'admin address, log and vrrp',
    config(),
    config(
      'admin: {address: "127.0.0.1:7001"}\nlog: {level: debug}\nvrrp: {pg: {interface: eth0, routerId: 51, addresses: [10.0.0.9/24]}}',
    ),
    ['admin moves', 'log', 'sidecar'],
  ],
  [
    'engine and control socket need a restart',
    config(),
    config('relay: {engine: net}\nadmin: {socket: /tmp/x.sock}'),
    ['restart for relay', 'restart for admin.socket'],
  ],
]

t.test('what a reload asks for', async t => {
  for (const [says, before, after, expected] of TABLE) t.strictSame(inShort(plan(before, after)), expected, says)
})

t.test('a process that begins opens every listener and begins every cluster', async t => {
  const { clusters, listeners, closing } = planOpening(config())
  t.strictSame(
    clusters.map(({ how }) => how),
    ['begin'],
  )
  t.strictSame(
    listeners.map(({ name, goesOn, socketOf }) => [name, goesOn, socketOf]),
    [
      ['write', true, undefined],
      ['read', true, undefined],
    ],
  )
  t.strictSame(closing, [])
})

t.test('what has changed, in words', async t => {
  t.strictSame(
    changesBetween(
      config('session: {idleTimeout: 90s}\nlog: {level: warn}'),
      config(
        `listen: {${REPORT}, read: off, write: {maxLag: 17MiB, address: "127.0.0.1:5000", allow: [10.0.0.0/8]}}\nsession: {idleTimeout: 2h}`,
        'etcd: {hosts: [a:2379, b:2379], username: u, passwordFile: /secret}',
      ),
    ),
    [
      'clusters.demo.etcd.hosts: http://a:2379 → http://a:2379, http://b:2379',
      'clusters.demo.etcd.username: not given → u',
      'clusters.demo.etcd.password: changed',
      'listen.write.address: 0.0.0.0:5000 → 127.0.0.1:5000',
      'listen.write.maxLag: 16MiB → 17MiB',
      'listen.write.allow: none → 10.0.0.0/8',
      'listen.read: removed',
      'listen.report: added',
      'session.idleTimeout: 90s → 2h',
      'log.level: warn → info',
    ],
    'what listeners take over from session is told once; nothing is rounded',
  )
})

t.test('no secret is shown', async t => {
  const login = (file: string) => config('', `etcd: {hosts: [a:2379]}, probe: {user: p, passwordFile: ${file}}`)
  const changes = changesBetween(login('/secret'), login('/other'))
  t.strictSame(changes, ['clusters.demo.probe.password: changed'])
})
