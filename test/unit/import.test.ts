// What `mekare import` makes of configurations of HAProxy, keepalived and Patroni. Each directory of test/unit/import is a transcript:
// the files that went in, and what came out on standard output (expected.yaml) and standard error (expected.txt).
// MEKARE_REWRITE=1 writes what comes out now; read the difference before you keep it.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import t from 'tap'
import { parseDocument } from 'yaml'
import { cli } from '../../src/cli/cli.js'
import { loadConfig } from '../../src/config/load.js'
import { key } from '../../src/import/finding.js'
import { cut } from '../../src/import/haproxy/cut.js'
import { cut as cutKeepalived } from '../../src/import/keepalived/cut.js'
import { print } from '../../src/import/print.js'
import { quoted } from '../../src/import/quote.js'

const TRANSCRIPTS = fileURLToPath(new URL('../../../test/unit/import', import.meta.url))
const cases = readdirSync(TRANSCRIPTS).sort()

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function run(args: readonly string[]): Promise<Ran> {
  let [out, err] = ['', '']
  const never = () => {
    throw new Error('import asks for nothing else')
  }
  const code = await cli(['import', ...args], {
    version: '0',
    run: never,
    check: never,
    vrrp: never,
    demo: never,
    socketOf: never,
    out: text => (out += text),
    err: text => (err += text),
    env: {},
  })
  return { code, out, err }
}

/** The arguments for the files of a directory. */
function argsFor(dir: string): string[] {
  const given = [
    ['--haproxy', 'haproxy.cfg'],
    ['--keepalived', 'keepalived.conf'],
    ['--patroni', 'patroni.yml'],
  ] as const
  return given.flatMap(([flag, name]) => (existsSync(join(dir, name)) ? [flag, join(dir, name)] : []))
}

/** Runs with this text as the file of a kind. */
async function from(kind: 'haproxy' | 'keepalived', text: string | Buffer, ...more: string[]): Promise<Ran> {
  const dir = mkdtempSync(join(tmpdir(), 'mekare-import-'))
  const path = join(dir, `${kind}.conf`)
  writeFileSync(path, text)
  const ran = await run([`--${kind}`, path, ...more])
  rmSync(dir, { recursive: true })
  return { ...ran, err: ran.err.replaceAll(`${dir}/`, '') }
}

/** The lines of a file that say something: not blank, no comment, no brace alone. */
const telling = (text: string): number[] =>
  text.split('\n').flatMap((line, index) => (/^[\s{}]*([#!]|$)/.test(line) ? [] : [index + 1]))

/** The lines of a file that the output names: `haproxy.cfg:3,7-9`. */
function named(file: string, out: string): Set<number> {
  const places = out.matchAll(new RegExp(`(?<=[# ])${file.replace('.', '\\.')}:([\\d,-]+)`, 'g'))
  const runs = [...places].flatMap(([, list = '']) => list.split(','))
  return new Set(
    runs.flatMap(run => {
      const [low = '', high = low] = run.split('-')
      return Array.from({ length: Number(high) - Number(low) + 1 }, (_, i) => Number(low) + i)
    }),
  )
}

const vanished = (file: string, text: string, out: string): number[] => {
  const there = named(file, out)
  return telling(text).filter(no => !there.has(no))
}

/** The output with its holes filled, for our loader. */
const filled = (out: string): string =>
  out.replace(/^( *)hosts: \[\]$/gm, '$1hosts: [10.0.0.1:2379]').replace(/^( *)# (probe:|( *)user: .*)$/gm, '$1$2')

const loaded = (text: string) =>
  loadConfig({ file: 'f', env: {}, hostname: 'h', read: path => (path === 'f' ? text : 'secret') })

for (const name of cases) {
  t.test(`transcript ${name}`, async t => {
    const dir = join(TRANSCRIPTS, name)
    const { code, out, err } = await run([...argsFor(dir), '--config-id', 'main'])
    if (process.env.MEKARE_REWRITE) {
      writeFileSync(join(dir, 'expected.yaml'), out)
      writeFileSync(join(dir, 'expected.txt'), err)
    }
    t.equal(code, 0)
    t.equal(out, readFileSync(join(dir, 'expected.yaml'), 'utf8'))
    t.equal(err, readFileSync(join(dir, 'expected.txt'), 'utf8'))
    for (const file of ['haproxy.cfg', 'keepalived.conf', 'checks.d/10-checks.conf']) {
      const path = join(dir, file)
      if (!existsSync(path)) continue
      const text = readFileSync(path, 'utf8')
      t.ok(telling(text).length > 10, 'there is something to count')
      t.same(vanished(file.replace(/.*\//, ''), text, out), [], `no line of ${file} vanishes`)
    }
    t.notMatch(out + err, /hunter2|correct horse|aHVudGVyMg|30000757365/, 'no secret is repeated')
    t.same(parseDocument(out).errors, [])
    if (!out.includes('$OUTSIDE')) loaded(filled(out))
  })
}

t.test("with Patroni's own file the output loads as it is", async t => {
  const { out, err } = await run(argsFor(join(TRANSCRIPTS, 'whole-host')))
  const config = loaded(out)
  t.same(Object.keys(config.clusters), ['orders'])
  t.equal(config.clusters.orders?.namespace, '/db/')
  t.same(
    config.clusters.orders?.etcd.hosts,
    ['21', '22', '23'].map(n => `http://10.0.0.${n}:2379`),
  )
  t.same(Object.keys(config.listen), ['write', 'read'])
  t.equal(config.vrrp.pg?.preempt, false)
  t.notMatch(err, /still to be filled in/)
})

t.test('keys given on the command line win, and fill the holes', async t => {
  const path = join(TRANSCRIPTS, 'patroni-template', 'haproxy.cfg')
  const keys = ['--clusters.main.etcd.hosts', '10.1.1.1:2379,10.1.1.2:2379', '--clusters.main.probe.fall', '5']
  const { out, err } = await run(['--haproxy', path, ...keys, '--clusters.main.scope=batman'])
  const config = loadConfig({ file: 'f', env: {}, hostname: 'h', read: () => out })
  t.same(config.clusters.main?.etcd.hosts, ['http://10.1.1.1:2379', 'http://10.1.1.2:2379'])
  t.equal(config.clusters.main?.probe.fall, 5)
  t.equal(config.clusters.main?.scope, 'batman')
  t.notMatch(err, /still to be filled in/)
  t.match(await run(['--haproxy', path, '--clusters.main.ectd.hosts', 'x']), { code: 2, out: '', err: /did you mean/ })
  const wrong = await run(['--haproxy', path, ...keys, '--listen.write.connectTimeout', '5h'])
  t.match(wrong.out, /connectTimeout: 5h/, 'what is given by hand stays')
  t.match(wrong.err, /mended:\n {2}listen\.write\.connectTimeout: "5h" is not a duration/)
})

t.test('what is no such configuration is one line with its place', async t => {
  const haproxy: readonly (readonly [string | Buffer, RegExp])[] = [
    ['listen x\n  bind "*:5000\n', /^haproxy\.conf:2: has a quote that is never closed\n$/],
    [
      'vrrp_instance x {\n}\n',
      /^haproxy\.conf:1: "vrrp_instance" is keepalived's; give this file with --keepalived\n$/,
    ],
    ['hello world\n', /^haproxy\.conf:1: "hello" stands outside a section, so this is no configuration of HAProxy/],
    [Buffer.from('global\n\0\0\n'), /^haproxy\.conf:2: is binary, not a configuration\n$/],
    [Buffer.alloc(5 * 2 ** 20, 'a'), /^haproxy\.conf: has 5242880 bytes; a configuration has at most 4194304\n$/],
    [
      '',
      /^nothing to take over in haproxy\.conf: looked for a listen or frontend section in mode tcp with a bind line\n$/,
    ],
    ['global\n maxconn 5\nfrontend x\n mode http\n bind :80\n', /^nothing to take over in haproxy\.conf/],
  ]
  for (const [text, err] of haproxy) t.match(await from('haproxy', text), { code: 1, out: '', err })
  const keepalived: readonly (readonly [string, RegExp])[] = [
    ['vrrp_instance x {\n priority 5\n', /^keepalived\.conf:1: the block vrrp_instance x \{ is never closed\n$/],
    ['vrrp_instance x {\n}\n}\n', /^keepalived\.conf:3: a brace \} closes nothing; take it out, or open its block\n$/],
    ['{\n}\n', /^keepalived\.conf:1: a block \{ has no name\n$/],
    ['vrrp_script c {\n script "/bin/true\n}\n', /^keepalived\.conf:2: has a quote that is never closed\n$/],
    ['global\n maxconn 5\n', /^keepalived\.conf:1: "global" is HAProxy's; give this file with --haproxy\n$/],
    ['virtual_server 10.0.0.1 80 {\n}\n', /^nothing to take over in keepalived\.conf: looked for a vrrp_instance\n$/],
  ]
  for (const [text, err] of keepalived) t.match(await from('keepalived', text), { code: 1, out: '', err })
  t.match(await run(['--haproxy', '/nowhere/x.cfg']), {
    code: 1,
    err: /^\/nowhere\/x\.cfg: cannot be opened \(ENOENT\)/,
  })
  t.match(await run([]), { code: 2, err: 'mekare import needs --haproxy FILE or --keepalived FILE, or both\n' })
  t.match(await run(['--patroni', 'x']), { code: 2 })
})

t.test('files that include themselves, and directories of files, are read once each', async t => {
  const dir = t.testdir({
    d: {
      'a.conf': 'include *.conf\nvrrp_instance A {\n interface eth0\n virtual_router_id 1\n}\n',
      'b.conf': 'include *.conf\n',
    },
    h: { '1.cfg': 'defaults\n mode tcp\n', '2.cfg': 'listen batman\n bind :5000\n option httpchk\n', 'x.txt': 'no' },
    empty: {},
  })
  const included = await run(['--keepalived', join(dir, 'd', 'a.conf')])
  t.equal(included.code, 0, included.err)
  t.match(included.out, /^vrrp:\n {2}A:$/m)
  t.notMatch(included.out, /A-2/)
  const several = await run(['--haproxy', join(dir, 'h')])
  t.match(several.out, /Made by mekare import from h\.\n/)
  t.match(several.out, /role: primary {2}# 2\.cfg:1,3/)
  t.match(await run(['--haproxy', join(dir, 'empty')]), { code: 1, err: /holds no file that ends in \.cfg/ })
})

t.test('words of HAProxy', async t => {
  const value = (name: string) => ({ HOST: '10.0.0.1', LIST: 'a b' })[name]
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['  bind *:5000 # the port', ['bind', '*:5000']],
    ['log-format "%{+Q}o %t"\' %s\'\\ x', ['log-format', '%{+Q}o %t %s x']],
    ['a\\ b \\# \\\\ \\x41 \\"', ['a b', '#', '\\', 'A', '"']],
    [`bind "\${HOST}:5000" "$HOST" '$HOST' $HOST`, ['bind', '10.0.0.1:5000', '10.0.0.1', '$HOST', '$HOST']],
    [`"\${NONE-x y}" "\\$HOST" ""`, ['x y', '$HOST', '']],
    ['acl a hdr(x) -m reg ^[^;]+$', ['acl', 'a', 'hdr(x)', '-m', 'reg', '^[^;]+$']],
  ]
  for (const [line, words] of cases) t.strictSame(cut(line, value), { ok: true, words, unset: [] }, line)
  t.strictSame(cut('"$NONE"', value), { ok: true, words: ['$NONE'], unset: ['NONE'] })
  t.match(cut("a 'b", value), { ok: false, why: /quote/ })
  t.match(cut('a \\', value), { ok: false, why: /escape/ })
})

t.test('words of keepalived', async t => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['vrrp_instance VI_1 { ! the first', ['vrrp_instance', 'VI_1', '{']],
    ['vrrp_instance VI_1{', ['vrrp_instance', 'VI_1', '{']],
    ['auth_pass "a!b#c" # x', ['auth_pass', 'a!b#c']],
    ['script "/bin/x \'a b\' \\"c\\""', ['script', '/bin/x \'a b\' "c"']],
    ['10.0.0.1 }', ['10.0.0.1', '}']],
    [`priority \${UNKNOWN}`, ['priority', `\${UNKNOWN}`]],
    ['abcd" efg h"i', ['abcd efg hi']],
  ]
  for (const [line, words] of cases) t.strictSame(cutKeepalived(line), { ok: true, words }, line)
})

t.test('what is quoted holds no secret and no control character', async t => {
  const cases: readonly (readonly [string, string])[] = [
    ['auth_pass hunter2', 'auth_pass …'],
    ['stats auth ops:hunter2', 'stats auth ops:…'],
    ['user a insecure-password hunter2 groups x', 'user a insecure-password … groups x'],
    ['setenv NAME hunter2 more', 'setenv NAME …'],
    ['tcp-check send-binary 6875', 'tcp-check send-binary …'],
    ['http-check send hdr Authorization hunter2', 'http-check send hdr Authorization …'],
    ['notify /x --password=hunter2', 'notify /x --password=…'],
    ['x postgres://a:hunter2@h/d', 'x postgres://…@h/d'],
    ['a \u001b[31mb', 'a ?[31mb'],
  ]
  for (const [line, text] of cases) t.equal(quoted(line.split(' ')), text, line)
})

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

t.test('where Patroni keeps its keys decides the source', async t => {
  const haproxy = join(TRANSCRIPTS, 'patroni-template', 'haproxy.cfg')
  const dir = t.testdir({
    'v2.yml': 'scope: a\netcd: {host: 10.0.0.1:2379}\n',
    'consul.yml':
      'scope: a\nconsul: {host: 10.0.0.1:8500}\nrestapi: {connect_address: "10.0.0.1:8008", certfile: /c.pem}\nctl: {cacert: /ca.pem}\n',
    'v3.yml': 'scope: a\netcd3: {url: "https://e1:2379", username: root, password: hunter2, cacert: /ca.pem}\n',
    'other.yml': 'services: {}\n',
    'broken.yml': 'scope: [a\n',
  })
  const cluster = async (name: string) => {
    const { out } = await run(['--haproxy', haproxy, '--patroni', join(dir, name)])
    t.notMatch(out, /hunter2/)
    return loaded(out).clusters.a
  }
  t.match(await cluster('v2.yml'), { source: 'patroni', patroni: { urls: ['http://10.0.0.1:8008', /2/, /3/] } })
  t.match(await cluster('consul.yml'), {
    source: 'patroni',
    patroni: { urls: ['https://10.0.0.1:8008', /2/, /3/], ca: '/ca.pem' },
  })
  t.match(await cluster('v3.yml'), {
    source: 'etcd',
    etcd: { hosts: ['https://e1:2379'], username: 'root', ca: '/ca.pem' },
  })
  for (const [name, err] of [
    ['other.yml', /^other\.yml: has neither scope nor etcd3/],
    ['broken.yml', /^broken\.yml: is not YAML/],
  ] as const)
    t.match(await run(['--haproxy', haproxy, '--patroni', join(dir, name)]), { code: 1, out: '', err })
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

const instance = (lines: string, before = '') =>
  from('keepalived', `${before}\nvrrp_instance A {\n interface eth0\n virtual_router_id 5\n${lines}\n}\n`)
const router = ({ out }: Ran) => loaded(filled(out)).vrrp.A
const ADDRESS = 'virtual_ipaddress {\n 10.0.0.100/24\n}\n'

t.test('a virtual router ranks and speaks as its keepalived did', async t => {
  const script = (more: string) => `vrrp_script c {\n script "/usr/bin/killall -0 haproxy"\n ${more}\n}\n`
  const track = `${ADDRESS} priority 100\n track_script {\n c\n }\n`
  t.match(router(await instance(track, script('weight 20'))), { priority: 120, track: { proxy: true, scripts: {} } })
  t.match(router(await instance(track, script('weight -20'))), { priority: 100 })
  t.match(router(await instance(track.replace(' c\n', ' c weight 30\n'), script('weight 20'))), { priority: 130 })
  t.match(router(await instance(track.replace('100\n track', '250\n track'), script('weight 20'))), { priority: 254 })
  t.match(router(await instance(ADDRESS)), { priority: 100, version: '2', advertInterval: 1000 })
  t.match(router(await instance(`${ADDRESS} advert_int 0.5`)), { version: '2', advertInterval: 1000 })
  t.match(router(await instance(`${ADDRESS} advert_int 0.255\n version 3`)), { version: '3', advertInterval: 260 })
  t.match(router(await instance('virtual_ipaddress { fe80::5\n}')), { version: '3' })
  t.match(router(await instance(`${ADDRESS} state MASTER\n nopreempt`)), { preempt: true })
  t.match(router(await instance(`${ADDRESS} state BACKUP\n nopreempt\n preempt_delay 4.5`)), {
    preempt: false,
    preemptDelay: 4500,
  })
  const links = `${ADDRESS} track_interface {\n eth0 weight 5\n eth1\n }\n`
  t.match(router(await instance(links)), { priority: 105, track: { interfaces: ['eth1'] } })
  t.match(router(await instance(ADDRESS, 'global_defs {\n vrrp_min_garp\n vrrp_version 3\n}\n')), {
    version: '3',
    garp: { repeat: 1, again: 0 },
  })
})

t.test('scripts: those about HAProxy are the proxy track, others keep their command', async t => {
  const tracked = async (script: string, more = '') =>
    router(await instance(`${ADDRESS} track_script {\n c\n }\n`, `vrrp_script c {\n script ${script}\n ${more}\n}\n`))
      ?.track.scripts.c
  for (const script of ['"pidof haproxy"', '/etc/keepalived/check_haproxy.sh', '"systemctl is-active -q haproxy"'])
    t.equal(await tracked(script), undefined, script)
  t.match(await tracked('"/bin/check \'a b\' c"'), { command: ['/bin/check', 'a b', 'c'], interval: 1000, fall: 1 })
  t.match(await tracked('"check x"'), { command: ['/bin/sh', '-c', 'check x'] })
  t.match(await tracked('"/bin/a | /bin/b"', 'weight -7'), { command: ['/bin/sh', '-c', '/bin/a | /bin/b'], lower: 7 })
  t.match(await instance(`${ADDRESS} track_script {\n c\n missing\n }\n`), { out: /missing: there is no such check/ })
})

t.test('lines for one host, definitions and sync groups', async t => {
  const text = `@a $P=200\n@^a $P=150\nvrrp_instance A {\n interface eth0\n virtual_router_id 5\n priority $P\n${ADDRESS}}\n`
  const as = async (id: string) => router(await from('keepalived', text, '--config-id', id))?.priority
  t.equal(await as('a'), 200)
  t.equal(await as('b'), 150)
  t.match(await from('keepalived', text), { out: /is for the host a: give --config-id/ })
  const two = ['A', 'B'].map(
    (name, i) =>
      `vrrp_instance ${name} {\n interface eth0\n virtual_router_id ${i + 1}\n virtual_ipaddress {\n 10.0.0.${i + 1}\n }\n track_script {\n c\n }\n}\n`,
  )
  const group = `vrrp_script c {\n script "/bin/c"\n weight 5\n}\nvrrp_sync_group G {\n group {\n A\n B\n }\n}\n${two.join('')}`
  const { out } = await from('keepalived', group)
  t.match(loaded(filled(out)).vrrp.A, { syncGroup: 'G', priority: 100, track: { scripts: {} } })
  t.match(out, /keepalived drops a check with a weight in a sync group/)
})

t.test('whatever lines stand in a file, none vanishes, and the output is YAML', async t => {
  const words = fc.constantFrom(
    ...'maxconn,balance,option,httpchk,tcplog,timeout,client,server,30m,:5000,5,bind,acl,src,10.0.0.0/8,if,{,},tcp-request,connection,reject,weight,check,port,mode,tcp,use_backend,other,stats,enable,no,nonsense,"a b",x\\ y,#,100,-1,*,leastconn'.split(
      ',',
    ),
  )
  const line = fc.array(words, { maxLength: 6 }).map(all => all.join(' '))
  const section = fc.tuple(
    fc.constantFrom('listen', 'frontend', 'backend', 'defaults', 'peers', 'global'),
    fc.array(line, { maxLength: 8 }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(section, { maxLength: 5 }), async sections => {
      const named = sections.map(([kind, lines], i) => `${kind} s${i}\n${lines.map(one => ` ${one}\n`).join('')}`)
      const text = `listen batman\n bind :5001\n server a 10.0.0.1:5432 check port 8008\n option httpchk\n${named.join('')}`
      const { code, out } = await from('haproxy', text)
      if (code !== 0) return
      t.same(vanished('haproxy.conf', text, out), [], text)
      t.same(parseDocument(out, { schema: 'failsafe' }).errors, [], text)
    }),
    { numRuns: 150 },
  )
})

t.test('whatever a value is, YAML gives it back', async t => {
  const value = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('null', '~', 'a: b', '- a', '*a', '&a', 'a #b', '', 'x:', '[a', 'a,b'),
  )
  fc.assert(
    fc.property(value, fc.array(value, { minLength: 1, maxLength: 3 }), (one, list) => {
      const text = print([key('log.level', one, []), key('session.allow', list, [])], ['x'])
      const read = parseDocument(text, { schema: 'failsafe', customTags: ['null'] }).toJS() as unknown
      t.same(read, { log: { level: one }, session: { allow: list } })
    }),
  )
})

t.test('nor does a line of keepalived vanish', async t => {
  const words = fc.constantFrom(
    ...'priority,100,state,MASTER,interface,eth0,virtual_ipaddress,10.0.0.1/24,dev,label,weight,-5,track_script,c,advert_int,0.5,authentication,auth_type,PASS,auth_pass,x,garp_master_delay,nonsense,"a b",notify,version,3,unicast_peer,nopreempt,group,script'.split(
      ',',
    ),
  )
  const line = fc.array(words, { minLength: 1, maxLength: 4 }).map(all => all.join(' '))
  const block = fc
    .tuple(line, fc.array(line, { maxLength: 4 }))
    .map(([head, body]) => `${head} {\n${body.join('\n')}\n}`)
  const kind = fc.constantFrom(
    'global_defs',
    'vrrp_instance A',
    'vrrp_sync_group G',
    'vrrp_script c',
    'virtual_server x',
    'odd',
  )
  const top = fc
    .tuple(kind, fc.array(fc.oneof(line, block), { maxLength: 6 }))
    .map(([head, body]) => `${head} {\n${body.join('\n')}\n}\n`)
  await fc.assert(
    fc.asyncProperty(fc.array(top, { maxLength: 4 }), async tops => {
      const text = `vrrp_instance B {\n}\n${tops.join('')}`
      const { code, out, err } = await from('keepalived', text)
      t.equal(code, 0, err)
      t.same(vanished('keepalived.conf', text, out), [], text)
      t.same(parseDocument(out, { schema: 'failsafe' }).errors, [], text)
    }),
    { numRuns: 150 },
  )
})
