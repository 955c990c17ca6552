// Addresses to listen on.

import fc from 'fast-check'
import t from 'tap'
import { collide, formatListenAddress, readListenAddress } from '../../../src/config/addresses.js'
import { load, problems, withFlags } from './loading.js'

const write = (flags: Record<string, string>) => load(withFlags(flags)).listen.write

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
