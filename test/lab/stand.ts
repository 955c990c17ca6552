// A stand of real servers: etcd, Patroni with PostgreSQL, and mekare, each host with its own address. Its verbs serve tests,
// demo and bench alike. Joins the files beside it; whatever happens to this process, the reaper clears the stand away.

import { join } from 'node:path'
import { createHands, type Hands, type Row } from './ask.js'
import { type Certs, makeCerts } from './certs.js'
import { type Cluster, createCluster, until } from './cluster.js'
import { createEtcd, type Etcd } from './etcd.js'
import { createFaults, type Faults } from './faults.js'
import { besides, breakGround, type Ground, type Output } from './ground.js'
import { hostNames, type Ports } from './hosts.js'
import { createInstalled, type Installed } from './installed.js'
import { tails } from './logs.js'
import type { Network } from './network.js'
import { PASSWORDS, type Role, type Settings, type StandOptions, settle } from './options.js'
import { atRest, writePatroniConfig } from './patroni.js'
import { writePoolerConfig } from './pooler.js'
import { findProgram, findPrograms, type Programs } from './programs.js'
import { type ProxyOptions, type ProxyProcess, startProxy } from './proxy.js'
import { layData } from './template.js'

export interface Stand extends Cluster, Faults, Omit<Installed, 'children'> {
  readonly dir: string
  readonly network: Network['kind']
  readonly ports: Ports
  readonly settings: Settings
  readonly programs: Programs
  readonly etcd: Etcd
  readonly members: readonly string[]
  readonly proxies: readonly string[]
  /** The address that sidecars hold; undefined where none can. */
  readonly floating: string | undefined
  /** Of the members, with `tls`; of etcd, with `etcdTls`. */
  readonly certs: Certs | undefined
  readonly etcdCerts: Certs | undefined
  readonly hands: Hands
  address(host: string): string
  /** Where a proxy of the host listens. */
  listening(host: string): string
  /** The proxy hosts that have the floating address now, as `ip` says. */
  holders(): Promise<readonly string[]>
  /** Starts etcd, the first member, then the others; answers when all of them stream from pg1. */
  up(): Promise<void>
  /** Ends everything and answers when nothing is left. May be called at any time, also twice. */
  down(): Promise<void>
  /** Pulls the host's cable; with `from`, only what passes between it and those hosts is lost, silently. Namespaces only. */
  cut(host: string, from?: readonly string[]): Promise<void>
  mend(host: string, from?: readonly string[]): Promise<void>
  etcdctl(...args: readonly string[]): Promise<Output>
  /** Runs one statement at a member (`pg1`) or at `address:port`, on a fresh connection, and answers its rows. */
  sql(where: string, text: string, how?: SqlOptions): Promise<readonly Row[]>
  /** Runs a client program in the client's network to its end. */
  clientExec(argv: readonly string[], env?: Readonly<Record<string, string>>): Promise<Output>
  /** Installs a mekare on proxy1 or proxy2, starts it and answers when it is ready. */
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
  const proxies = hostNames('proxy', settings.proxies)
  const hosts = [...etcds, ...members, ...proxies, 'client']
  const ground = await breakGround(hosts, settings.network)
  try {
    const addresses = [...hosts.map(ground.network.address), '10.77.0.100']
    const wanted = settings.tls || settings.etcdTls
    const made = wanted ? await makeCerts(join(ground.dir, 'certs'), addresses, ground.owner) : undefined
    return assemble({ settings, programs, etcds, members, proxies, ground, made })
  } catch (error) {
    await ground.leave()
    throw error
  }
}

/** PgBouncer refuses to run as root, too. */
function poolerOn(host: string, ground: Ground, { poolers }: Settings, spawn: Ground['start']) {
  if (poolers === undefined) return {}
  const program = findProgram('pgbouncer')
  if (program === undefined) throw new Error('pgbouncer was not found; run `node setup/prepare.js test` to install it')
  const argv = [program, writePoolerConfig(ground, host, poolers)]
  return { pooler: () => spawn(host, 'pooler', argv, { asOwner: true }) }
}

interface Made {
  readonly settings: Settings
  readonly programs: Programs
  readonly etcds: readonly string[]
  readonly members: readonly string[]
  readonly proxies: readonly string[]
  readonly ground: Ground
  readonly made: Certs | undefined
}

function assemble({ settings, programs, etcds, members, proxies, ground, made }: Made): Stand {
  const { network } = ground
  const installed = createInstalled(ground)
  const { spawn, install, start, child } = installed
  const hands = createHands(spawn('client', 'hands', [process.execPath, besides('hands.js')], { pipes: true }))
  const certs = settings.tls ? made : undefined
  const etcdCerts = settings.etcdTls ? made : undefined
  const password = settings.etcdPassword
  const etcd = createEtcd({ ground, hands, program: programs.etcd, hosts: etcds, certs: etcdCerts, password, spawn })
  for (const host of etcds) install(host, { etcd: () => etcd.start(host) })
  for (const host of members) {
    const argv = [programs.patroni, join(ground.hostDir(host), 'patroni.yml')]
    install(host, {
      patroni: () => spawn(host, 'patroni', argv, { asOwner: true }),
      ...poolerOn(host, ground, settings, spawn),
    })
  }
  const stand: Stand = {
    ...createCluster({ settings, members, network, hands, etcd }),
    ...createFaults(ground, installed),
    ...{ spawn, install, start, child },
    ...{ dir: ground.dir, network: network.kind, ports: network.ports, floating: network.floating },
    ...{ settings, programs, etcd, members, proxies, certs, etcdCerts, hands },
    ...{ address: network.address, listening: network.listening, cut: network.cut, mend: network.mend },
    up: () =>
      raise(stand, () => {
        for (const host of members) writePatroniConfig({ ground, programs, settings, etcd, certs, etcdCerts }, host)
        layData(
          ground,
          programs.postgres,
          members.map(host => join(ground.hostDir(host), 'data')),
        )
      }),
    down: endWithProcess(ground, settings.endOnSignal),
    holders: () => findHolders(stand, ground),
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
  for (const host of etcd.hosts) stand.start(host)
  configure()
  await etcd.healthy()
  if (settings.etcdPassword) await etcd.enableAuth(settings.etcdPassword)
  const [first = '', ...others] = members
  settings.report(`Patroni: ${first} becomes the primary`)
  stand.start(first)
  await until(60_000, `${first} did not take the leader key`, stand.leader)
  for (const host of others) stand.start(host)
  await stand.untilLeader()
  settings.report(`Patroni: ${others.join(', ')} follow ${first}`)
  await stand.untilStreaming()
  // The leader writes it in a turn of its own, and until then Patroni changes nothing of it.
  await until(60_000, `${first} did not write the configuration`, () => stand.key('config'))
  await stand.configure(atRest(settings))
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

async function findHolders({ floating, proxies }: Stand, ground: Ground): Promise<readonly string[]> {
  if (floating === undefined) return []
  const have = async (host: string) =>
    (await ground.exec(host, ['ip', '-o', 'addr', 'show', 'to', floating])).stdout !== ''
  const has = await Promise.all(proxies.map(have))
  return proxies.filter((_, i) => has[i])
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
