// What becomes of the lines of HAProxy.

import t from 'tap'
import { filled, from, loaded, type Ran } from './importing.js'

const HEAD = 'defaults\n mode tcp\n timeout connect 4s\n'
const listen = (lines: string) =>
  from('haproxy', `${HEAD}listen batman\n bind :5000\n server a 10.0.0.1:5432 check port 8008\n${lines}`)
const write = ({ out }: Ran) => loaded(filled(out)).listen.write

t.test('the check decides the pool', async t => {
  const paths: readonly (readonly [string, string])[] = [
    ['', 'primary'],
    ['OPTIONS /primary', 'primary'],
    ['/master', 'primary'],
    ['GET /read-write', 'primary'],
    ['OPTIONS /replica', 'replica'],
    ['OPTIONS /read-only', 'any'],
    ['OPTIONS /synchronous', 'sync'],
    ['OPTIONS /async', 'replica'],
    ['OPTIONS /health', 'any'],
    ['OPTIONS /standby-leader', 'replica'],
  ]
  for (const [path, role] of paths) {
    const { out } = await listen(` option httpchk ${path}\n`)
    const config = loaded(filled(out))
    t.same(
      Object.values(config.listen).map(one => one.role),
      [role],
      path,
    )
  }
  t.match(await listen(' option httpchk OPTIONS /replica?lag=16777216\n'), { out: /maxLag: 16777216B/ })
  t.match(await listen(' option httpchk /primary\n http-check send uri /replica\n'), { out: /role: replica/ })
  t.match(await listen(' option httpchk GET /weird\n'), { out: /NOT UNDERSTOOD.*\n.*\/weird is no question/ })
  t.match(await listen(' option httpchk /replica\n no option httpchk\n'), { out: /source: static/ })
})

t.test('only a list of those let in becomes allow', async t => {
  const lists: readonly (readonly [string, readonly string[]])[] = [
    ['tcp-request connection reject unless { src 10.0.0.0/8 }', ['10.0.0.0/8']],
    ['tcp-request connection reject if !{ src 10.0.0.0/8 fd00::/8 }', ['10.0.0.0/8', 'fd00::/8']],
    [
      'acl a src 10.0.0.1\n acl b src 10.0.0.2\n tcp-request connection reject if !a !b',
      ['10.0.0.1/32', '10.0.0.2/32'],
    ],
    [
      'acl a src 10.0.0.1\n tcp-request connection accept if a or { src 10.0.0.2 }\n tcp-request connection reject',
      ['10.0.0.1/32', '10.0.0.2/32'],
    ],
    ['tcp-request content reject unless { src 10.0.0.0/8 }', ['10.0.0.0/8']],
    ['tcp-request connection reject if { src 10.0.0.0/8 }', []],
    ['tcp-request connection accept if { src 10.0.0.0/8 }', []],
    ['tcp-request connection reject if { src 10.0.0.1 } { dst_port 5000 }', []],
    ['acl a src -f /etc/a.lst\n tcp-request connection reject if !a', []],
  ]
  for (const [lines, allow] of lists) {
    const ran = await listen(` option httpchk\n ${lines}\n`)
    t.same(write(ran)?.allow, allow, lines)
    if (allow.length === 0) t.match(ran.out, /(LOOK AT THESE|nobody is rejected after it)/, lines)
  }
  t.match(await listen(' option httpchk\n acl a src -f /etc/a.lst\n tcp-request connection reject if !a\n'), {
    out: /its addresses stand in \/etc\/a\.lst: write them into allow/,
  })
})

t.test('a limit of 0 is none, a disabled section listens nowhere, a pool that nobody names is asked for', async t => {
  const zero = await listen(' option httpchk\n timeout client 0\n timeout server 5m\n timeout client-fin 0\n')
  t.match(write(zero), { idleTimeout: 300_000, halfCloseTimeout: 0 })
  const two = await listen(' option httpchk\nlisten off\n bind :5009\n disabled\n server a 10.0.0.1:5432\n')
  t.notMatch(two.out, /address: .*5009/)
  const nameless = await from('haproxy', `${HEAD}listen things\n bind :5000\n server a 10.0.0.1:5432 check\n`)
  t.match(nameless.out, /fill in: primary, replica, sync or any; neither check nor name tells\n {4}# role: primary/)
  t.match(nameless.err, /listen\.things\.role: is missing/)
})

t.test('accept-proxy has everybody introduced, as before, and says what is better', async t => {
  const ran = await from(
    'haproxy',
    `${HEAD}listen batman\n bind :5000 accept-proxy\n option httpchk\n server a 10.0.0.1:5432 check port 8008\n`,
  )
  t.match(write(ran), { proxyProtocol: 'require', proxyFrom: [] })
  t.match(ran.out, /believes everybody: name the balancers in proxyFrom/)
})

t.test('a value that our loader refuses is a line to look at, not a broken file', async t => {
  const ran = await listen(' option httpchk\n timeout queue 5h\n retries 99\n timeout connect 2h\n')
  t.match(ran.out, /listen\.write\.connectTimeout: 2h is not a duration from 10ms to 1min; write/)
  t.match(ran.out, /listen\.write\.connectRetries: 99 is not a whole number from 0 to 10/)
  t.match(ran.out, /listen\.write\.holdFor: 5h is not a duration from 0 to 1h/)
  t.equal(write(ran)?.connectRetries, 2)
})
