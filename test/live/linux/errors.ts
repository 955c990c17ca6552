// Errors name the call, the interface, the missing capability and the remedy.

import { execFileSync } from 'node:child_process'
import type { Test } from 'tap'
import type { Insider } from '../../lab/insider.js'
import { A, GROUP, inside } from './wire.js'

export async function errors(t: Test, a: Insider): Promise<void> {
  const find = await a.refused('find', 'nope0')
  t.equal(find.code, 'ENODEV')
  t.equal(
    find.error,
    'find interface "nope0": RTM_GETLINK on nope0 failed (ENODEV); there is no interface nope0: correct the name (ip link lists them) or create it',
  )
  t.match(
    (await a.refused('find', 'a-name-far-too-long')).error,
    /RTM_GETLINK on a-name-far-too-long failed \(EINVAL\)/,
  )
  const put = await a.refused('putAt', 9999, { address: '10.78.0.9', prefix: 24, validFor: 3 })
  t.match(put.error, /put 10\.78\.0\.9\/24: RTM_NEWADDR on gone0 failed \(ENODEV.*there is no interface gone0/)
  const drop = await a.refused('drop', 'eth0', { address: '10.78.0.9', prefix: 24 })
  t.match(drop.error, /drop 10\.78\.0\.9\/24: RTM_DELADDR on eth0 failed \(EADDRNOTAVAIL.*no such address on eth0/)
  t.match(
    (await a.refused('put', 'eth0', { address: '10.78.0.9', prefix: 33, validFor: 3 })).error,
    /prefix length must be 0 to 32/,
  )
  execFileSync('ip', ['netns', 'exec', A, 'sysctl', '-qw', 'net.ipv6.conf.eth0.disable_ipv6=1'])
  const off = await a.refused('put', 'eth0', { address: 'fd78::9', prefix: 64, validFor: 3 })
  t.match(off.error, /put fd78::9\/64: RTM_NEWADDR on eth0 failed \(EACCES.*disable_ipv6=0/)
  execFileSync('ip', ['netns', 'exec', A, 'sysctl', '-qw', 'net.ipv6.conf.eth0.disable_ipv6=0'])
  t.comment(put.error)
  t.comment(off.error)
}

export async function capabilities(t: Test): Promise<void> {
  const host = inside(A, 'setpriv', '--bounding-set', '-net_raw,-net_admin')
  t.match(await host.tell('find', 'eth0'), { name: 'eth0' }, 'looking needs none')
  const rawOne = await host.refused('raw', 'eth0', 4, GROUP[4])
  t.match(
    rawOne.error,
    /open the raw socket for protocol 112 \(AF_INET\): socket on eth0 failed \(EPERM\); CAP_NET_RAW is missing: /,
  )
  t.match(
    (await host.refused('announce', 'eth0', '10.78.0.1')).error,
    /socket on eth0 failed \(EPERM\); CAP_NET_RAW is missing: /,
  )
  const put = await host.refused('put', 'eth0', { address: '10.78.0.9', prefix: 24, validFor: 3 })
  t.match(put.error, /put 10\.78\.0\.9\/24: RTM_NEWADDR on eth0 failed \(EPERM\); CAP_NET_ADMIN is missing: /)
  const made = await host.refused('macvlan', 'eth0', { name: 'v1', mac: '00:00:5e:00:01:01', mode: 'private' })
  t.match(made.error, /CAP_NET_ADMIN is missing: /)
  t.comment(put.error)
  await host.leave()
}
