// What an operator is told of mistakes: each with path, value, remedy and place.

import t from 'tap'
import { loadConfig } from '../../../src/config/load.js'
import { ConfigError } from '../../../src/config/problems.js'
import { ETCD, type Given, load, problems, withFlags } from './loading.js'

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

t.test('YAML that cannot be read is told with its place', async t => {
  t.match(problems({ yaml: 'clusters:\n  demo: {etcd: [}\n' }), [
    /^mekare\.yaml line 2, column \d+: is not YAML as expected/,
  ])
  t.match(problems({ yaml: 'log: {level: info}\nlog: {level: warn}' }), [/line 2, column 1: .*duplicate key/])
  t.match(problems({ yaml: '- a\n- b' }), [/^mekare\.yaml: is not a map of keys/])
  t.throws(() => load({ file: 'gone.yaml' } as Given), /^gone\.yaml: cannot be read \(ENOENT\)/)
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
