// Passwords: where they come from, and that no text repeats them.

import t from 'tap'
import { type Given, load, problems, withFlags } from './loading.js'

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
