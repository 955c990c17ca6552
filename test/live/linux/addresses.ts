// Addresses: how they come, are renewed, and are taken away by the kernel.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Address } from '../../../src/linux/address-message.js'
import type { Link } from '../../../src/linux/link-message.js'
import type { Insider } from '../../lab/insider.js'
import { A, addressNews, holds, inside, ip, macOf, until } from './wire.js'

export async function lists(t: Test, a: Insider): Promise<void> {
  const links = (await a.tell('links')) as Link[]
  const eth0 = links.find(link => link.name === 'eth0')
  t.match(eth0, { mac: macOf(A), mtu: 1500, up: true, carrier: true, kind: 'veth' })
  t.same(await a.tell('find', 'eth0'), eth0)
  const mine = (await a.tell('list')) as Address[]
  t.match(
    mine.find(one => one.address === '10.78.0.1'),
    { prefix: 24, scope: 'global', label: 'eth0', validFor: Infinity },
  )
  t.match(
    mine.find(one => one.address === 'fe80::1'),
    { prefix: 64, scope: 'link', tentative: false },
  )
}

export async function addresses(t: Test, a: Insider): Promise<void> {
  await a.tell('watch')
  await a.tell('put', 'eth0', { address: '10.78.0.50', prefix: 24, label: 'eth0:vip', validFor: 60 })
  await a.tell('put', 'eth0', { address: 'fd78::50', prefix: 128, validFor: 60, preferredFor: 0 })
  const seen = ip('-n', A, 'addr', 'show', 'dev', 'eth0')
  t.match(
    seen,
    /inet 10\.78\.0\.50\/24 scope global secondary dynamic eth0:vip\s+valid_lft (60|59)sec preferred_lft (60|59)sec/,
  )
  t.match(seen, /inet6 fd78::50\/128 scope global [^\n]*deprecated/)
  const listed = ((await a.tell('list')) as Address[]).find(one => one.address === 'fd78::50')
  t.match(listed, { deprecated: true, tentative: false, preferredFor: 0, prefix: 128 })
  await until('news of the address', 2, () => addressNews(a, '10.78.0.50', false) && addressNews(a, 'fd78::50', false))
  await a.tell('drop', 'eth0', { address: 'fd78::50', prefix: 128 })
  t.notOk(holds('fd78::50'), 'dropped')
  a.told.length = 0
  ip('-n', A, 'addr', 'del', '10.78.0.50/24', 'dev', 'eth0')
  const took = await until('news that someone took it', 2, () => addressNews(a, '10.78.0.50', true))
  t.comment(`taken away by someone else: told within ${took} ms`)
  const each = await a.tell('timePut', 'eth0', { address: '10.78.0.51', prefix: 24, validFor: 3 })
  t.comment(`one renewal by rtnetlink: ${(each as number).toFixed(3)} ms`)
  await a.tell('drop', 'eth0', { address: '10.78.0.51', prefix: 24 })
}

export async function lifetimes(t: Test, a: Insider): Promise<void> {
  const [owner, three] = [inside(A), { validFor: 3 }]
  const wanted = [
    { address: '10.78.0.100', prefix: 24, ...three },
    { address: 'fd78::100', prefix: 128, ...three },
  ]
  for (let n = 0; n < 6; n++) {
    if (n > 0) await sleep(1000)
    for (const each of wanted) {
      if (n > 0 && !holds(each.address)) t.fail(`${each.address} was gone before second ${n}`)
      await owner.tell('put', 'eth0', each)
    }
  }
  t.pass('renewed each second for 5 s, it stayed')
  a.told.length = 0
  owner.child.kill('SIGKILL')
  const gone = wanted.map(async ({ address }) => {
    const took = await until(`the kernel takes ${address} away`, 6, () => !holds(address))
    t.comment(`${address}: gone ${took} ms after SIGKILL of its owner`)
    t.ok(took > 1000 && took < 4500, `${address} went by itself`)
  })
  await Promise.all(gone)
  await until('news of it', 1, () => wanted.every(({ address }) => addressNews(a, address, true)))
}
