// The platform room against the real kernel: addresses with a lifetime, news, raw sockets in both families, announcements,
// macvlan, error texts. Two namespaces joined by one wire; `ip` makes them and is the independent witness.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Address } from '../../src/linux/address-message.js'
import { createLifeline } from '../../src/linux/lifeline.js'
import type { Link } from '../../src/linux/link-message.js'
import type { News } from '../../src/linux/network-watch.js'
import type { Incoming } from '../../src/linux/raw-socket.js'
import { type Insider, startInside } from '../lab/insider.js'
import { canMakeNamespaces } from '../lab/network.js'

t.setTimeout(60_000)

const [A, B] = [`mkl${process.pid}a`, `mkl${process.pid}b`]
const GROUP = { 4: '224.0.0.18', 6: 'ff02::12' } as const
const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
const holds = (address: string) => ip('-n', A, 'addr', 'show', 'dev', 'eth0').includes(` ${address}/`)
const macOf = (host: string) => /link\/ether (\S+)/.exec(ip('-n', host, 'link', 'show', 'eth0'))?.[1] ?? ''

const children = new Set<ChildProcess>()

function start(command: readonly string[]): Insider {
  const insider = startInside(command)
  children.add(insider.child)
  return insider
}

const inside = (host: string, ...before: string[]) => start(['ip', 'netns', 'exec', host, ...before])

async function until(what: string, seconds: number, holds: () => boolean): Promise<number> {
  const begun = performance.now()
  while (!holds()) {
    if (performance.now() - begun > seconds * 1000) throw new Error(`waited ${seconds} s in vain: ${what}`)
    await sleep(20)
  }
  return Math.round(performance.now() - begun)
}

const packets = (host: Insider) => host.told.flatMap(one => ('packet' in one ? [one] : []))
const news = (host: Insider, wanted: (one: News) => boolean) => host.told.some(one => 'news' in one && wanted(one.news))
const addressNews = (host: Insider, address: string, gone: boolean) =>
  news(host, one => one.kind === 'address' && one.address.address === address && one.gone === gone)

function makeWire(): void {
  ip('netns', 'add', A)
  ip('netns', 'add', B)
  ip('-n', A, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', B)
  for (const [host, last] of [
    [A, '1'],
    [B, '2'],
  ] as const) {
    ip('-n', host, 'link', 'set', 'eth0', 'addrgenmode', 'none')
    ip('-n', host, 'addr', 'add', `10.78.0.${last}/24`, 'dev', 'eth0')
    ip('-n', host, 'addr', 'add', `fe80::${last}/64`, 'dev', 'eth0', 'nodad')
    ip('-n', host, 'addr', 'add', `fd78::${last}/64`, 'dev', 'eth0', 'nodad')
    ip('-n', host, 'link', 'set', 'eth0', 'up')
  }
}

async function clearAway(): Promise<void> {
  for (const child of children) {
    const gone = child.exitCode !== null || child.signalCode !== null || once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  for (const host of [A, B]) {
    try {
      ip('netns', 'del', host)
    } catch {
      // It was never made.
    }
  }
}

t.test('a lifeline holds no connection of the other threads', { skip: process.platform !== 'linux' }, async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [served] = (await once(server, 'connection')) as [Socket]
  const lifeline = createLifeline()
  t.equal(lifeline.name(), undefined)
  lifeline.start()
  await until('it listens', 5, () => lifeline.name() !== undefined)
  let ended = false
  client.on('end', () => {
    ended = true
  })
  client.resume()
  served.end()
  served.destroy()
  await until('its peer hears of the end', 2, () => ended)
  server.close()
})

t.test(
  'a lifeline ends before the other sockets of a killed process',
  { skip: process.platform !== 'linux' },
  async t => {
    const lifeline = new URL('../../src/linux/lifeline.js', import.meta.url).href
    const program = `
    const { createLifeline } = await import(${JSON.stringify(lifeline)})
    const { createServer } = await import('node:net')
    globalThis.ballast = Array.from({ length: 300 }, () => Buffer.alloc(1 << 20, 1))
    const lifeline = createLifeline()
    lifeline.start()
    const server = createServer().listen(0, '127.0.0.1')
    const wait = setInterval(() => {
      if (lifeline.name() === undefined) return
      clearInterval(wait)
      console.log(JSON.stringify([lifeline.name(), server.address().port]))
    }, 10)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.add(child)
    t.teardown(() => child.kill('SIGKILL'))
    const [line] = await once(child.stdout, 'data')
    const [name, port] = JSON.parse(String(line)) as [string, number]
    const ends: string[] = []
    const sockets = [connect(`\0${name}`), connect(port, '127.0.0.1')]
    await Promise.all(sockets.map(socket => once(socket, 'connect')))
    for (const [index, socket] of sockets.entries())
      socket
        .on('error', () => {})
        .on('close', () => ends.push(index === 0 ? 'lifeline' : 'other'))
        .resume()
    await sleep(50)
    child.kill('SIGKILL')
    await until('both have ended', 5, () => ends.length === 2)
    t.same(ends, ['lifeline', 'other'])
  },
)

const privileged = await canMakeNamespaces()

if (!privileged) {
  t.test('LEFT OUT: addresses, raw sockets, announcements and macvlan need root and network namespaces', async t => {
    t.notOk(process.env.CI, 'in CI it runs as root')
    const host = start(['env'])
    t.teardown(clearAway)
    t.ok(
      ((await host.tell('links')) as Link[]).some(link => link.name === 'lo'),
      'interfaces are listed without a capability',
    )
    t.match((await host.refused('raw', 'lo', 4)).error, /CAP_NET_RAW is missing/)
  })
} else {
  t.test('two hosts on one wire', async t => {
    t.teardown(clearAway)
    makeWire()
    const [a, b] = [inside(A), inside(B)]
    await t.test('interfaces and addresses are listed as they are', t => lists(t, a))
    await t.test('an address comes, is renewed, goes, and is missed', t => addresses(t, a))
    await t.test('packets of protocol 112 arrive with TTL 255, by multicast and unicast, in both families', t =>
      raw(t, a, b),
    )
    await t.test('an announcement changes the neighbour table of the other host', t => announcements(t, a))
    await t.test('a claim to an address is heard, and silence is told as such', t => claims(t, a))
    await t.test('a macvlan carries a virtual MAC', t => macvlan(t, a, b))
    await t.test('links that go down and come up are told', t => links(t, a))
    await t.test('news that does not fit is told as lost', t => burst(t, a))
    await t.test('errors name the call, the interface and the remedy', t => errors(t, a))
    await t.test('a missing capability is named', t => capabilities(t))
    await t.test('a short-lived address outlives its renewals, not its owner', t => lifetimes(t, a))
    await t.test('the thread that waits for sockets does not hold the exit', async t => {
      const begun = performance.now()
      t.equal(await b.leave(), 0, 'ended in order')
      t.comment(`exit took ${Math.round(performance.now() - begun)} ms`)
      t.ok(performance.now() - begun < 1500)
    })
  })
  t.test('nothing is left', async t => {
    t.notMatch(ip('netns', 'list'), new RegExp(`mkl${process.pid}`))
  })
}

async function lists(t: Test, a: Insider): Promise<void> {
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

async function addresses(t: Test, a: Insider): Promise<void> {
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

const WIRE = [
  { family: 4, from: '10.78.0.1', unicast: '10.78.0.2' },
  { family: 6, from: 'fe80::1', unicast: 'fe80::2' },
] as const

async function raw(t: Test, a: Insider, b: Insider): Promise<void> {
  for (const { family, from, unicast } of WIRE) {
    for (const host of [a, b]) await host.tell('raw', 'eth0', family, GROUP[family])
    for (const to of [GROUP[family], unicast]) {
      b.told.length = 0
      await a.tell('send', family, { from, to, payload: Uint8Array.of(0x31, 51, 250, 0, 0, 100, 0, 1, 9) })
      await until(`a packet to ${to}`, 2, () => packets(b).length > 0)
      const { packet } = packets(b)[0] as { packet: Incoming }
      t.match(packet, { from, to, ttl: 255 }, `to ${to}`)
      t.same([...packet.payload], [0x31, 51, 250, 0, 0, 100, 0, 1, 9])
    }
    t.same(packets(a), [], 'the sender does not hear itself')
    await latency(t, a, b, family, from)
    b.told.length = 0
    await b.tell('leave', family)
    await a.tell('send', family, { from, to: GROUP[family], payload: Uint8Array.of(1) })
    await a.tell('send', family, { from, to: unicast, payload: Uint8Array.of(2) })
    await until('the unicast packet', 2, () => packets(b).length > 0)
    t.same(
      packets(b).map(one => one.packet.payload[0]),
      [2],
      'who left the group hears unicast only',
    )
  }
}

/** From before sendto in one process to the reader in the other: kernel, epoll, thread and message together. */
async function latency(t: Test, a: Insider, b: Insider, family: 4 | 6, from: string): Promise<void> {
  b.told.length = 0
  for (let n = 0; n < 100; n++) {
    await a.tell('sendClock', family, from, GROUP[family])
    await sleep(3)
  }
  await until('100 packets', 2, () => packets(b).length === 100)
  const late = packets(b)
    .map(one => one.late)
    .sort((x, y) => x - y)
  t.comment(`IPv${family}, send to reader: median ${late[50]?.toFixed(3)} ms, 99th ${late[98]?.toFixed(3)} ms`)
}

async function announcements(t: Test, a: Insider): Promise<void> {
  for (const address of ['10.78.0.100', 'fd78::100']) {
    ip('-n', B, 'neigh', 'replace', address, 'lladdr', '02:00:00:00:00:99', 'dev', 'eth0', 'nud', 'stale')
    await a.tell('announce', 'eth0', address)
    const entry = () => ip('-n', B, 'neigh', 'show', address, 'dev', 'eth0')
    const took = await until(`the new MAC of ${address}`, 2, () => entry().includes(macOf(A)))
    t.comment(`${address}: neighbour table changed within ${took} ms`)
    t.match(entry(), macOf(A))
  }
}

async function claims(t: Test, a: Insider): Promise<void> {
  t.same(await a.tell('whoClaims', 'eth0', '10.78.0.2', 500), { address: '10.78.0.2', mac: macOf(B) })
  t.same(await a.tell('whoClaims', 'eth0', 'fd78::2', 500), { address: 'fd78::2', mac: macOf(B) })
  const begun = performance.now()
  t.equal(await a.tell('whoClaims', 'eth0', '10.78.0.77', 200), undefined)
  t.equal(await a.tell('whoClaims', 'eth0', 'fd78::77', 200), undefined)
  t.ok(performance.now() - begun < 1000, 'listening is bounded')
}

async function macvlan(t: Test, a: Insider, b: Insider): Promise<void> {
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

async function links(t: Test, a: Insider): Promise<void> {
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

async function burst(t: Test, a: Insider): Promise<void> {
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

async function errors(t: Test, a: Insider): Promise<void> {
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

async function capabilities(t: Test): Promise<void> {
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

async function lifetimes(t: Test, a: Insider): Promise<void> {
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
