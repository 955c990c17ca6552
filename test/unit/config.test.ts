// The configuration: what is accepted, what it becomes, and what its operator is told.

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { parse as parseYaml } from 'yaml'
import { collide, formatListenAddress, readListenAddress } from '../../src/config/addresses.js'
import { cautions } from '../../src/config/cautions.js'
import { configDigest } from '../../src/config/digest.js'
import { generateSchema } from '../../src/config/json-schema.js'
import { keysOf } from '../../src/config/keys.js'
import { type ConfigInput, loadConfig } from '../../src/config/load.js'
import { flagTable, generateExample, generateReference } from '../../src/config/pages.js'
import { ConfigError, describeProblem } from '../../src/config/problems.js'
import { sessionLimit } from '../../src/config/rules.js'
import type { Config } from '../../src/config/shape.js'

const ETCD = { 'clusters.demo.etcd.hosts': 'http://10.0.0.1:2379' }

interface Given extends Omit<ConfigInput, 'hostname' | 'file' | 'read'> {
  readonly yaml?: string
  readonly files?: Readonly<Record<string, string>>
}

function load({ yaml, files = {}, ...rest }: Given): Config {
  const all: Record<string, string> = { ...files, ...(yaml !== undefined && { 'mekare.yaml': yaml }) }
  const read = (path: string): string => {
    const text = all[path]
    if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
    return text
  }
  return loadConfig({ hostname: 'host1', read, ...(yaml !== undefined && { file: 'mekare.yaml' }), ...rest })
}

function problems(given: Given): readonly string[] {
  try {
    load(given)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(describeProblem)
    throw error
  }
  return []
}

const withFlags = (flags: Record<string, string | readonly string[]>): Given => ({ flags: { ...ETCD, ...flags } })
const write = (flags: Record<string, string>) => load(withFlags(flags)).listen.write

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

t.test('five mistakes are five lines, each with path, value, remedy and place', async t => {
  const yaml = `clusters:
  demo:
    etcd: { hosts: ["http://a"] }
listen:
  write:
    holdFor: 45
    adress: ":5000"
session:
  connectRetries: many
log: { level: loud }
`
  const told = problems({ yaml })
  t.equal(told.length, 5, told.join('\n'))
  const all = told.join('\n')
  t.match(
    all,
    /^clusters\.demo\.etcd\.hosts: "http:\/\/a" names no port; write http:\/\/host:2379 .*\(mekare\.yaml line 3\)$/m,
  )
  t.match(
    all,
    /^listen\.write\.holdFor: "45" is not a duration from 0 to 1h; write .*such as 45s \(mekare\.yaml line 6\)$/m,
  )
  t.match(
    all,
    /^listen\.write\.adress: is an unknown key; did you mean listen\.write\.address\? \(mekare\.yaml line 7\)$/m,
  )
  t.match(all, /^session\.connectRetries: "many" is not a whole number from 0 to 10; .*line 9\)$/m)
  t.match(all, /^log\.level: "loud" is not one of its words; write trace, debug, info, warn or error .*line 10\)$/m)
})

t.test('mistakes of every layer and of the rules between keys are told together', async t => {
  const yaml = 'clusters: {demo: {source: patroni}}\nlog: {level: loud}'
  const told = problems({
    yaml,
    env: { MEKARE_RELAY__THREADS: '0' },
    flags: { 'listen.read.address': '0.0.0.0:5000' },
  }).join('\n')
  t.match(told, /^clusters\.demo\.patroni\.urls: is empty, and source patroni needs it; name at least one/m)
  t.match(told, /^log\.level: .*\(mekare\.yaml line 2\)$/m)
  t.match(told, /^relay\.threads: "0" is not .*\(environment MEKARE_RELAY__THREADS\)$/m)
  t.match(told, /^listen\.read\.address: 0\.0\.0\.0:5000 is taken by listen\.write\.address/m)
  t.equal(told.split('\n').length, 4)
})

t.test('an error has the exit code of a configuration, and a line for each problem', async t => {
  const error = new ConfigError([
    { path: 'a.b', value: '"x"', why: 'is wrong', remedy: 'write y', origin: 'flag --a.b' },
  ])
  t.equal(error.exitCode, 78)
  t.equal(error.message, 'a.b: "x" is wrong; write y (flag --a.b)')
})

t.test('an unknown key is told with the key it was meant to be, wherever that is', async t => {
  const one = (flags: Record<string, string>) => problems(withFlags(flags)).join('\n')
  t.match(one({ 'listen.write.maxPerAddres': '1' }), /did you mean listen\.write\.maxPerAddress\?/)
  t.match(one({ 'lsten.write.address': ':1' }), /^lsten: is an unknown key; did you mean listen\? /)
  t.match(one({ 'clusters.demo.slowStart': '1s' }), /did you mean clusters\.demo\.probe\.slowStart\?/)
  t.match(one({ 'level.of.detail': '1' }), /^level: is an unknown key; take it out/)
  t.match(one({ 'log.level.x': '1' }), /^log\.level\.x: is an unknown key/)
  t.match(one({ 'listen.__proto__.address': ':1' }), /^listen\.__proto__: "__proto__" cannot be a name/)
})

t.test('a mistyped key that a rule asks for is told once', async t => {
  const told = problems({ flags: { 'clusters.demo.etcd.host': 'a:2379' } })
  t.match(told, [/did you mean clusters\.demo\.etcd\.hosts\?/])
  t.equal(told.length, 1)
})

t.test('what comes in later versions is refused by name', async t => {
  for (const [key, value] of [
    ['mode', 'transaction'],
    ['forward', 'kernel'],
    ['tls', 'terminate'],
  ]) {
    const told = problems(withFlags({ [`listen.write.${key}`]: value ?? '' }))
    t.match(told, [new RegExp(`^listen\\.write\\.${key}: "${value}" is not available in this version; write `)])
  }
  t.same(
    problems(
      withFlags({ 'listen.write.mode': 'session', 'listen.write.forward': 'relay', 'listen.write.tls': 'pass' }),
    ),
    [],
  )
})

t.test(
  'who may say whom a client is must be named where others come as themselves, and is warned of where everybody may',
  async t => {
    const told = problems(withFlags({ 'session.proxyProtocol': 'accept', 'listen.read.proxyFrom': '10.0.0.5' }))
    t.same(told, [
      'listen.write.proxyFrom: is empty, and proxyProtocol accept needs it; name the balancers in front, such as 10.0.0.5 or 10.0.0.0/29',
    ])
    t.match(problems(withFlags({ 'listen.write.proxyProtocol': 'v2' })), [/write off, accept or require/])
    const open = load(withFlags({ 'listen.write.proxyProtocol': 'require' }))
    t.match(cautions(open), [
      /^listen\.write\.proxyFrom: is empty, and proxyProtocol is require: whoever reaches the port can claim/,
    ])
    const closed = { 'session.proxyProtocol': 'require', 'session.proxyFrom': '10.0.0.5, fd00::/64' }
    t.same(cautions(load(withFlags(closed))), [])
    t.same(cautions(load(withFlags({ ...closed, 'listen.read.proxyFrom': [] }))), [])
    const unix = { 'listen.write.address': '/run/x.sock', 'listen.write.proxyProtocol': 'require' }
    t.same(cautions(load(withFlags(unix))), [], 'a Unix socket has no addresses, and its directory guards it')
  },
)

t.test('a password is read from its file without one newline at the end', async t => {
  const yaml =
    'clusters: {demo: {etcd: {hosts: [a:2379], username: root, passwordFile: /e}, probe: {user: m, passwordFile: /p}}}'
  const config = load({ yaml, files: { '/p': ' s3cret\n\n', '/e': 'x\r\n' } })
  t.equal(config.clusters.demo?.probe.password, ' s3cret\n')
  t.equal(config.clusters.demo?.etcd.password, 'x')
  t.notOk('passwordFile' in (config.clusters.demo?.probe ?? {}))
  t.match(problems({ yaml, files: { '/e': 'x' } }), [
    /^clusters\.demo\.probe\.passwordFile: "\/p" cannot be read \(ENOENT\);/,
  ])
  t.match(problems({ yaml, files: { '/e': 'x', '/p': '\n' } }), [/passwordFile: "\/p" is empty/])
})

t.test('a password comes from the file or the environment, as it was written, and never from a flag', async t => {
  const yaml = 'clusters: {demo: {etcd: {hosts: [a:2379]}, probe: {user: m, password: 0123}}}'
  t.equal(load({ yaml }).clusters.demo?.probe.password, '0123')
  const env = { MEKARE_CLUSTERS__DEMO__PROBE__PASSWORD: 'a, b ' }
  t.equal(load({ yaml, env }).clusters.demo?.probe.password, 'a, b ')
  const told = problems(withFlags({ 'clusters.demo.probe.user': 'm', 'clusters.demo.probe.password': 'hunter2' }))
  t.match(told, [
    /^clusters\.demo\.probe\.password: is not taken as a flag, since process lists show flags; use clusters\.demo\.probe\.passwordFile, or the environment/,
  ])
})

t.test(
  'a password of a higher layer puts a password file of a lower one out of force; beside each other they are refused',
  async t => {
    const yaml = 'clusters: {demo: {etcd: {hosts: [a:2379]}, probe: {user: m, passwordFile: /gone}}}'
    t.equal(load({ yaml, env: { MEKARE_CLUSTERS__DEMO__PROBE__PASSWORD: 'x' } }).clusters.demo?.probe.password, 'x')
    const both = 'clusters: {demo: {etcd: {hosts: [a:2379]}, probe: {user: m, password: y, passwordFile: /p}}}'
    t.match(problems({ yaml: both, files: { '/p': 'x' } }), [/is given beside a password; keep one/])
  },
)

t.test('no error text holds a secret', async t => {
  const secret = 'hunter2'
  const probe = (text: string) => `clusters: {demo: {etcd: {hosts: [a:2379]}, probe: {${text}}}}`
  const cases: Given[] = [
    { yaml: probe(`password: [${secret}]`) },
    { yaml: probe(`password: {a: ${secret}}`) },
    { yaml: probe(`pasword: ${secret}`) },
    { yaml: probe(`password: ${secret}`) },
    { yaml: probe(`password: *${secret}`) },
    { yaml: probe(`password: !${secret}`) },
    { yaml: probe(`password: "${secret}`) },
    { yaml: `clusters:\n  demo:\n   password: ${secret}: x\n  - ${secret}` },
    { yaml: secret },
    withFlags({ 'clusters.demo.probe.password': secret }),
    withFlags({ 'clusters.demo.probe.passwort': secret }),
    { flags: { 'clusters.demo.etcd.hosts': `http://root:${secret}@a:2379` } },
    { flags: { 'clusters.demo.etcd.hosts': `root:${secret}/@${secret}@a:2379` } },
    { flags: { 'clusters.demo.patroni.urls': `http://root:${secret}@a:8008`, 'clusters.demo.source': 'patroni' } },
    { ...withFlags({}), env: { MEKARE_CLUSTERS__DEMO__PROBE__PASSWORD: secret } },
  ]
  for (const given of cases) {
    const told = problems(given).join('\n')
    t.not(told, '', JSON.stringify(given))
    t.notMatch(told, secret)
  }
})

t.test('YAML that cannot be read is told with its place', async t => {
  t.match(problems({ yaml: 'clusters:\n  demo: {etcd: [}\n' }), [
    /^mekare\.yaml line 2, column \d+: is not YAML as expected/,
  ])
  t.match(problems({ yaml: 'log: {level: info}\nlog: {level: warn}' }), [/line 2, column 1: .*duplicate key/])
  t.match(problems({ yaml: '- a\n- b' }), [/^mekare\.yaml: is not a map of keys/])
  t.throws(() => load({ file: 'gone.yaml' } as Given), /^gone\.yaml: cannot be read \(ENOENT\)/)
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

t.test('an address is a host and port, all interfaces, or the path of a Unix socket', async t => {
  const read: [string, object][] = [
    ['127.0.0.1:5000', { kind: 'tcp', host: '127.0.0.1', port: 5000 }],
    ['db.example:5000', { kind: 'tcp', host: 'db.example', port: 5000 }],
    ['[::1]:5000', { kind: 'tcp', host: '::1', port: 5000 }],
    [':5000', { kind: 'tcp', host: '', port: 5000 }],
    ['*:5000', { kind: 'tcp', host: '', port: 5000 }],
    ['127.0.0.1:0', { kind: 'tcp', host: '127.0.0.1', port: 0 }],
    ['/run/pg/.s.PGSQL.5000', { kind: 'unix', path: '/run/pg/.s.PGSQL.5000' }],
  ]
  for (const [text, want] of read) t.same(write({ 'listen.write.address': text })?.address, want, text)
  const wrong = [
    '5000',
    'a',
    'a:',
    'a:65536',
    'a:-1',
    '::1:5000',
    '[a]:5000',
    'a b:1',
    '300.1.1.1:5',
    `/${'x'.repeat(107)}`,
  ]
  for (const text of wrong)
    t.match(problems(withFlags({ 'listen.write.address': text })), [/^listen\.write\.address: "/], text)
})

t.test('a listening address reads back as it was written, and no text makes the reader throw', async () => {
  const host = fc.oneof(
    fc.ipV4(),
    fc.ipV6().filter(ip => !ip.includes('.')),
    fc.constant(''),
  )
  fc.assert(
    fc.property(host, fc.nat(65535), (host, port) => {
      const reading = readListenAddress(formatListenAddress({ kind: 'tcp', host, port }))
      return reading.ok && reading.value.kind === 'tcp' && reading.value.host === host && reading.value.port === port
    }),
  )
  fc.assert(fc.property(fc.string(), text => typeof readListenAddress(text).ok === 'boolean'))
})

t.test('two listeners on one address are refused, a wildcard counted as every address of its kind', async t => {
  const at = (host: string, port = 5000) => ({ kind: 'tcp', host, port }) as const
  t.ok(collide(at('0.0.0.0'), at('127.0.0.1')))
  t.ok(collide(at(''), at('10.0.0.1')))
  t.ok(collide(at('::'), at('127.0.0.1')))
  t.ok(collide(at('a'), at('a')))
  t.notOk(collide(at('0.0.0.0'), at('::1')))
  t.notOk(collide(at('127.0.0.1'), at('127.0.0.2')))
  t.notOk(collide(at('0.0.0.0', 0), at('0.0.0.0', 0)))
  t.notOk(collide(at('a'), { kind: 'unix', path: '/a' }))
  t.match(problems(withFlags({ 'admin.address': ':5001' })), [
    /^admin\.address: :5001 is taken by listen\.read\.address \(0\.0\.0\.0:5001\)/,
  ])
  const path = { 'listen.write.address': '/run/x', 'admin.socket': '/run/x' }
  t.match(problems(withFlags(path)), [/^admin\.socket: \/run\/x is taken by listen\.write\.address/])
})

t.test('members, endpoints and address blocks are checked and put into one form', async t => {
  const config = load({
    flags: {
      ...ETCD,
      'clusters.demo.static.members': 'a, 10.0.0.1:6432,[fd00::1]:5433,::1',
      'clusters.demo.patroni.urls': 'https://[fd00::1]:8008/',
      'clusters.demo.namespace': 'db',
      'session.allow': '10.0.0.0/8,fd00::/8,127.0.0.1',
    },
  })
  t.same(config.clusters.demo?.static.members, [
    { host: 'a', port: 5432 },
    { host: '10.0.0.1', port: 6432 },
    { host: 'fd00::1', port: 5433 },
    { host: '::1', port: 5432 },
  ])
  t.same(config.clusters.demo?.patroni.urls, ['https://[fd00::1]:8008'])
  t.equal(config.clusters.demo?.namespace, '/db/')
  t.same(config.session.allow, ['10.0.0.0/8', 'fd00::/8', '127.0.0.1/32'])
  for (const cidr of ['10.0.0.0/33', '10.0.0/8', 'fd00::/129', '10.0.0.0/8/8', '10.0.0.0/', 'all']) {
    t.match(problems(withFlags({ 'session.allow': cidr })), [/^session\.allow: "/], cidr)
  }
  for (const url of ['ftp://a:1', 'http://a', 'http://a:1/v3', 'http://:2379', 'http://a:0', 'a:b:1']) {
    t.match(problems({ flags: { 'clusters.demo.etcd.hosts': url } }), [/^clusters\.demo\.etcd\.hosts: "/], url)
  }
})

t.test('each source needs its addresses, and source static the role that asks', async t => {
  t.match(problems({}), [/^clusters: is empty; name one and its etcd/])
  t.match(problems({ yaml: 'clusters: {demo: }' }), [
    /^clusters\.demo\.etcd\.hosts: is empty, and source etcd needs it/,
  ])
  const fixed = { 'clusters.demo.source': 'static', 'clusters.demo.static.members': 'a' }
  t.match(problems({ flags: fixed }), [/^clusters\.demo\.probe\.user: is missing, and source static needs it/])
  t.same(problems({ flags: { ...fixed, 'clusters.demo.probe.user': 'm' } }), [])
  t.match(problems({ flags: { 'clusters.demo.source': 'static' } }), [/static\.members/, /probe\.user/])
})

t.test('what is only half given is refused', async t => {
  const files = { '/c': 'x', '/p': 'x' }
  const told = (flags: Record<string, string>) => problems({ ...withFlags(flags), files })
  t.match(told({ 'clusters.demo.etcd.cert': '/c' }), [/^clusters\.demo\.etcd\.key: is missing beside cert/])
  t.match(told({ 'clusters.demo.patroni.key': '/c' }), [/^clusters\.demo\.patroni\.cert: is missing beside key/])
  t.match(told({ 'clusters.demo.etcd.username': 'u' }), [
    /^clusters\.demo\.etcd\.passwordFile: is missing beside username/,
  ])
  t.match(told({ 'clusters.demo.etcd.passwordFile': '/p' }), [
    /^clusters\.demo\.etcd\.username: is missing beside a password/,
  ])
  t.match(told({ 'clusters.demo.probe.passwordFile': '/p' }), [
    /^clusters\.demo\.probe\.user: is missing beside a password/,
  ])
  t.match(told({ 'clusters.demo.probe.ca': '/gone' }), [
    /^clusters\.demo\.probe\.ca: "\/gone" cannot be read \(ENOENT\)/,
  ])
})

t.test('more sessions than the process may have files for are refused', async t => {
  t.match(problems({ ...withFlags({ 'session.max': '600' }), descriptorLimit: 1024 }), [
    /^session\.max: 600 needs 1264 open files, and this process may have 1024; .*at most 480$/,
  ])
  t.same(problems({ ...withFlags({ 'session.max': '480' }), descriptorLimit: 1024 }), [])
  t.equal(sessionLimit('auto', 1024), 480)
  t.equal(sessionLimit(10, 1024), 10)
})

t.test('values of the wrong shape are told as such', async t => {
  const told = (yaml: string) => problems({ yaml: `clusters: {demo: {etcd: {hosts: [a:2379]}}}\n${yaml}` })
  t.match(told('log: info'), [/^log: is not a map of keys; give it keys: level, format/])
  t.match(told('log: {level: [info]}'), [/^log\.level: is a list, not one of its words; write trace/])
  t.match(told('log: {level: {a: b}}'), [/^log\.level\.a: is an unknown key/])
  t.match(told('session: {allow: [[a]]}'), [/^session\.allow: holds something that is not plain text/])
  t.match(told('listen: {write: 5000}'), [/^listen\.write: is not a map of keys/])
  t.match(told('listen.write.address: ":1"'), [/listen\.write\.address: is an unknown key/])
  t.match(told('fleet: {enabled: maybe, name: "a b"}'), [
    /^fleet\.enabled: "maybe" is not true or false/,
    /^fleet\.name: "a b" is not a name/,
  ])
})

t.test('a wrong value of session is told once, not once for each listener', async t => {
  t.equal(problems(withFlags({ 'session.connectTimeout': 'soon' })).length, 1)
})

t.test('a host name that cannot be a name does not stop the start', async t => {
  t.equal(loadConfig({ hostname: 'bad host', flags: ETCD }).fleet.name, 'bad-host')
  t.equal(loadConfig({ hostname: '', flags: ETCD }).fleet.name, 'mekare')
})

t.test('the digest tells configurations apart, but not their secrets, their order or their proxy', async t => {
  const yaml = (text: string) => configDigest(load({ yaml: `clusters: {demo: {${text}}}` }))
  const base = yaml('etcd: {hosts: [a:2379]}, probe: {user: m, password: x}')
  t.match(base, /^[0-9a-f]{64}$/)
  t.equal(yaml('probe: {password: y, user: m}, etcd: {hosts: ["http://a:2379/"]}'), base)
  t.not(yaml('etcd: {hosts: [b:2379]}, probe: {user: m, password: x}'), base)
  t.equal(configDigest(load(withFlags({ 'fleet.name': 'other' }))), configDigest(load(withFlags({}))))
  t.not(configDigest(load(withFlags({ 'listen.write.holdFor': '46s' }))), configDigest(load(withFlags({}))))
  const listening = (address: string) => configDigest(load(withFlags({ 'listen.write.address': address })))
  t.equal(listening('10.0.0.7:5000'), listening('10.0.0.8:5000'), 'each host may listen on an address of its own')
  t.not(listening('10.0.0.7:5000'), listening('10.0.0.7:5002'))
})

t.test('every key has an explanation, a type and a place in the schema', async t => {
  for (const { path, leaf } of keysOf()) {
    t.ok(
      leaf.doc.endsWith('.') && leaf.noun && leaf.write && leaf.unit && Object.keys(leaf.json).length,
      path.join('.'),
    )
  }
})

t.test('the flag table holds every key but the secrets', async t => {
  const rows = flagTable()
  t.equal(rows.length, keysOf().filter(({ leaf }) => !leaf.secret).length)
  t.same(
    rows.filter(({ name }) => name.endsWith('.password')),
    [],
  )
  t.match(
    rows.find(({ name }) => name === '--listen.<name>.holdFor'),
    { default: '45s for role primary, else 5s', type: 'duration, 0 to 1h' },
  )
})

t.test('the sample file is a configuration, and says what the defaults are', async t => {
  const config = load({ yaml: generateExample() })
  const hosts = 'http://10.77.0.11:2379,http://10.77.0.12:2379,http://10.77.0.13:2379'
  t.same(config, load({ flags: { 'clusters.demo.etcd.hosts': hosts } }))
})

/** Whether every key of a value is one the schema's properties know. */
function known(value: unknown, schema: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return true
  const {
    properties = {},
    additionalProperties: more,
    anyOf,
  } = schema as Record<string, Record<string, unknown> | undefined>
  if (Array.isArray(anyOf)) return anyOf.some(one => known(value, one))
  return Object.entries(value).every(([name, field]) => {
    const next = properties[name] ?? more
    return Boolean(next) && known(field, next)
  })
}

t.test('the schema knows every key of the sample file and no other', async t => {
  const schema = JSON.parse(generateSchema())
  t.ok(known(parseYaml(generateExample()), schema))
  t.notOk(known({ log: { levle: 'info' } }, schema))
  t.match(schema.properties.fleet.properties.enabled, { default: true })
})

t.test('the generated files are those of the table (else: node dist/src/config/generate.js)', async t => {
  const root = new URL('../../../', import.meta.url)
  const pages = {
    'config/mekare.example.yaml': generateExample(),
    'config/mekare.schema.json': generateSchema(),
    'doc/reference/config.md': generateReference(),
  }
  for (const [path, text] of Object.entries(pages)) t.equal(readFileSync(new URL(path, root), 'utf8'), text, path)
})

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
