// A stand of real servers: etcd, Patroni with PostgreSQL, and mekare, each host with its own address. Its verbs serve tests,
// demo and bench alike. Joins the files beside it; whatever happens to this process, the reaper clears the stand away.

import type { ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createHands, type Hands, type Row } from './ask.js'
import { type Certs, makeCerts } from './certs.js'
import { type Cluster, createCluster, until } from './cluster.js'
import { createEtcd, type Etcd } from './etcd.js'
import { createFaults, type Faults } from './faults.js'
import { besides, breakGround, type Ground, type Output, type StartOptions } from './ground.js'
import { hostNames, type Ports } from './hosts.js'
import type { Network } from './network.js'
import { PASSWORDS, type Role, type Settings, type StandOptions, settle } from './options.js'
import { writePatroniConfig } from './patroni.js'
import { findPrograms, type Programs } from './programs.js'
import { type ProxyOptions, type ProxyProcess, startProxy } from './proxy.js'

export interface Stand extends Cluster, Faults {
  readonly dir: string
  readonly network: Network['kind']
  readonly ports: Ports
  readonly settings: Settings
  readonly programs: Programs
  readonly etcd: Etcd
  readonly members: readonly string[]
  /** Of the members, with `tls`; of etcd, with `etcdTls`. */
  readonly certs: Certs | undefined
  readonly etcdCerts: Certs | undefined
  readonly hands: Hands
  address(host: string): string
  /** Starts etcd, the first member, then the others; answers when all of them stream from pg1. */
  up(): Promise<void>
  /** Ends everything and answers when nothing is left. May be called at any time, also twice. */
  down(): Promise<void>
  /** Starts what belongs on the host, etcd or Patroni, without waiting for it. */
  start(host: string): void
  /** Pulls the host's cable; with `from`, only what passes between it and those hosts is lost, silently. Namespaces only. */
  cut(host: string, from?: readonly string[]): Promise<void>
  mend(host: string, from?: readonly string[]): Promise<void>
  etcdctl(...args: readonly string[]): Promise<Output>
  /** Runs one statement at a member (`pg1`) or at `address:port`, on a fresh connection, and answers its rows. */
  sql(where: string, text: string, how?: SqlOptions): Promise<readonly Row[]>
  /** Runs a client program in the client's network to its end. */
  clientExec(argv: readonly string[], env?: Readonly<Record<string, string>>): Promise<Output>
  /** Starts a program in a host's network. It is logged to `<host>/<name>.log` and ends with the stand. */
  spawn(host: string, name: string, argv: readonly string[], how?: StartOptions): ChildProcess
  /** Starts a mekare on proxy1 or proxy2 and answers when it is ready. */
  proxy(host: string, options?: ProxyOptions): Promise<ProxyProcess>
  /** The last lines of every log, or of one host's, for a failed test. */
  tails(lines?: number, host?: string): string
}

export interface SqlOptions {
  readonly as?: Role
  readonly database?: string
  readonly values?: readonly unknown[]
  readonly timeoutMs?: number
}

/** Makes the ground of a stand: addresses, directories, certificates. No server runs before `up`. */
export async function createStand(options: StandOptions = {}): Promise<Stand> {
  const settings = settle(options)
  const programs = findPrograms()
  const etcds = hostNames('etcd', settings.etcd)
  const members = hostNames('pg', settings.members)
  const hosts = [...etcds, ...members, ...hostNames('proxy', settings.proxies), 'client']
  const ground = await breakGround(hosts, settings.network)
  try {
    const addresses = [...hosts.map(ground.network.address), '10.77.0.100']
    const wanted = settings.tls || settings.etcdTls
    const made = wanted ? await makeCerts(join(ground.dir, 'certs'), addresses, ground.owner) : undefined
    return assemble({ settings, programs, etcds, members, ground, made })
  } catch (error) {
    await ground.leave()
    throw error
  }
}

interface Made {
  readonly settings: Settings
  readonly programs: Programs
  readonly etcds: readonly string[]
  readonly members: readonly string[]
  readonly ground: Ground
  readonly made: Certs | undefined
}

function assemble({ settings, programs, etcds, members, ground, made }: Made): Stand {
  const { network } = ground
  const started = new Map<string, ChildProcess>()
  const spawn: Stand['spawn'] = (host, name, argv, how) => {
    const child = ground.start(host, name, argv, how)
    started.set(`${host}/${name}`, child)
    return child
  }
  const hands = createHands(spawn('client', 'hands', [process.execPath, besides('hands.js')], { pipes: true }))
  const certs = settings.tls ? made : undefined
  const etcdCerts = settings.etcdTls ? made : undefined
  const password = settings.etcdPassword
  const etcd = createEtcd({ ground, hands, program: programs.etcd, hosts: etcds, certs: etcdCerts, password, spawn })
  const start = (host: string) => {
    if (etcds.includes(host)) etcd.start(host)
    else spawn(host, 'patroni', [programs.patroni, join(ground.hostDir(host), 'patroni.yml')], { asOwner: true })
  }
  const down = endWithProcess(ground, settings.endOnSignal)
  const stand: Stand = {
    ...createCluster({ settings, members, network, hands, etcd }),
    ...createFaults(ground, started),
    ...{ dir: ground.dir, network: network.kind, ports: network.ports },
    ...{ settings, programs, etcd, members, certs, etcdCerts, hands, spawn, start, down },
    address: network.address,
    cut: network.cut,
    mend: network.mend,
    up: () =>
      raise(stand, () => {
        for (const host of members) writePatroniConfig({ ground, programs, settings, etcd, certs, etcdCerts }, host)
      }),
    etcdctl: (...args) => runEtcdctl(stand, ground, args),
    sql: (where, text, how) => runSql(stand, where, text, how),
    clientExec: (argv, env) => ground.exec('client', argv, env),
    proxy: (host, proxyOptions) => startProxy(stand, host, proxyOptions),
    tails: (lines, host) => tails(ground.dir, lines, host),
  }
  return stand
}

async function raise(stand: Stand, configure: () => void): Promise<void> {
  const { settings, members, etcd } = stand
  settings.report(`etcd: ${etcd.hosts.length} members`)
  for (const host of etcd.hosts) etcd.start(host)
  configure()
  await etcd.healthy()
  if (settings.etcdPassword) await etcd.enableAuth(settings.etcdPassword)
  const [first = '', ...others] = members
  settings.report(`Patroni: bootstrap of ${first}`)
  stand.start(first)
  await until(60_000, `${first} did not begin its bootstrap`, () => stand.key('initialize'))
  for (const host of others) stand.start(host)
  await stand.untilLeader()
  settings.report(`Patroni: ${others.join(', ')} copy ${first}`)
  await stand.untilStreaming()
  await stand.configure({ loop_wait: settings.loopWait })
}

/** Clears away once, by `down` or by a signal that would end this process. A crash is the reaper's. */
function endWithProcess(ground: Ground, onSignals: boolean): () => Promise<void> {
  let left: Promise<void> | undefined
  const names = onSignals ? (['SIGINT', 'SIGTERM', 'SIGHUP'] as const) : []
  const onSignal = (name: NodeJS.Signals) => {
    void down().then(() => process.exit(name === 'SIGINT' ? 130 : 143))
  }
  const down = () => {
    left ??= ground.leave().finally(() => {
      for (const name of names) process.removeListener(name, onSignal)
    })
    return left
  }
  for (const name of names) process.on(name, onSignal)
  return down
}

function runEtcdctl(stand: Stand, ground: Ground, args: readonly string[]): Promise<Output> {
  const { etcdPassword } = stand.settings
  const ca = stand.etcdCerts ? [`--cacert=${stand.etcdCerts.ca}`] : []
  const endpoints = `--endpoints=${stand.etcd.urls.join(',')}`
  const env = { ETCDCTL_API: '3', ...(etcdPassword ? { ETCDCTL_USER: `root:${etcdPassword}` } : {}) }
  return ground.exec('client', [stand.programs.etcdctl, endpoints, ...ca, ...args], env)
}

function runSql(stand: Stand, where: string, text: string, how: SqlOptions = {}): Promise<readonly Row[]> {
  const [host = '', port] = where.split(':')
  const user = how.as ?? 'postgres'
  const to = {
    host: stand.members.includes(host) ? stand.address(host) : host,
    port: port === undefined ? stand.ports.postgres : Number(port),
    user,
    password: PASSWORDS[user],
    database: how.database ?? (user === 'app' ? 'app' : 'postgres'),
  }
  return stand.hands.sql({ to, text, values: how.values ?? [], timeoutMs: how.timeoutMs ?? 5000 })
}

function tails(dir: string, lines = 20, only?: string): string {
  const hosts = readdirSync(dir).filter(host => only === undefined || host === only)
  const logs = hosts.flatMap(host => logsOf(join(dir, host)).map(file => join(dir, host, file)))
  const tail = (file: string) => readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
  return logs.map(file => `── ${file}\n${tail(file)}`).join('\n')
}

const logsOf = (dir: string) => readdirSync(dir).filter(file => file.endsWith('.log'))
