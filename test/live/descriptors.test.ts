// A router with few file descriptors: by its limit of sessions nobody comes who would find none, and where none is left all the
// same, new clients are told so, the others go on, and all is well again once some have left.

import { execFileSync } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import { sessionLimit } from '../../src/config/rules.js'
import { startupMessage } from '../../src/protocol/write.js'
import { until } from '../lab/cluster.js'
import { PASSWORDS } from '../lab/options.js'
import type { ProxyProcess } from '../lab/proxy.js'
import { type Sight, see } from '../lab/sight.js'
import { createStand } from '../lab/stand.js'
import { errorFields, openWire } from '../lab/wire.js'

t.setTimeout(300_000)

const LIMIT = 192
/** As many as `session.max: auto` makes of it. */
const MOST = sessionLimit('auto', LIMIT, 1)

const startup = startupMessage(new Map([['user', 'app']]))

interface Place {
  readonly engine: 'native' | 'net'
  readonly proxy: ProxyProcess
  readonly sight: Sight
}

const stand = await createStand({ network: 'loopback', etcd: 1, members: 1, proxies: 2 })
t.teardown(() => stand.down())
await stand.up()

const HOSTS = { native: 'proxy1', net: 'proxy2' } as const

// The two hold no time to a bound, and wait most of the time.
t.jobs = 2
for (const engine of ['native', 'net'] as const)
  t.test(`${engine}: few descriptors`, { buffered: true }, async t => {
    const proxy = await stand.proxy(HOSTS[engine], {
      config: { session: { max: MOST }, listen: { read: { fallback: 'primary' } } },
      descriptors: LIMIT,
      env: { MEKARE_RELAY__ENGINE: engine },
    })
    const place = { engine, proxy, sight: see(stand, proxy) }
    await place.sight.verdict('write', 'pg1', /^usable/)
    try {
      const before = await place.sight.descriptorsAtRest()
      await t.test('as many as session.max allows, and a crowd at the door', t => crowd(t, place))
      await back(t, place, before, 'the crowd')
      await t.test('no descriptor left', t => usedUp(t, place))
      await back(t, place, before, 'those for whom none was left')
      t.equal(place.sight.lines(/a bug in mekare/).length, 0, 'no bug was met')
    } catch (error) {
      t.comment(stand.tails(40, proxy.host))
      throw error
    } finally {
      t.equal(await proxy.stop(), 0)
    }
  })

async function back(t: Test, { sight }: Place, before: number, after: string): Promise<void> {
  let left = 0
  await until(15_000, 'descriptors are left', async () => {
    left = sight.descriptors()
    return left <= before || undefined
  }).catch(() => undefined)
  t.ok(left <= before, `no descriptor is left of ${after}: ${left} of ${before}`)
}

async function client({ proxy }: Place): Promise<pg.Client> {
  const [host = '', port] = proxy.write.split(':')
  const made = new pg.Client({ host, port: Number(port), user: 'app', password: PASSWORDS.app, database: 'app' })
  made.on('error', () => {})
  await made.connect()
  return made
}

async function works(clients: readonly pg.Client[]): Promise<number> {
  const all = await Promise.all(clients.map(one => one.query('select 1')))
  return all.length
}

async function leave(clients: readonly pg.Client[]): Promise<true> {
  await Promise.all(clients.map(one => one.end()))
  return true
}

/** Opens so many, a few at a time. */
async function open(place: Place, count: number): Promise<pg.Client[]> {
  const clients: pg.Client[] = []
  while (clients.length < count) {
    const few = Math.min(20, count - clients.length)
    clients.push(...(await Promise.all(Array.from({ length: few }, () => client(place)))))
  }
  return clients
}

/** Clients that come and say nothing. */
function silent({ proxy }: Place, count: number): Socket[] {
  const [host = '', port] = proxy.write.split(':')
  return Array.from({ length: count }, () => connect({ host, port: Number(port) }).on('error', () => {}))
}

async function crowd(t: Test, place: Place): Promise<void> {
  const { proxy, sight } = place
  const clients = await open(place, MOST)
  const waiting = silent(place, 300)
  const speaking = await Promise.all(Array.from({ length: 50 }, () => openWire(proxy.write, startup)))
  await Promise.all(speaking.map(wire => wire.ended(5000)))
  const answers = new Set(speaking.map(wire => answerOf(wire.received())))
  t.same([...answers], [`53300 mekare: too many clients: session.max is ${MOST}`], 'each hears which limit it is over')
  t.comment(`${sight.descriptors()} descriptors of ${LIMIT}, with ${MOST} sessions and a crowd`)
  t.equal(await works(clients), MOST, 'those joined go on')
  t.equal((await proxy.get('/healthz')).status, 200, 'the admin address answers')
  t.match(await sight.cli('status'), { code: 0 }, 'and the control socket')
  t.ok(sight.lines(/^write: refused/).length <= 3, 'told every 10 s, not for each client')
  t.equal(sight.lines(/no file descriptor/).length, 0, 'descriptors are left all the while')
  await leave(clients.splice(0, 10))
  clients.push(...(await open(place, 5)))
  t.equal(await works(clients), MOST - 5, 'once some have left others come in')
  for (const one of waiting) one.destroy()
  for (const one of speaking) one.close()
  await leave(clients)
}

async function usedUp(t: Test, place: Place): Promise<void> {
  const { proxy, sight } = place
  const clients = await open(place, 20)
  const limitTo = (soft: number) => execFileSync('prlimit', ['--pid', String(proxy.child.pid), `--nofile=${soft}:`])
  // Less than session.max was judged by.
  const limit = sight.descriptors() + 8
  limitTo(limit)
  await sleep(1500)
  const waiting = silent(place, 30)
  const speaking = await Promise.all(Array.from({ length: 60 }, () => openWire(proxy.write, startup)))
  await Promise.all(speaking.map(wire => wire.bytes(1)))
  const answers = speaking.map(wire => answerOf(wire.received()))
  t.comment(`${sight.descriptors()} descriptors of ${limit}; ${JSON.stringify(countsOf(answers))}`)
  const refused = `53300 mekare: too many clients: this proxy has no file descriptor left of ${limit}`
  const possible = place.engine === 'native' ? [refused, 'R'] : [refused, 'R', 'closed']
  t.same(
    new Set(answers.filter(answer => !possible.includes(answer))),
    new Set(),
    `each is one of: ${possible.join(', ')}`,
  )
  await sight.line(/no file descriptor is left/)
  t.ok(
    answers.some(answer => answer !== 'R'),
    'not all are let in',
  )
  t.equal(await works(clients), 20, 'those joined go on')
  for (const one of waiting) one.destroy()
  for (const one of speaking) one.close()
  await until(10_000, 'nobody new was let in', async () => leave([await client(place)]))
  t.equal(
    (await until(5000, 'it is silent', async () => proxy.get('/healthz'))).status,
    200,
    'the admin address answers',
  )
  t.match(await sight.cli('status'), { code: 0 }, 'and the control socket')
  t.match(sight.lines(/no file descriptor is left/), [new RegExp(`left of ${limit}: .*LimitNOFILE`)], 'told once')
  t.ok(sight.lines(/^write: refused/).length <= 4, 'refusals are told every 10 s, not for each client')
  t.match(await sight.line(/there are file descriptors again/, 15_000), /limit \d+\) after/)
  limitTo(LIMIT)
  await leave(clients)
}

function answerOf(bytes: Buffer): string {
  const fields = errorFields(bytes)
  return fields ? `${fields.C} ${fields.M}` : bytes.length === 0 ? 'closed' : bytes.toString('latin1', 0, 1)
}

function countsOf(answers: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1
  return counts
}
