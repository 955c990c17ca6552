// Interfaces: macvlans, links that go down and come up, and news that does not fit.

import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Address } from '../../../src/linux/address-message.js'
import type { Link } from '../../../src/linux/link-message.js'
import type { Insider } from '../../lab/insider.js'
import { A, addressNews, B, GROUP, ip, news, until } from './wire.js'

export async function macvlan(t: Test, a: Insider, b: Insider): Promise<void> {
  const wanted = { name: 'vrrp51', mac: '00:00:5e:00:01:33', mode: 'private' } as const
  const made = await a.tell('macvlan', 'eth0', wanted)
  t.match(made, { name: 'vrrp51', mac: wanted.mac, up: false, kind: 'macvlan', alias: '' })
  await a.tell('turn', 'vrrp51', true)
  await a.tell('alias', 'vrrp51', 'whose it is')
  t.match(await a.tell('find', 'vrrp51'), { up: true, alias: 'whose it is' })
  const seen = ip('-n', A, '-d', 'addr', 'show', 'dev', 'vrrp51')
  t.match(seen, /macvlan mode private/)
  t.notMatch(seen, /inet6/, 'no address of its own making')
  t.match((await a.refused('macvlan', 'eth0', wanted)).error, /make macvlan vrrp51 .*EEXIST.*it exists already/)
  await a.tell('ipv4', 'eth0', { arpIgnore: 1 })
  await a.tell('ipv4', 'vrrp51', { rpFilter: 2, arpIgnore: 1, arpAnnounce: 2 })
  const setting = (name: string) =>
    execFileSync('ip', ['netns', 'exec', A, 'cat', `/proc/sys/net/ipv4/conf/vrrp51/${name}`], {
      encoding: 'utf8',
    }).trim()
  t.same(['rp_filter', 'arp_ignore', 'arp_announce'].map(setting), ['2', '1', '2'])
  t.same(await a.tell('readIpv4', 'vrrp51'), { rpFilter: 2, arpIgnore: 1, arpAnnounce: 2 })
  await a.tell('put', 'vrrp51', { address: '10.78.0.60', prefix: 32, validFor: 60 })
  await a.tell('announce', 'vrrp51', '10.78.0.60')
  const answer = await b.tell('whoClaims', 'eth0', '10.78.0.60', 500)
  t.same(answer, { address: '10.78.0.60', mac: wanted.mac }, 'only the virtual MAC answers')
  await a.tell('remove', 'vrrp51')
  t.throws(() => ip('-n', A, 'link', 'show', 'vrrp51'), 'removed')
  const told = () => news(a, one => one.kind === 'link' && one.link.name === 'vrrp51' && one.gone)
  await until('news that the macvlan is gone', 2, told)
}

export async function links(t: Test, a: Insider): Promise<void> {
  const linkNews = (state: { up: boolean; carrier: boolean }) =>
    news(
      a,
      one =>
        one.kind === 'link' &&
        one.link.name === 'eth0' &&
        one.link.up === state.up &&
        one.link.carrier === state.carrier,
    )
  const step = async (what: string, change: () => unknown, state: { up: boolean; carrier: boolean }) => {
    a.told.length = 0
    await change()
    const took = await until(what, 2, () => linkNews(state))
    t.comment(`${what}: told within ${took} ms`)
  }
  // The kernel tells carrier changes of most links at most once a second (net/core/link_watch.c); who asks sees them at once.
  const carrier = async () => ((await a.tell('find', 'eth0')) as Link).carrier
  ip('-n', B, 'link', 'set', 'eth0', 'down')
  t.equal(await carrier(), false, 'who asks sees the loss at once')
  ip('-n', B, 'link', 'set', 'eth0', 'up')
  t.equal(await carrier(), true, 'and the return')
  await sleep(1100)
  await step('the other end goes down', () => ip('-n', B, 'link', 'set', 'eth0', 'down'), { up: true, carrier: false })
  await step('and comes up', () => ip('-n', B, 'link', 'set', 'eth0', 'up'), { up: true, carrier: true })
  await step('switched off here', () => a.tell('turn', 'eth0', false), { up: false, carrier: false })
  const lost = await a.refused('send', 4, { from: '10.78.0.1', to: GROUP[4], payload: Uint8Array.of(1) })
  t.match(lost.error, /sendto on eth0 failed \((ENETUNREACH|ENETDOWN|ENODEV)\)/)
  t.match(
    (await a.refused('announce', 'eth0', '10.78.0.1')).error,
    /sendto on eth0 failed \(ENETDOWN\); eth0 is down: ip link set eth0 up/,
  )
  await step('switched on here', () => a.tell('turn', 'eth0', true), { up: true, carrier: true })
}

export async function burst(t: Test, a: Insider): Promise<void> {
  a.told.length = 0
  a.child.kill('SIGSTOP')
  const each = Array.from({ length: 4000 }, (_, n) => `10.79.${n >> 8}.${n & 255}/32 dev eth0`)
  const lines = [...each.map(one => `addr add ${one}`), ...each.map(one => `addr del ${one}`)]
  execFileSync('ip', ['-n', A, '-batch', '-'], { input: lines.join('\n') })
  a.child.kill('SIGCONT')
  await until('the loss is told', 5, () => news(a, one => one.kind === 'lost'))
  a.told.length = 0
  ip('-n', A, 'addr', 'add', '10.78.0.70/24', 'dev', 'eth0')
  await until('news goes on after it', 2, () => addressNews(a, '10.78.0.70', false))
  const mine = (await a.tell('list')) as Address[]
  t.notOk(
    mine.some(one => one.address.startsWith('10.79.')),
    'who lists again has the truth',
  )
  t.ok(mine.some(one => one.address === '10.78.0.70'))
}
