// A PostgreSQL primary and a streaming replica on 127.77.2.x, with TLS, roles for every kind of login, and few connections.

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
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Prober } from '../../../src/probes/prober.js'

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

export const run = (program: string, ...args: string[]): string => {
  const [command = program, ...rest] = [...asPostgres, program, ...args]
  return execFileSync(command, rest, { encoding: 'utf8', cwd: dir, env: ENV, stdio: ['ignore', 'pipe', 'pipe'] })
}
const ENV = { PATH: process.env.PATH, LC_ALL: 'C', PGPASSWORD: 'copy' }

export interface Server {
  readonly name: string
  readonly data: string
  readonly host: string
  readonly port: number
  process?: ChildProcess | undefined
}

const servers: Server[] = []
export const probers: Prober[] = []
const running = (server: Server): server is Server & { process: ChildProcess & { pid: number } } =>
  server.process?.pid !== undefined && server.process.exitCode === null && server.process.signalCode === null

/** The postmaster and its children: a frozen postmaster alone leaves the backends answering. */
function tree(server: Server): number[] {
  if (!running(server)) return []
  const pid = server.process.pid
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  return [pid, ...children]
}
export const signalTree = (server: Server, signal: NodeJS.Signals): void => {
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

export async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host)
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

export async function start(server: Server, ...extra: string[]): Promise<void> {
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

export async function stop(server: Server, signal: NodeJS.Signals = 'SIGINT'): Promise<void> {
  if (!running(server)) return
  const ended = new Promise(resolve => server.process.once('exit', resolve))
  server.process.kill(signal)
  await ended
}

export const logOf = (server: Server): string => readFileSync(join(dir, `${server.name}.log`), 'utf8')

export const primary: Server = {
  name: 'primary',
  data: join(dir, 'primary'),
  host: '127.77.2.1',
  port: await freePort('127.77.2.1'),
}
export const replica: Server = {
  name: 'replica',
  data: join(dir, 'replica'),
  host: '127.77.2.2',
  port: await freePort('127.77.2.2'),
}

servers.push(primary, replica)

export const sql = (server: Server, text: string): string =>
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

t.before(buildPair)
