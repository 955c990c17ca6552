// How lines are cut into words, and what of them is quoted.

import t from 'tap'
import { cut } from '../../../src/import/haproxy/cut.js'
import { cut as cutKeepalived } from '../../../src/import/keepalived/cut.js'
import { quoted } from '../../../src/import/quote.js'

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
