// Whole files, and files beside each other: each directory of transcripts is one case, the files that went in and what came out on standard
// output (expected.yaml) and standard error (expected.txt). MEKARE_REWRITE=1 writes what comes out now; read the difference before you keep it.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseDocument } from 'yaml'
import { loadConfig } from '../../../src/config/load.js'
import { filled, from, loaded, run, TRANSCRIPTS, telling, vanished } from './importing.js'

/** The arguments for the files of a directory. */
function argsFor(dir: string): string[] {
  const given = [
    ['--haproxy', 'haproxy.cfg'],
    ['--keepalived', 'keepalived.conf'],
    ['--patroni', 'patroni.yml'],
  ] as const
  return given.flatMap(([flag, name]) => (existsSync(join(dir, name)) ? [flag, join(dir, name)] : []))
}

for (const name of readdirSync(TRANSCRIPTS).sort()) {
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
