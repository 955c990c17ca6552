// Changing a running proxy: a reload under load, what it refuses and why, and what becomes of sessions whose listener, cluster or
// source is another afterwards. On both relay engines.

import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parse, stringify } from 'yaml'
import { startupMessage } from '../../src/protocol/write.js'
import { until } from '../lab/cluster.js'
import { ENGINES, type Engine, each, type Place as Opened } from '../lab/engines.js'
import { onStand, SMALL } from '../lab/onstand.js'
import { startLoad } from '../lab/pgbench.js'
import type { ProxyProcess } from '../lab/proxy.js'
import { openSession } from '../lab/session.js'
import { see } from '../lab/sight.js'
import type { Stand } from '../lab/stand.js'
import { errorFields, openWire } from '../lab/wire.js'

t.setTimeout(300_000)

const startup = startupMessage(new Map([['user', 'app']]))

t.test('a running proxy is changed', t =>
  onStand(t, { ...SMALL, proxies: 2 }, async stand => {
    const places = await Promise.all(ENGINES.map(engine => open(stand, engine)))
    // One after the other: each load is meant for the whole machine.
    for (const place of places)
      await each(t, [place], 'fifty reloads and a storm of SIGHUP under load: nobody notices', underLoad)
    await each(t, places, 'a file that cannot be used changes nothing, and says why', refused)
    await each(t, places, 'listeners come, move, change places and go; sessions stay', listeners)
    await each(t, places, 'those who wait go by the new rules', waiting)
    await each(t, places, 'a source is taken over without the gate closing, and only once it speaks', sources)
    await each(t, places, 'a cluster that goes leaves its sessions, and is followed for them', clusters)
    await each(t, places, 'log level and admin address', admin)
    for (const { sight, proxy } of places) {
      t.equal(sight.lines(/a bug in mekare/).length, 0, 'no bug was met')
      t.equal(await proxy.stop(), 0)
    }
  }),
)

async function open(stand: Stand, engine: Engine): Promise<Place> {
  // In the file, where it is changed, and not in the environment.
  const proxy = await stand.proxy(engine.host, { config: { relay: { engine: engine.engine } }, waitReady: false })
  const place = { ...engine, stand, proxy, sight: see(stand, proxy), file: editor(proxy) }
  await place.sight.gateOpens()
  return place
}

type Tree = Record<string, Record<string, Record<string, unknown>>>

interface Place extends Opened {
  /** Writes the configuration anew, changed. */
  readonly file: (change: (config: Tree) => void) => void
}

function editor({ configFile }: ProxyProcess): Place['file'] {
  const original = readFileSync(configFile, 'utf8')
  return change => {
    const config = parse(original) as Tree
    change(config)
    writeFileSync(configFile, stringify(config))
  }
}

const same = () => {}

async function reload(t: Test, { sight }: Place, expected: RegExp): Promise<void> {
  const { code, stdout, stderr } = await sight.cli('reload')
  t.match(stdout, expected, stderr)
  t.equal(code, 0)
}

async function underLoad(t: Test, place: Place): Promise<void> {
  const { stand, proxy, sight, file } = place
  const [host = '', port = ''] = proxy.write.split(':')
  const script = join(stand.dir, 'client', 'one.sql')
  writeFileSync(script, 'select 1;\n')
  const to = ['-h', host, '-p', port, '-U', 'cert_app', '-f', script]
  const before = await sight.descriptorsAtRest()
  const load = startLoad(t, stand, [
    [...to, '-C', '-c', '4', 'app'],
    [...to, '-c', '4', 'app'],
  ])
  for (let i = 0; i < 50; i++) {
    file(config => {
      Object.assign(config.listen?.write ?? {}, { holdFor: `${20 + i}s` })
      if (i % 2 === 1)
        Object.assign(config.listen ?? {}, { more: { address: `${host}:5902`, cluster: 'demo', role: 'any' } })
    })
    await proxy.control('POST', '/reload')
  }
  for (let i = 0; i < 200; i++) proxy.child.kill('SIGHUP')
  await load.end()
  t.equal(await sight.metric('mekare_reloads_total', { outcome: 'refused' }), 0)
  t.ok((await sight.metric('mekare_reloads_total', { outcome: 'applied' })) >= 51)
  file(same)
  await reload(t, place, /listen\.write\.holdFor: 69s → 45s/)
  await until(5000, 'descriptors are not given back', async () => sight.descriptors() <= before || undefined)
}

async function refused(t: Test, place: Place): Promise<void> {
  const { engine, proxy, sight, file } = place
  const [host = ''] = proxy.write.split(':')
  const taken = createServer()
  await new Promise<void>(resolve => taken.listen(0, host, resolve))
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }
  const attempt = async (says: string, code: number, pattern: RegExp) => {
    const answer = await sight.cli('reload')
    t.equal(answer.code, code, says)
    t.match(answer.stderr, pattern)
    t.match(answer.stderr, /^nothing is changed:\n/)
  }
  writeFileSync(proxy.configFile, 'clusters: {demo: [')
  await attempt('no YAML', 78, /mekare\.yaml line 1, column \d+: is not YAML/)
  file(config => Object.assign(config.listen?.write ?? {}, { holdfor: '5s' }))
  await attempt(
    'an unknown key',
    78,
    /listen\.write\.holdfor: is an unknown key; did you mean listen\.write\.holdFor\?/,
  )
  file(config => Object.assign(config.clusters?.demo?.probe ?? {}, { passwordFile: '/nowhere/secret' }))
  await attempt(
    'a file that is gone',
    78,
    /clusters\.demo\.probe\.passwordFile: "\/nowhere\/secret" cannot be read \(ENOENT\)/,
  )
  file(config => {
    Object.assign(config.listen?.read ?? {}, { address: `${host}:${port}`, holdFor: '7s' })
    Object.assign(config.admin ?? {}, { address: `${host}:5903` })
    Object.assign(config.listen ?? {}, { more: { address: `${host}:5902`, cluster: 'demo', role: 'any' } })
  })
  await attempt(
    'a port that is taken',
    78,
    /listen\.read\.address: \S+ is taken \(EADDRINUSE\); stop the other process/,
  )
  for (const closed of ['5902', '5903'])
    await t.rejects(openWire(`${host}:${closed}`), { code: 'ECONNREFUSED' }, 'and what was opened for it is closed')
  file(config => Object.assign(config, { relay: { engine: 'auto' } }))
  const needs = new RegExp(`relay\\.engine: ${engine} → auto; needs a restart: mekare restart`)
  await attempt('what needs a restart', 78, needs)
  file(same)
  await reload(t, place, /nothing has changed/)
  t.ok(await place.sight.ready('write'))
  t.match(sight.lines(/^reload: nothing is changed: /).at(-1), /relay\.engine/)
}

async function listeners(t: Test, place: Place): Promise<void> {
  const { engine, proxy, sight, file } = place
  // No port of the one is the other's: one of them is opened on every address.
  const [first, second] = engine === 'native' ? [5902, 5904] : [5912, 5914]
  const [host = ''] = proxy.write.split(':')
  const add = (config: Tree, name: string, port: number) =>
    Object.assign(config.listen ?? {}, { [name]: { address: `${host}:${port}`, cluster: 'demo', role: 'any' } })
  file(config => add(config, 'more', first))
  await reload(t, place, /listen\.more: added/)
  const stays = await openSession(`${host}:${first}`)
  file(config => add(config, 'renamed', first))
  await reload(
    t,
    place,
    /listen\.more: removed\n.*listen\.renamed: added|listen\.renamed: added\n.*listen\.more: removed/s,
  )
  const renamed = await openSession(`${host}:${first}`)
  t.equal(await stays.one(), 1, 'a session of the old name goes on')
  const named = Object.fromEntries((await sight.status()).listeners.map(each => [each.name, each]))
  t.equal(named.more?.sessions.joined, 1)
  t.match(named.more?.why, /taken away by a reload; its sessions end by themselves/)
  file(config => add(config, 'renamed', second))
  await reload(t, place, new RegExp(`listen\\.renamed\\.address: \\S+:${first} → \\S+:${second}`))
  await t.rejects(openWire(`${host}:${first}`), { code: 'ECONNREFUSED' }, 'nobody listens at the old address')
  t.equal(await renamed.one(), 1)
  file(config => {
    add(config, 'renamed', second)
    Object.assign(config.listen?.renamed ?? {}, { address: `0.0.0.0:${second}` })
  })
  await reload(t, place, new RegExp(`:${second} → 0\\.0\\.0\\.0:${second}`))
  const wide = await openSession(`${host}:${second}`)
  file(same)
  await reload(t, place, /listen\.renamed: removed/)
  await t.rejects(openWire(`${host}:${second}`), { code: 'ECONNREFUSED' })
  for (const each of [stays, renamed, wide]) {
    t.equal(await each.one(), 1, 'no session was dropped')
    await each.end()
  }
  await until(5000, 'a listener without sessions is forgotten', async () => {
    const names = (await sight.status()).listeners.map(({ name }) => name)
    return names.length === 2 || undefined
  })
}

async function waiting(t: Test, place: Place): Promise<void> {
  const { proxy, sight, file } = place
  file(config => Object.assign(config.listen?.read ?? {}, { holdFor: '60s' }))
  await reload(t, place, /listen\.read\.holdFor: 5s → 1min/)
  const held = await openWire(proxy.read, startup)
  await until(3000, 'nobody is held', async () => (await sight.metric('mekare_held_sessions')) === 1 || undefined)
  file(config => Object.assign(config.listen?.read ?? {}, { fallback: 'primary' }))
  await reload(t, place, /listen\.read\.fallback: none → primary/)
  t.equal(
    (await held.bytes(1)).toString('latin1', 0, 1),
    'R',
    'the fallback takes it, which was not there when it came',
  )
  held.close()
  file(same)
  await reload(t, place, /fallback: primary → none/)
}

async function sources(t: Test, place: Place): Promise<void> {
  const { stand, proxy, sight, file } = place
  const stays = await openSession(proxy.write)
  const closed = sight.lines(/gate closed to new write/).length
  const source = async () => (await sight.status()).clusters[0]?.source
  file(config => Object.assign(config.clusters?.demo ?? {}, { source: 'patroni' }))
  await reload(t, place, /clusters\.demo\.source: etcd → patroni/)
  await until(5000, 'Patroni is not followed', async () => (await source())?.kind === 'patroni' || undefined)
  file(config => Object.assign(config.clusters?.demo?.etcd ?? {}, { hosts: [`${stand.address('pg1')}:1`] }))
  await reload(t, place, /source: patroni → etcd/)
  await sight.line(/^demo: the new source \(etcd\) is not followed yet: .*ECONNREFUSED.*; the one before still is/)
  t.match(await source(), { kind: 'patroni', next: /^etcd: / }, 'one that does not answer is not followed')
  t.match((await sight.cli('status')).stdout, /to be replaced by etcd: .*ECONNREFUSED/)
  file(same)
  await reload(t, place, /clusters\.demo\.etcd\.hosts: /)
  await until(5000, 'etcd is not followed again', async () => (await source())?.kind === 'etcd' || undefined)
  t.match(await source(), { kind: 'etcd', next: undefined })
  t.equal(sight.lines(/gate closed to new write/).length, closed, 'the gate has not closed')
  t.equal(sight.lines(/leader key (names|is gone)/).length, 1, 'and no leader change was seen')
  const secret = join(stand.dir, proxy.host, 'wrong.password')
  writeFileSync(secret, 'hunter2')
  file(config => Object.assign(config.clusters?.demo?.probe ?? {}, { passwordFile: secret }))
  await reload(t, place, /^clusters\.demo\.probe\.password: changed$/m)
  t.equal(sight.lines(/hunter2/).length, 0, 'a secret is not shown')
  file(same)
  await reload(t, place, /probe\.password: changed/)
  t.equal(await stays.one(), 1)
  await stays.end()
}

async function clusters(t: Test, place: Place): Promise<void> {
  const { proxy, sight, file } = place
  const [host = ''] = proxy.write.split(':')
  const second = (config: Tree) => {
    Object.assign(config.clusters ?? {}, { second: { ...config.clusters?.demo, scope: 'demo' } })
    Object.assign(config.listen ?? {}, { other: { address: `${host}:5905`, cluster: 'second', role: 'primary' } })
  }
  file(second)
  await reload(t, place, /clusters\.second: added/)
  const stays = await openSession(`${host}:5905`)
  t.equal((await sight.status()).clusters.length, 2)
  file(same)
  await reload(t, place, /clusters\.second: removed/)
  t.equal((await sight.status()).clusters.length, 1)
  t.equal(await stays.one(), 1, 'its session goes on')
  await stays.end()
  const wrong = await (async () => {
    file(config => Object.assign(config.clusters?.demo ?? {}, { scope: 'elsewhere' }))
    const before = await openSession(proxy.write)
    await reload(t, place, /clusters\.demo\.scope: demo → elsewhere/)
    return before
  })()
  t.equal(await wrong.one(), 1, 'another scope is another cluster: who is there stays')
  const held = await openWire(proxy.write, startup)
  await until(3000, 'nobody is held', async () => (await sight.metric('mekare_held_sessions')) === 1 || undefined)
  file(same)
  await reload(t, place, /scope: elsewhere → demo/)
  t.equal(errorFields(held.received()), undefined, 'who waits for the other goes on waiting')
  held.close()
  await sight.gateOpens()
  await wrong.end()
}

async function admin(t: Test, place: Place): Promise<void> {
  const { stand, proxy, sight, file } = place
  const [host = ''] = proxy.write.split(':')
  file(config => {
    Object.assign(config.admin ?? {}, { address: `${host}:5906` })
    Object.assign(config.log ?? {}, { level: 'warn' })
  })
  await reload(t, place, /admin\.address: .* → \S+:5906\n.*log\.level: debug → warn/s)
  t.equal((await stand.hands.http({ url: `http://${host}:5906/healthz` })).status, 200)
  await t.rejects(proxy.get('/healthz'), /ECONNREFUSED/)
  const lines = sight.lines().length
  await (await openSession(proxy.write)).end()
  t.equal(sight.lines().length, lines, 'sessions are logged no more')
  file(same)
  await reload(t, place, /log\.level: warn → debug/)
  t.equal((await proxy.get('/healthz')).status, 200)
}
