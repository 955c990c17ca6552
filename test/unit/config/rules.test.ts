// The rules between keys: what must be given together, what may not, and what is warned of.

import t from 'tap'
import { cautions } from '../../../src/config/cautions.js'
import { sessionLimit } from '../../../src/config/rules.js'
import { ETCD, load, problems, withFlags } from './loading.js'

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
    /^session\.max: 600 needs 1312 open files, and this process may have 1024; .*at most 456$/,
  ])
  t.same(problems({ ...withFlags({ 'session.max': '456' }), descriptorLimit: 1024 }), [])
  t.equal(sessionLimit('auto', 1024, 1), 456)
  t.equal(sessionLimit('auto', 1024, 4), 432)
  t.equal(sessionLimit(10, 1024, 1), 10)
})
