// Real programs and drivers in front of the proxy: what works against PostgreSQL itself works through it, in plaintext and TLS,
// over IPv4, IPv6 and a Unix socket, and through a switchover that they wait out unknowingly. On both relay engines.

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import t, { type Test } from 'tap'
import { SERVER_NAME } from '../lab/certs.js'
import { until } from '../lab/cluster.js'
import { ENGINES, type Engine, each, type Place as Opened, openPlace, type Together } from '../lab/engines.js'
import { now } from '../lab/journal.js'
import { onStand } from '../lab/onstand.js'
import { PASSWORDS } from '../lab/options.js'
import { pgbench } from '../lab/pgbench.js'
import { findProgram } from '../lab/programs.js'
import type { Stand } from '../lab/stand.js'

t.setTimeout(300_000)

const MIB = 1024 * 1024

interface Place extends Opened {
  readonly six: number
  /** Of its own, and of this name, so that what one makes there is in nobody's way. */
  readonly database: string
}

t.test('clients through the proxy', t =>
  onStand(t, { network: 'loopback', tls: true }, async stand => {
    const places = await Promise.all(ENGINES.map(engine => open(stand, engine)))
    await addresses(t, places)
    await encryption(t, places)
    await programs(t, places)
    await drivers(t, places)
    await each(t, places, 'clients that come during a switchover wait and are served', waitOut)
    await each(t, places, 'nothing is left of all these sessions', allGone)
  }),
)

async function open(stand: Stand, engine: Engine): Promise<Place> {
  const { host } = engine
  const six = await freePort('::1')
  const listen = {
    six: { address: `[::1]:${six}`, cluster: 'demo', role: 'primary' },
    unix: { address: join(stand.dir, host, '.s.PGSQL.5000'), cluster: 'demo', role: 'primary' },
  }
  const database = `app_${engine.engine}`
  await stand.sql('pg1', `create database ${database} owner app`)
  const place = { ...(await openPlace(stand, engine, { config: { listen } })), six, database }
  for (const replica of ['pg2', 'pg3']) await place.sight.verdict('read', replica, /^usable/)
  return place
}

function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host)
  return once(server, 'listening').then(() => {
    const address = server.address()
    server.close()
    return typeof address === 'object' && address ? address.port : 0
  })
}

const port = (where: string) => Number(where.slice(where.lastIndexOf(':') + 1))

/** A libpq connection string for the write port unless `over` says otherwise. */
function conninfo({ proxy }: Place, over: Readonly<Record<string, string | number>> = {}): string {
  const keys = { host: proxy.address, port: port(proxy.write), user: 'app', dbname: 'app', sslmode: 'disable', ...over }
  return Object.entries(keys)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ')
}

/** PostgreSQL's own client programs lie beside its server. */
const program = ({ programs }: Stand, name: string) => join(programs.postgres, name)

function psql(place: Place, over: Readonly<Record<string, string | number>>, ...args: readonly string[]) {
  const flags = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1']
  return place.stand.clientExec([program(place.stand, 'psql'), ...flags, ...args, conninfo(place, over)], {
    PGPASSWORD: PASSWORDS.app,
  })
}

const where = ['-c', 'select host(inet_server_addr()), pg_is_in_recovery()']

async function addresses(t: Test, places: readonly Place[]): Promise<void> {
  await each(t, places, 'every way in leads to the right member', async (t, place) => {
    const { stand, proxy, host } = place
    const primary = `${stand.address('pg1')}|f\n`
    const ways: Record<string, Readonly<Record<string, string | number>>> = {
      'IPv4, write port': {},
      IPv6: { host: '::1', port: place.six },
      'Unix socket': { host: join(stand.dir, host), port: 5000 },
      'gssencmode=prefer': { gssencmode: 'prefer' },
    }
    for (const [way, over] of Object.entries(ways)) {
      const { stdout, stderr } = await psql(place, over, ...where)
      t.equal(stdout, primary, `${way} ${stderr}`)
    }
    const read = await psql(place, { port: port(proxy.read) }, ...where)
    t.match(read.stdout, /\.2[23]\|t\n/, 'IPv4, read port: a replica')
  })
}

async function encryption(t: Test, places: readonly Place[]): Promise<void> {
  const certs = places[0]?.stand.certs
  if (!certs) throw new Error('this stand has no certificates')
  const ssl = ['-c', 'select ssl, version from pg_stat_ssl where pid = pg_backend_pid()']
  const full = { sslmode: 'verify-full', sslrootcert: certs.ca }
  await each(t, places, 'sslmode=verify-full and channel_binding=require, by address and by name', async (t, place) => {
    const { proxy } = place
    const byAddress = await psql(place, { ...full, channel_binding: 'require' }, ...ssl)
    t.equal(byAddress.stdout, 't|TLSv1.3\n', byAddress.stderr)
    const byName = { ...full, host: SERVER_NAME, hostaddr: proxy.address, channel_binding: 'require' }
    t.equal((await psql(place, byName, ...ssl)).stdout, 't|TLSv1.3\n')
    const read = await psql(place, { ...full, port: port(proxy.read), channel_binding: 'require' }, ...ssl)
    t.equal(read.stdout, 't|TLSv1.3\n', `on the read port too ${read.stderr}`)
    const wrong = await psql(place, { ...full, host: 'other.name.test', hostaddr: proxy.address }, ...ssl)
    t.match(wrong.stderr, /server certificate .* does not match host name/, 'and another name is refused by the client')
  })
  await each(t, places, 'a client certificate logs in, and without it nobody does', async (t, place) => {
    const who = { ...full, user: 'cert_app' }
    const given = { sslcert: certs.clientCert, sslkey: certs.clientKey }
    const { stdout, stderr } = await psql(place, { ...who, ...given }, '-c', 'select current_user')
    t.equal(stdout, 'cert_app\n', stderr)
    const without = await psql(place, { ...who, sslcert: '/nonexistent' }, '-c', 'select 1')
    t.match(without.stderr, /connection requires a valid client certificate/)
  })
  await each(
    t,
    places,
    'direct TLS is passed on, and ends with PostgreSQL 15, which does not know it',
    async (t, { proxy }) => {
      const begun = now()
      const socket = connectTls({ host: proxy.address, port: port(proxy.write), ALPNProtocols: ['postgresql'] })
      const [error] = (await once(socket, 'error')) as [Error]
      t.match(error.message, /disconnected before secure TLS|ECONNRESET|socket hang up/)
      t.ok(now() - begun < 5000, 'at once: nothing hangs')
    },
  )
}

async function programs(t: Test, places: readonly Place[]): Promise<void> {
  await each(t, places, 'pgbench: TPC-B, reads, and a connection for each transaction', benches)
  await each(t, places, 'psql: 50 MiB in by COPY and out again, unchanged', copies)
  const replication = 'pg_basebackup and pg_receivewal: the replication protocol through the write port'
  await each(t, places, replication, replicates)
}

async function benches(t: Test, { stand, proxy, database }: Place): Promise<void> {
  const env = { PGPASSWORD: PASSWORDS.app, PGSSLMODE: 'disable' }
  const run = (where: string, ...args: readonly string[]) => {
    const [host = '', port = ''] = where.split(':')
    return pgbench(t, stand, ['-h', host, '-p', port, '-U', 'app', ...args, database], env)
  }
  await run(proxy.write, '-i', '-q', '-s', '1')
  const five = ['-T', '5', '-c', '4', '-n']
  await Promise.all([run(proxy.write, ...five), run(proxy.read, ...five, '-S'), run(proxy.read, ...five, '-S', '-C')])
}

async function copies(t: Test, place: Place): Promise<void> {
  const { stand, engine, database } = place
  const file = (name: string) => join(stand.dir, 'client', `${name}-${engine}.txt`)
  const [given, back] = [file('given'), file('back')]
  await writeLines(given, 50 * MIB)
  const load = [
    'create table big (line text)',
    `\\copy big from '${given}'`,
    `\\copy big to '${back}'`,
    'drop table big',
  ]
  const done = await psql(place, { dbname: database }, ...load.flatMap(line => ['-c', line]))
  t.equal(done.code, 0, done.stderr)
  t.ok(statSync(given).size >= 50 * MIB)
  t.equal(await digest(back), await digest(given), 'what came back is what was given')
}

async function replicates(t: Test, place: Place): Promise<void> {
  const { stand, engine, database } = place
  const dir = (name: string) => join(stand.dir, 'client', `${name}-${engine}`)
  mkdirSync(dir('wal'))
  const dsn = conninfo(place, { user: 'replicator', dbname: 'replication' })
  const name = `receivewal-${engine}`
  const receive = [program(stand, 'pg_receivewal'), '-D', dir('wal'), '-d', dsn, '--no-sync']
  const wal = stand.spawn('client', name, receive, { env: { PGPASSWORD: PASSWORDS.replicator } })
  const how = ['-X', 'stream', '-c', 'fast', '--no-sync']
  const backup = [program(stand, 'pg_basebackup'), '-D', dir('backup'), ...how, '-d', dsn]
  const { code, stderr } = await stand.clientExec(backup, { PGPASSWORD: PASSWORDS.replicator })
  t.equal(code, 0, stderr)
  t.ok(existsSync(join(dir('backup'), 'backup_manifest')), 'the backup is whole')
  const verify = await stand.clientExec([program(stand, 'pg_verifybackup'), dir('backup')])
  t.match(verify.stdout, /backup successfully verified/, verify.stderr)
  const write = ['-c', 'create table w as select generate_series(1, 200000) n', '-c', 'drop table w']
  await psql(place, { dbname: database }, ...write)
  const received = () => readdirSync(dir('wal')).filter(name => /^[0-9A-F]{24}/.test(name))
  await until(20_000, 'no WAL was received', async () => received().length > 0 || undefined)
  wal.kill('SIGINT')
  const [ended] = await once(wal, 'exit')
  t.equal(ended, 0, readFileSync(join(stand.dir, 'client', `${name}.log`), 'utf8'))
  t.ok(received().length > 0, `WAL was received: ${received().join(', ')}`)
}

async function writeLines(path: string, bytes: number): Promise<void> {
  const file = createWriteStream(path)
  const line = (n: number) => `${n} ${createHash('sha256').update(String(n)).digest('hex').repeat(15)}\n`
  for (let n = 0, written = 0; written < bytes; n++) {
    const text = line(n)
    written += text.length
    if (!file.write(text)) await once(file, 'drain')
  }
  file.end()
  await once(file, 'close')
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}

function nodeClient({ proxy }: Place, over: pg.ClientConfig = {}): pg.Client {
  const to = { host: proxy.address, port: port(proxy.write), user: 'app', password: PASSWORDS.app, database: 'app' }
  return new pg.Client({ ...to, ...over })
}

/** One after the other: what is large would be twice as large at once. */
async function drivers(t: Test, places: readonly Place[]): Promise<void> {
  for (const place of places) {
    await each(t, [place], 'node-postgres: rows, LISTEN, large rows both ways, in bounded memory', drivePg)
    await each(t, [place], 'psycopg2: rows, COPY, LISTEN, large rows both ways', drivePsycopg)
    await each(t, [place], 'the JDBC driver: rows, COPY, LISTEN, cancel, a large row', driveJdbc)
  }
}

async function drivePg(t: Test, place: Place): Promise<void> {
  const { certs } = place.stand
  if (!certs) throw new Error('this stand has no certificates')
  const client = nodeClient(place, { ssl: { ca: readFileSync(certs.ca) } })
  const other = nodeClient(place)
  await Promise.all([client.connect(), other.connect()])
  await client.query('listen news')
  const heard = once(client, 'notification') as Promise<[pg.Notification]>
  await other.query("select pg_notify('news', 'hello')")
  t.equal((await heard)[0].payload, 'hello', 'notified, over TLS')
  const size = 100 * MIB
  const before = memory(place)
  const { rows } = await other.query<{ large: string }>("select repeat('x', $1) as large", [size])
  t.equal(rows[0]?.large.length, size, 'a row of 100 MiB')
  const sent = await other.query<{ length: number }>('select length($1)', [rows[0]?.large])
  t.equal(sent.rows[0]?.length, size, 'a parameter of 100 MiB')
  t.comment(`resident before ${before} MiB, after ${memory(place)} MiB`)
  t.ok(memory(place) - before < 100, 'the proxy never held a row as a whole')
  await Promise.all([client.end(), other.end()])
}

/** Largest resident size of the proxy so far, in MiB. */
function memory({ proxy }: Place): number {
  const [, kib] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${proxy.child.pid}/status`, 'utf8')) ?? []
  return Math.round(Number(kib) / 1024)
}

const lab = (file: string) => fileURLToPath(new URL(`../../../test/lab/${file}`, import.meta.url))

async function drivePsycopg(t: Test, place: Place): Promise<void> {
  const { stand } = place
  const task = { dsn: `${conninfo(place, { sslmode: 'prefer' })} password=${PASSWORDS.app}` }
  const env = { MEKARE_LAB_TASK: JSON.stringify(task) }
  const { stdout, stderr } = await stand.clientExec([stand.programs.python, lab('drive.py')], env)
  t.match(JSON.parse(stdout || '{}'), { copy: true, notified: ['hello'], large: 32 * MIB, sent: 32 * MIB }, stderr)
}

const JDBC = '/usr/share/java/postgresql.jar'

async function driveJdbc(t: Test, place: Place): Promise<void> {
  const { stand, proxy } = place
  const java = findProgram('java')
  if (java === undefined || !existsSync(JDBC)) return t.comment('no java or no JDBC driver on this machine')
  const url = `jdbc:postgresql://${proxy.write}/app`
  const argv = [java, '-XX:TieredStopAtLevel=1', '-cp', JDBC, lab('Drive.java'), url, 'app']
  const { stdout, stderr } = await stand.clientExec(argv, { PGPASSWORD: PASSWORDS.app })
  const wanted = { copy: true, notified: true, cancelled: '57014', large: 32 * MIB }
  t.match(JSON.parse(stdout || '{}'), wanted, stderr)
}

async function waitOut(t: Test, place: Place, together: Together): Promise<void> {
  const { stand } = place
  const took: number[] = []
  let over = false
  const come = async (connect: () => Promise<unknown>) => {
    while (!over) {
      const begun = now()
      await connect()
      took.push(now() - begun)
      await sleep(50)
    }
  }
  const clients = [
    come(async () => {
      const client = nodeClient(place)
      await client.connect()
      await client.end()
    }),
    come(async () => {
      const { code, stderr } = await psql(place, { sslmode: 'prefer' }, '-c', 'select 1')
      if (code !== 0) throw new Error(`psql: ${stderr}`)
    }),
  ]
  const all = Promise.all(clients)
  all.catch(() => undefined)
  const to = await together(() => stand.switchover('pg2'))
  await sleep(1500)
  over = true
  await t.resolves(all, `no connect failed (${took.length} of them)`)
  t.equal(to, 'pg2')
  t.ok(Math.max(...took) > 300, `the longest was held for ${Math.round(Math.max(...took))} ms`)
  const { stdout } = await psql(place, {}, ...where)
  t.equal(stdout, `${stand.address('pg2')}|f\n`, 'the write port leads to the new primary')
}

async function allGone(t: Test, place: Place): Promise<void> {
  const end = now() + 5000
  let count = await left(place)
  while (count > 0 && now() < end) {
    await sleep(100)
    count = await left(place)
  }
  t.equal(count, 0, 'no session is left in any state')
  t.equal(place.sight.lines(/a bug in mekare/).length, 0, 'and no bug was met')
}

async function left({ sight }: Place): Promise<number> {
  const { listeners } = await sight.status()
  return listeners.reduce((sum, { sessions: s }) => sum + s.startup + s.held + s.dialing + s.joined, 0)
}
