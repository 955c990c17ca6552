// What becomes of the lines of keepalived.

import t from 'tap'
import { filled, from, loaded, type Ran } from './importing.js'

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
