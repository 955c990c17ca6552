// One etcd: wrong scopes, TLS where there is none, a restore, passwords.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { ctl, type Etcd, end, freePort, launch, single } from './etcd.js'
import { config, delayOf, leadsTo, listen, silent, told } from './listener.js'

/** One etcd with two scopes in it. Drills that end it put the next one in its place. */
export async function startOne() {
  const url = `http://127.77.1.5:${await freePort('127.77.1.5')}`
  const etcd = await single('one', url)
  for (let i = 0; i < 20; i++) await ctl([url], 'put', '/service/demo/leader', `old${i}`)
  await ctl([url], 'put', '/service/other/leader', 'x')
  return { url, etcd }
}

interface One {
  readonly url: string
  etcd: Etcd
}

export async function wrongScope(t: Test, { url }: One): Promise<void> {
  const listener = listen(config([url], {}, 'dmeo'))
  await listener.until('the problem', n => n.kind === 'topology' && n.topology.problems.length > 0)
  t.match(listener.source.status().why, /no key below \/service\/dmeo\/; scopes that exist: demo, other; set scope/)
  await listener.stop()
}

export async function tlsToPlain(t: Test, { url }: One): Promise<void> {
  const listener = listen(config([url.replace('http:', 'https:')]))
  await listener.until('silence', silent)
  t.comment(listener.source.status().why)
  t.match(listener.source.status().why, /got TLS and speaks none|TLS to a server that speaks none/)
  await listener.stop()
}

export async function restored(t: Test, one: One): Promise<void> {
  const { url } = one
  const listener = listen(config([url]))
  await listener.until('the old leader', leadsTo('old19'))
  await end(one.etcd)
  one.etcd = await single('restored', url)
  const heard = listener.until('the restored leader', leadsTo('restored'))
  await ctl([url], 'put', '/service/demo/leader', 'restored')
  const acknowledged = performance.now()
  t.comment(`restored: ${((await heard) - acknowledged).toFixed(0)} ms`)
  t.ok(Number(told(listener.news.at(-1)).revision) < 20)
  t.comment(`then ${(await delayOf(listener, [url], 'next')).toFixed(1)} ms`)
  await listener.stop()
}

export async function passwords(t: Test, one: One): Promise<void> {
  const { url } = one
  await ctl([url], 'user', 'add', 'root:secret')
  await ctl([url], 'user', 'grant-role', 'root', 'root')
  await ctl([url], 'auth', 'enable')
  const asRoot = ['--user', 'root:secret']
  const right = listen(config([url], { username: 'root', password: 'secret' }))
  const wrong = listen(config([url], { username: 'root', password: 'guess' }))
  const none = listen(config([url]))
  await Promise.all([
    right.until('an answer', leadsTo('next')),
    wrong.until('silence', silent),
    none.until('silence', silent),
  ])
  t.match(wrong.source.status().why, /wrong user name or password for user "root"/)
  t.notMatch(JSON.stringify([wrong.news, wrong.source.status()]), /guess/)
  t.match(none.source.status().why, /it wants a user name; set etcd.username/)
  await Promise.all([wrong.stop(), none.stop()])
  await end(one.etcd)
  const peer = `http://127.77.1.9:${await freePort('127.77.1.9')}`
  one.etcd = launch('restored', url, ['--listen-peer-urls', peer])
  const heard = right.until('the leader after the restart', leadsTo('renewed'))
  for (;;) {
    const put = ctl([url], ...asRoot, 'put', '/service/demo/leader', 'renewed')
    if (await put.then(() => true).catch(() => sleep(100).then(() => false))) break
  }
  const acknowledged = performance.now()
  t.comment(`token lost: ${Math.max(0, (await heard) - acknowledged).toFixed(0)} ms`)
  await right.stop()
}
