// The probers against a real PostgreSQL primary and a streaming replica: answers, logins, TLS, promotion, and every way to fail.
// The verdict on speed comes from an independent poller of pg_is_in_recovery(), not from the prober.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer as createHttp } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import type { ProbeConfig } from '../../src/config/shape.js'
import type { Answer, ProbeOutcome } from '../../src/health/answer.js'
import { createProber } from '../../src/probes/create.js'
import type { Prober, ProbeTarget } from '../../src/probes/prober.js'
import { ms } from '../../src/units/units.js'

const isRoot = process.getuid?.() === 0
const asPostgres = isRoot ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups'] : []

function findBin(): string {
  const base = '/usr/lib/postgresql'
  const newest = readdirSync(base).sort((a, b) => Number(b) - Number(a))[0]
  if (newest === undefined) throw new Error(`no PostgreSQL under ${base}; apt-get install postgresql`)
  return join(base, newest, 'bin')
}
const bin = findBin()
const dir = mkdtempSync(join(tmpdir(), 'mekare-probes-'))
if (isRoot) execFileSync('chown', ['postgres:postgres', dir])
chmodSync(dir, 0o700)

const run = (program: string, ...args: string[]): string => {
  const [command = program, ...rest] = [...asPostgres, program, ...args]
  return execFileSync(command, rest, { encoding: 'utf8', cwd: dir, env: ENV, stdio: ['ignore', 'pipe', 'pipe'] })
}
const ENV = { PATH: process.env.PATH, LC_ALL: 'C', PGPASSWORD: 'copy' }

interface Server {
  readonly name: string
  readonly data: string
  readonly host: string
  readonly port: number
  process?: ChildProcess | undefined
}

const servers: Server[] = []
const probers: Prober[] = []
const running = (server: Server): server is Server & { process: ChildProcess & { pid: number } } =>
  server.process?.pid !== undefined && server.process.exitCode === null && server.process.signalCode === null

/** The postmaster and its children: a frozen postmaster alone leaves the backends answering. */
function tree(server: Server): number[] {
  if (!running(server)) return []
  const pid = server.process.pid
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  return [pid, ...children]
}
const signalTree = (server: Server, signal: NodeJS.Signals): void => {
  for (const pid of tree(server)) process.kill(pid, signal)
}

function cleanUp(): void {
  for (const server of servers) {
    signalTree(server, 'SIGCONT')
    if (running(server)) server.process.kill('SIGQUIT')
  }
  spawnSync('sleep', ['0.3'])
  for (const server of servers) signalTree(server, 'SIGKILL')
  rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
}
process.once('exit', cleanUp)
t.teardown(async () => {
  await Promise.all(probers.map(prober => prober.stop()))
  cleanUp()
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGALRM'] as const) process.once(signal, () => process.exit(130))

async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host)
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

async function start(server: Server, ...extra: string[]): Promise<void> {
  const listen = ['-h', server.host, '-p', String(server.port), '-k', dir]
  const [command = '', ...args] = [...asPostgres, join(bin, 'postgres'), '-D', server.data, ...listen, ...extra]
  const log = openSync(join(dir, `${server.name}.log`), 'a')
  server.process = spawn(command, args, { cwd: dir, env: ENV, stdio: ['ignore', log, log] })
  closeSync(log)
  for (let i = 0; i < 200; i++) {
    const ready = spawnSync(join(bin, 'pg_isready'), ['-q', '-h', server.host, '-p', String(server.port)])
    if (ready.status === 0) return
    await sleep(25)
  }
  throw new Error(`${server.name} did not start: ${logOf(server)}`)
}

async function stop(server: Server, signal: NodeJS.Signals = 'SIGINT'): Promise<void> {
  if (!running(server)) return
  const ended = new Promise(resolve => server.process.once('exit', resolve))
  server.process.kill(signal)
  await ended
}

const logOf = (server: Server): string => readFileSync(join(dir, `${server.name}.log`), 'utf8')

const primary: Server = {
  name: 'primary',
  data: join(dir, 'primary'),
  host: '127.77.2.1',
  port: await freePort('127.77.2.1'),
}
const replica: Server = {
  name: 'replica',
  data: join(dir, 'replica'),
  host: '127.77.2.2',
  port: await freePort('127.77.2.2'),
}
servers.push(primary, replica)

const sql = (server: Server, text: string): string =>
  run(
    join(bin, 'psql'),
    '-X',
    '-At',
    '-h',
    dir,
    '-p',
    String(server.port),
    '-U',
    'postgres',
    '-c',
    text,
    'postgres',
  ).trim()

async function buildPair(): Promise<void> {
  run(join(bin, 'initdb'), '-N', '-A', 'trust', '-U', 'postgres', '-D', primary.data)
  const key = join(primary.data, 'server.key')
  const names = 'subjectAltName=IP:127.77.2.1'
  const made = ['-keyout', key, '-out', join(primary.data, 'server.crt')]
  run(
    'openssl',
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=db',
    '-addext',
    names,
    ...made,
  )
  run('chmod', '600', key)
  writeFileSync(
    join(primary.data, 'pg_hba.conf'),
    `local all all trust
hostssl all unencrypted 127.0.0.0/8 reject
host replication copy 127.0.0.0/8 scram-sha-256
host all old 127.0.0.0/8 md5
host all all 127.0.0.0/8 scram-sha-256
`,
  )
  appendFileSync(
    join(primary.data, 'postgresql.conf'),
    `
ssl = on
fsync = off
shared_buffers = 8MB
max_connections = 14
superuser_reserved_connections = 3
hot_standby = on
log_line_prefix = ''
`,
  )
  await start(primary)
  sql(primary, "CREATE ROLE probe LOGIN PASSWORD 'right'; CREATE ROLE unencrypted LOGIN PASSWORD 'right'")
  sql(
    primary,
    "CREATE ROLE copy LOGIN REPLICATION PASSWORD 'copy'; CREATE ROLE poller LOGIN SUPERUSER PASSWORD 'right'",
  )
  sql(primary, "SET password_encryption = md5; CREATE ROLE old LOGIN PASSWORD 'right'")
  const from = ['-h', primary.host, '-p', String(primary.port), '-U', 'copy']
  run(join(bin, 'pg_basebackup'), ...from, '-c', 'fast', '-X', 'stream', '-R', '-D', replica.data)
  await start(replica)
}

const CONFIG: ProbeConfig = {
  user: 'probe',
  password: 'right',
  database: 'postgres',
  sslmode: 'prefer',
  interval: ms(1000),
  timeout: ms(1000),
  rise: 2,
  fall: 2,
  slowStart: ms(0),
}
const PATRONI = { urls: [], interval: ms(1000) }

interface Seen {
  readonly prober: Prober
  readonly outcomes: ProbeOutcome[]
  period: number
  /** The first outcome (from `from` on) that fits. */
  until(fits: (answer: Answer) => boolean, what: string, from?: number): Promise<ProbeOutcome>
}

function watch(config: Partial<ProbeConfig>, targets: readonly ProbeTarget[], period = 20): Seen {
  const outcomes: ProbeOutcome[] = []
  const prober = createProber(
    { probe: { ...CONFIG, ...config }, patroni: PATRONI },
    { now: () => ms(performance.now()), period: () => ms(seen.period), told: outcome => outcomes.push(outcome) },
  )
  probers.push(prober)
  const until: Seen['until'] = async (fits, what, from = 0) => {
    for (let i = 0; i < 2000; i++) {
      const found = outcomes.slice(from).find(({ answer }) => fits(answer))
      if (found !== undefined) return found
      await sleep(5)
    }
    throw new Error(`never told: ${what}; last: ${JSON.stringify(outcomes.at(-1))}`)
  }
  const seen: Seen = { prober, outcomes, period, until }
  prober.want(targets)
  return seen
}

const target = (server: Server): ProbeTarget => ({
  name: server.name,
  address: { host: server.host, port: server.port },
})
const unaskedFor = (reason: string) => (answer: Answer) => answer.kind === 'unasked' && answer.reason === reason

async function firstAnswer(config: Partial<ProbeConfig>, server: Server = primary): Promise<Answer> {
  const seen = watch(config, [target(server)], 5000)
  const { answer } = await seen.until(() => true, 'any answer')
  await seen.prober.stop()
  return answer
}

const usesTls = (): string =>
  sql(primary, "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'mekare probe'")

t.before(buildPair)

t.test('a role with CONNECT alone learns primary or recovery, system, timeline and positions', async t => {
  const [of, to] = [await firstAnswer({}), await firstAnswer({}, replica)]
  const systemId = sql(primary, 'SELECT system_identifier FROM pg_control_system()')
  t.match(of, { kind: 'primary', systemId, timeline: 1, lsn: Number })
  t.match(to, { kind: 'recovery', systemId, timeline: 1, receiveLsn: Number, replayLsn: Number })
  const current = Number(sql(primary, "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"))
  t.ok(of.kind === 'primary' && Math.abs(current - of.lsn) < 1 << 20, 'the position is that of the server')
})

t.test('a replica that has something left to replay tells for how long', async t => {
  sql(primary, 'CREATE TABLE replayed AS SELECT 1')
  const written = sql(primary, 'SELECT pg_current_wal_lsn()')
  while (sql(replica, `SELECT pg_last_wal_replay_lsn() >= '${written}'`) !== 't') await sleep(10)
  sql(replica, 'SELECT pg_wal_replay_pause()')
  sql(primary, 'CREATE TABLE written AS SELECT 1')
  const seen = watch({}, [target(replica)])
  const { answer } = await seen.until(a => a.kind === 'recovery' && a.replayDelay !== undefined, 'a delay')
  await seen.prober.stop()
  t.ok(answer.kind === 'recovery' && Number(answer.receiveLsn) > Number(answer.replayLsn))
  sql(replica, 'SELECT pg_wal_replay_resume()')
})

t.test('logins: SCRAM, md5, wrong, missing, and nothing of the environment', async t => {
  t.match(await firstAnswer({ user: 'old' }), { kind: 'primary' }, 'md5')
  t.match(await firstAnswer({ password: 'wrong' }), { reason: 'auth', why: /28P01.*probe\.passwordFile/ })
  t.match(await firstAnswer({ database: 'nowhere' }), { reason: 'unclear', why: /3D000.*probe\.database/ })
  const { password: _, ...none } = CONFIG
  Object.assign(process.env, {
    PGPASSWORD: 'right',
    PGOPTIONS: '-c nonsense=1',
    PGREPLICATION: 'database',
    PGSSLMODE: 'disable',
  })
  const outcomes: ProbeOutcome[] = []
  const deps = { now: () => ms(performance.now()), period: () => ms(5000), told: (o: ProbeOutcome) => outcomes.push(o) }
  const prober = createProber({ probe: none, patroni: PATRONI }, deps)
  prober.want([target(primary)])
  while (outcomes.length === 0) await sleep(5)
  await prober.stop()
  t.match(outcomes[0]?.answer, { reason: 'auth', why: /none is given/ })
  t.match(await firstAnswer({}), { kind: 'primary' })
  for (const name of ['PGPASSWORD', 'PGOPTIONS', 'PGREPLICATION', 'PGSSLMODE']) delete process.env[name]
})

t.test('TLS: each sslmode means what it means to libpq', async t => {
  const ca = join(primary.data, 'server.crt')
  for (const [config, encrypted] of [
    [{ sslmode: 'disable' }, 'f'],
    [{ sslmode: 'prefer' }, 't'],
    [{ sslmode: 'require' }, 't'],
    [{ sslmode: 'verify-ca', ca }, 't'],
    [{ sslmode: 'verify-full', ca: readFileSync(ca, 'utf8') }, 't'],
    [{ sslmode: 'prefer', user: 'unencrypted' }, 'f'],
  ] as const) {
    const seen = watch(config, [target(primary)], 5000)
    const { answer } = await seen.until(() => true, 'any answer')
    t.match([answer.kind, usesTls()], ['primary', encrypted], JSON.stringify({ sslmode: config.sslmode }))
    await seen.prober.stop()
  }
  t.match(await firstAnswer({ sslmode: 'require', user: 'unencrypted' }), { reason: 'auth', why: /pg_hba/ })
  t.match(
    await firstAnswer({ sslmode: 'verify-full', ca }, replica),
    { reason: 'tls', why: /probe\.ca/ },
    'name differs',
  )
  t.match(await firstAnswer({ sslmode: 'verify-ca', ca }, replica), { kind: 'recovery' })
  t.match(
    await firstAnswer({ sslmode: 'verify-ca' }),
    { reason: 'tls' },
    'a self-signed certificate nobody vouches for',
  )
  t.match(await firstAnswer({ sslmode: 'verify-ca', ca: '/nowhere.crt' }), { reason: 'tls', why: /nowhere\.crt/ })
})

t.test('at a period of 20 ms it asks every 20 ms, one question at a time, with little work', async t => {
  const seen = watch({}, [target(primary)])
  await seen.until(a => a.kind === 'primary', 'primary')
  const [from, cpu] = [seen.outcomes.length, process.cpuUsage()]
  await sleep(1500)
  const used = process.cpuUsage(cpu)
  const asked = seen.outcomes.slice(from)
  await seen.prober.stop()
  const share = (used.user + used.system) / 15_000
  t.comment(`${asked.length} questions in 1.5 s, ${share.toFixed(1)} % of a core`)
  const gaps = asked
    .slice(1)
    .map((o, i) => o.askedAt - (asked[i]?.askedAt ?? 0))
    .sort((a, b) => a - b)
  const median = gaps[gaps.length >> 1] ?? 0
  // Guards the period itself; a busy machine is late, never early.
  t.ok(median >= 19 && median <= 60, `median ${median.toFixed(1)} ms from question to question`)
  t.ok(
    asked.every((o, i) => i === 0 || o.askedAt >= (asked[i - 1]?.answeredAt ?? 0)),
    'never two under way',
  )
  t.equal(
    sql(primary, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mekare probe'"),
    '0',
    'stop() leaves none',
  )
  const told = seen.outcomes.length
  await sleep(60)
  t.equal(seen.outcomes.length, told, 'and tells nothing more')
})

t.test('recheck() asks at once whoever is due under the new period, want() drops who is not wanted', async t => {
  const seen = watch({}, [target(primary), target(replica)], 60_000)
  while (seen.outcomes.length < 2) await sleep(5)
  await sleep(100)
  t.equal(seen.outcomes.length, 2)
  seen.period = 20
  seen.prober.recheck()
  await seen.until(a => a.kind === 'primary', 'primary again', 2)
  seen.prober.want([target(replica)])
  await sleep(50)
  const from = seen.outcomes.length
  await seen.until(a => a.kind === 'recovery', 'replica still asked', from)
  t.equal(
    seen.outcomes.slice(from).some(o => o.member === 'primary'),
    false,
  )
  t.equal(sql(primary, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mekare probe'"), '0')
  await seen.prober.stop()
})

t.test('a connection that breaks is told at once, not at the next turn', async t => {
  const seen = watch({}, [target(primary)], 60_000)
  await seen.until(a => a.kind === 'primary', 'primary')
  const at = performance.now()
  sql(primary, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mekare probe'")
  const { answer, answeredAt } = await seen.until(unaskedFor('refused'), 'refused')
  t.match(answer, { why: /57P01/ })
  t.ok(answeredAt - at < 2000, `after ${Math.round(answeredAt - at)} ms, psql's start included`)
  await seen.prober.stop()
})

t.test('no free connection is too_many', async t => {
  const taken: pg.Client[] = []
  for (let i = 0; i < 11; i++) {
    const client = new pg.Client({
      host: primary.host,
      port: primary.port,
      user: 'unencrypted',
      password: 'right',
      database: 'postgres',
      ssl: false,
    })
    client.on('error', () => {})
    await client.connect()
    taken.push(client)
  }
  t.match(await firstAnswer({}), { reason: 'too_many', why: /53300.*max_connections/ })
  await Promise.all(taken.map(client => client.end()))
})

t.test('without credentials Patroni is asked and PostgreSQL pinged, silently', async t => {
  let reply: unknown = { state: 'running', role: 'master', xlog: { location: 5000 }, timeline: 1 }
  const http = createHttp((_, response) => response.end(JSON.stringify(reply))).listen(0, '127.77.2.1')
  await new Promise(resolve => http.once('listening', resolve))
  const apiUrl = `http://127.77.2.1:${(http.address() as AddressInfo).port}`
  const { user: _, ...noUser } = CONFIG
  const outcomes: ProbeOutcome[] = []
  const logged = logOf(primary).length
  const deps = { now: () => ms(performance.now()), period: () => ms(100), told: (o: ProbeOutcome) => outcomes.push(o) }
  const prober = createProber({ probe: noUser, patroni: PATRONI }, deps)
  const nobody = { name: 'dead', address: { host: '127.77.2.1', port: await freePort('127.77.2.1') }, apiUrl }
  prober.want([{ ...target(primary), apiUrl }, nobody, { ...target(replica), apiUrl: 'http://127.77.2.1:1' }])
  await sleep(300)
  reply = { state: 'stopping', role: 'master' }
  await sleep(300)
  http.close()
  await prober.stop()
  const of = (name: string) => outcomes.filter(o => o.member === name).map(o => o.answer)
  t.equal(prober.via, 'rest')
  t.match(of('primary')[0], { kind: 'primary', lsn: 5000 })
  t.match(of('primary').at(-1), { reason: 'starting' })
  t.match(of('dead')[0], { reason: 'refused', why: /ECONNREFUSED/ }, 'although Patroni calls it a primary')
  t.match(of('replica')[0], { reason: 'unclear', why: /PostgreSQL answers.*ECONNREFUSED/ })
  t.equal(logOf(primary).slice(logged), '', 'nothing in the log of PostgreSQL')
})

t.test('a promotion is told within one period of pg_is_in_recovery() turning false', async t => {
  const seen = watch({}, [target(replica)])
  const delays: number[] = []
  for (let round = 0; round < 5; round++) {
    if (round > 0) {
      await stop(replica)
      run('touch', join(replica.data, 'standby.signal'))
      await start(replica)
    }
    const from = seen.outcomes.length
    await seen.until(a => a.kind === 'recovery', 'in recovery', from)
    const poller = new pg.Client({
      host: replica.host,
      port: replica.port,
      user: 'poller',
      password: 'right',
      database: 'postgres',
      ssl: false,
    })
    await poller.connect()
    const left = poll(poller)
    await sleep(20 + round * 7)
    sql(replica, 'SELECT pg_promote(false)')
    const [out, told] = [await left, await seen.until(a => a.kind === 'primary', 'primary', from)]
    delays.push(told.answeredAt - out)
    t.match(told.answer, { timeline: round + 2 })
    await poller.end()
  }
  await seen.prober.stop()
  t.comment(`told after ${delays.map(d => d.toFixed(1)).join(', ')} ms`)
  // Guards that it is asked every 20 ms and not once a second. Usually 2 to 20 ms.
  t.ok(Math.max(...delays) <= 500, `worst ${Math.max(...delays).toFixed(1)} ms`)
})

/** When pg_is_in_recovery() first turned false, asked every 5 ms. */
async function poll(client: pg.Client): Promise<number> {
  for (;;) {
    const asked = performance.now()
    const { rows } = await client.query('SELECT pg_is_in_recovery() AS recovery')
    if (rows[0].recovery === false) return asked
    await sleep(5)
  }
}

t.test('a frozen server is a timeout, and answers again once thawed', async t => {
  const seen = watch({ timeout: ms(300) }, [target(primary)])
  await seen.until(a => a.kind === 'primary', 'primary')
  signalTree(primary, 'SIGSTOP')
  const { answer, askedAt, answeredAt } = await seen.until(unaskedFor('timeout'), 'timeout')
  t.match(answer, { why: /did not answer within 300ms/ })
  t.ok(answeredAt - askedAt < 1000, `after ${Math.round(answeredAt - askedAt)} ms`)
  const again = seen.outcomes.length
  await seen.until(unaskedFor('timeout'), 'a new connection times out too', again)
  const from = seen.outcomes.length
  signalTree(primary, 'SIGCONT')
  await seen.until(a => a.kind === 'primary', 'primary again', from)
  await seen.prober.stop()
})

t.test('a stopped server is refused at once, and found again when it is back', async t => {
  const seen = watch({}, [target(primary)], 60_000)
  await seen.until(a => a.kind === 'primary', 'primary')
  const at = performance.now()
  await stop(primary, 'SIGQUIT')
  const { answeredAt } = await seen.until(unaskedFor('refused'), 'refused')
  t.ok(answeredAt - at < 1000, `after ${Math.round(answeredAt - at)} ms`)
  seen.period = 20
  seen.prober.recheck()
  await seen.until(a => a.kind === 'unasked' && /ECONNREFUSED/.test(a.why), 'nothing listens')
  const from = seen.outcomes.length
  await start(primary, '-c', 'ssl=off')
  await seen.until(a => a.kind === 'primary', 'primary again', from)
  t.equal(usesTls(), 'f', 'prefer goes on in plain where TLS is off')
  await seen.prober.stop()
  t.match(await firstAnswer({ sslmode: 'require' }), { reason: 'tls', why: /ssl = on/ })
  t.match(await firstAnswer({}, { ...primary, host: 'no-such-host.invalid' }), { reason: /unreachable|timeout/ })
})

t.test('whatever else listens there is unclear, broken or late, and never ends the process', async t => {
  const junk = [
    'HTTP/1.1 400 Bad Request\r\n\r\n',
    'S not TLS',
    'E\0\0\0\x04',
    'R\0\0\0\x08\0\0\0\x63',
    'D\0\0\0\x06\x7f\xff',
    'N',
    '\xff'.repeat(99),
  ]
  for (const bytes of junk) {
    const server = createServer(socket => {
      socket.on('error', () => {})
      socket.once('data', () => socket.write(bytes, 'latin1'))
    }).listen(0, '127.77.2.1')
    await new Promise(resolve => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    for (const sslmode of ['disable', 'prefer', 'require'] as const) {
      const answer = await firstAnswer({ sslmode, timeout: ms(100) }, { ...primary, port })
      t.match(
        answer,
        { kind: 'unasked' },
        `${sslmode} ${JSON.stringify(bytes.slice(0, 12))}: ${'why' in answer ? answer.why : ''}`,
      )
    }
    await new Promise(resolve => server.close(resolve))
  }
})
