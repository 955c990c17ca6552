// Whatever stands in a file: no line vanishes, and what comes out is YAML.

import fc from 'fast-check'
import t from 'tap'
import { parseDocument } from 'yaml'
import { key } from '../../../src/import/finding.js'
import { print } from '../../../src/import/print.js'
import { from, vanished } from './importing.js'

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
