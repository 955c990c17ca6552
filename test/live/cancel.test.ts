// Cancel requests end the right query and bother no other member: by the key where it has passed in plaintext, by asking
// those it may belong to where TLS hid it. On both relay engines.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { cancelRequest } from '../../src/protocol/write.js'
import { until } from '../lab/cluster.js'
import { ENGINES, type Engine, each, openPlace, type Place } from '../lab/engines.js'
import { onStand } from '../lab/onstand.js'
import { PASSWORDS } from '../lab/options.js'
import type { Stand } from '../lab/stand.js'
import { openWire } from '../lab/wire.js'

t.setTimeout(300_000)

interface Cancelled {
  readonly right: number
  readonly wrong: readonly unknown[]
  readonly members: readonly string[]
  readonly medianMs: number
  readonly worstMs: number
}

t.test('cancel requests through the proxy', t =>
  onStand(t, { network: 'loopback', tls: true }, async stand => {
    const places = await Promise.all(ENGINES.map(engine => open(stand, engine)))
    await each(t, places, '100 of 100 end the right query; the other replica never hears of them', known)
    await each(t, places, 'psql and Ctrl-C', controlC)
    await each(t, places, '100 of 100 with TLS, whose keys nobody knows', asked)
    await each(t, places, 'a TLS session on a drained replica is found all the same', drained)
    // One after the other: a flood that takes long is limited less.
    for (const place of places)
      await each(t, [place], 'a flood of made-up keys is limited, and known keys pass through it', flood)
  }),
)

async function open(stand: Stand, engine: Engine): Promise<Place> {
  const place = await openPlace(stand, engine)
  for (const replica of replicas) await place.sight.verdict('read', replica, /^usable/)
  return place
}

/** The lines PostgreSQL logs for a cancel request whose key is not its own. */
function strangers({ stand }: Place, member: string): number {
  const log = readFileSync(join(stand.dir, member, 'patroni.log'), 'utf8')
  return log.match(/wrong key in cancel request|in cancel request did not match/g)?.length ?? 0
}

const replicas = ['pg2', 'pg3'] as const

async function cancels({ stand, proxy }: Place, sslmode: string, how: { rounds: number; burst: number }) {
  const dsn = (host: string, port: string | number) =>
    `host=${host} port=${port} user=app password=${PASSWORDS.app} dbname=app sslmode=${sslmode}`
  const [host = '', port = ''] = proxy.read.split(':')
  const members = Object.fromEntries(
    replicas.map(name => [stand.address(name), dsn(stand.address(name), stand.ports.postgres)]),
  )
  // Asking is limited to ten a second for each client address, after a burst of fifty.
  const task = { dsn: dsn(host, port), members, pause: 0.11, ...how }
  const program = fileURLToPath(new URL('../../../test/lab/cancels.py', import.meta.url))
  const env = { MEKARE_LAB_TASK: JSON.stringify(task) }
  const { code, stdout, stderr } = await stand.clientExec([stand.programs.python, program], env)
  if (code !== 0) throw new Error(`cancels.py ended with ${code}: ${stderr}`)
  return JSON.parse(stdout) as Cancelled
}

async function known(t: Test, place: Place): Promise<void> {
  const before = replicas.map(name => strangers(place, name))
  const done = await cancels(place, 'disable', { rounds: 100, burst: 100 })
  t.comment(JSON.stringify(done))
  t.equal(done.right, 100, 'each ended its own query and left the other alone')
  t.strictSame([...done.members].sort(), replicas.map(place.stand.address).sort(), 'a session on each replica')
  t.strictSame(
    replicas.map(name => strangers(place, name)),
    before,
    'neither replica saw a key that is not its own',
  )
  t.ok((await place.sight.metric('mekare_cancels_total', { how: 'known' })) >= 100, 'counted')
  t.equal(await place.sight.metric('mekare_cancels_total', { how: 'asked' }), 0, 'nobody was asked')
}

async function controlC(t: Test, { engine, stand, proxy }: Place): Promise<void> {
  const [host, port] = proxy.read.split(':')
  const name = `psql-${engine}`
  const conninfo = `host=${host} port=${port} user=app dbname=app sslmode=disable application_name=${name}`
  const argv = [join(stand.programs.postgres, 'psql'), '-X', conninfo, '-c', 'select pg_sleep(60)']
  const child = stand.spawn('client', name, argv, { env: { PGPASSWORD: PASSWORDS.app } })
  const running = `select pid from pg_stat_activity where application_name = '${name}' and wait_event = 'PgSleep'`
  await until(10_000, 'the query of psql does not run', async () => {
    const rows = await Promise.all(replicas.map(name => stand.sql(name, running)))
    return rows.some(found => found.length > 0) || undefined
  })
  child.kill('SIGINT')
  await once(child, 'exit')
  const log = readFileSync(join(stand.dir, 'client', `${name}.log`), 'utf8')
  t.match(log, /canceling statement due to user request/, 'psql prints what PostgreSQL said')
}

async function asked(t: Test, place: Place): Promise<void> {
  const done = await cancels(place, 'require', { rounds: 100, burst: 45 })
  t.comment(JSON.stringify(done))
  t.equal(done.right, 100, 'each ended its own query and left the other alone')
  t.equal(await place.sight.metric('mekare_cancels_total', { how: 'limited' }), 0, 'none was dropped')
  t.ok((await place.sight.metric('mekare_cancels_total', { how: 'asked' })) >= 100, 'counted')
  const strange = replicas.reduce((sum, name) => sum + strangers(place, name), 0)
  t.ok(strange > 0, 'the members that were asked in vain logged so: the count above would have shown it')
}

async function drained(t: Test, place: Place): Promise<void> {
  const done = await cancelsWhileDrained(place)
  t.equal(done.right, 12, 'each ended its own query')
  t.match(await place.sight.explain('read', 'pg2'), /not usable: drained by an operator/, 'pg2 was out of the pool')
  await place.sight.order('undrain?member=pg2')
}

async function cancelsWhileDrained(place: Place): Promise<Cancelled> {
  const { sight } = place
  const running = cancels(place, 'require', { rounds: 12, burst: 0 })
  await until(10_000, 'the sessions did not join', async () => {
    const { listeners } = await sight.status()
    return listeners.some(({ name, sessions }) => name === 'read' && sessions.joined === 2) || undefined
  })
  await sight.order('drain?member=pg2')
  return running
}

async function flood(t: Test, place: Place): Promise<void> {
  const { proxy, sight } = place
  const before = await sight.metric('mekare_cancels_total', { how: 'asked' })
  const wires = await Promise.all(
    Array.from({ length: 300 }, (_, i) => openWire(proxy.read, cancelRequest(i + 1, new Uint8Array(4).fill(7)))),
  )
  const ends = await Promise.all(wires.map(wire => wire.ended(30_000)))
  t.ok(
    ends.every(end => end === 'end'),
    'each is closed without an answer, as PostgreSQL does',
  )
  t.ok((await sight.metric('mekare_cancels_total', { how: 'asked' })) - before < 120, 'few were passed on')
  t.ok((await sight.metric('mekare_cancels_total', { how: 'limited' })) > 180, 'the others are counted')
  t.equal(sight.lines(/dropped: too many/).length, 1, 'and told once')
  const done = await cancels(place, 'disable', { rounds: 10, burst: 10 })
  t.equal(done.right, 10, 'known keys are never limited')
}
