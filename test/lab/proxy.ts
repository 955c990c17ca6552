// Starts a mekare in front of the stand as its own process on its own address, with its sidecar where one is asked for, and waits
// until it is ready. Knows its command line and its admin address, nothing of its inside.

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { ask } from '../../src/cli/ask.js'
import type { HttpAnswer } from './ask.js'
import { until } from './cluster.js'
import { isRunning, type Launch } from './installed.js'
import { PASSWORDS } from './options.js'
import { PROGRAM } from './programs.js'
import type { Stand } from './stand.js'

export interface ProxyOptions {
  /** Laid over the default configuration, key by key; `undefined` takes a key away. */
  readonly config?: Readonly<Record<string, unknown>>
  /** Further flags after `run --config …`. */
  readonly flags?: readonly string[]
  /** Only these flags after `run`, and no file. */
  readonly onlyFlags?: readonly string[]
  /** Another program than the one of this build: the path of its `mekare.js`. */
  readonly program?: string
  /** Default true. False: answer as soon as the process is started. */
  readonly waitReady?: boolean
  readonly env?: Readonly<Record<string, string>>
  /** How many files it may open, as LimitNOFILE of its unit would say. */
  readonly descriptors?: number
  /** Default false. True: beside it `mekare vrrp` with the same file, for the stand's floating address; proxy1 is to be preferred. Namespaces only. */
  readonly sidecar?: boolean
}

export interface ProxyProcess {
  readonly host: string
  readonly address: string
  /** Another one after the host was started again. */
  readonly child: ChildProcess
  readonly configFile: string
  /** `host:port` of its write, read and admin address. */
  readonly write: string
  readonly read: string
  readonly admin: string
  readonly socket: string
  /** GET of a path of its admin address. */
  get(path: string): Promise<HttpAnswer>
  /** A request of its control socket, as the verbs make them; throws when there is no answer within so long (5 s). */
  control(method: 'GET' | 'POST', path: string, withinMs?: number): Promise<{ status: number; body: string }>
  /** Waits until it would take a session on every listener; throws with the end of its log when it ends instead. */
  ready(): Promise<void>
  /** SIGTERM (or another signal), then waits for its end; answers its exit code, or the signal's name. */
  stop(signal?: NodeJS.Signals): Promise<number | string>
}

/** The configuration a proxy of the stand gets when nothing else is asked for. */
export function proxyConfig(stand: Stand, host: string, sidecar: boolean): Record<string, unknown> {
  const { ports, settings } = stand
  const passwordFile = join(stand.dir, host, 'probe.password')
  const { etcdPassword } = settings
  const target = settings.poolers ? { target: 'pooler' } : {}
  return {
    clusters: {
      demo: {
        ...(settings.scope === 'demo' ? {} : { scope: settings.scope }),
        ...(settings.namespace === '/service/' ? {} : { namespace: settings.namespace }),
        etcd: {
          hosts: [...stand.etcd.urls],
          ...(stand.etcdCerts ? { ca: stand.etcdCerts.ca } : {}),
          ...(etcdPassword ? { username: 'root', passwordFile: join(stand.dir, host, 'etcd.password') } : {}),
        },
        patroni: { urls: stand.members.map(name => `http://${stand.address(name)}:${ports.patroni}`) },
        probe: { user: 'mekare_probe', passwordFile },
      },
    },
    listen: {
      write: { address: `${stand.listening(host)}:${ports.write}`, cluster: 'demo', role: 'primary', ...target },
      read: { address: `${stand.listening(host)}:${ports.read}`, cluster: 'demo', role: 'replica', ...target },
    },
    ...(sidecar ? { vrrp: { pg: floating(stand, host) } } : {}),
    admin: { address: `${stand.address(host)}:${ports.admin}`, socket: join(stand.dir, host, 'control.sock') },
    incidents: { file: join(stand.dir, host, 'incidents.json') },
    log: { level: 'debug', format: 'json' },
    fleet: { name: host },
  }
}

/** Everything but the priority as it is by default: proxy1 has 250, proxy2 240. */
function floating(stand: Stand, host: string): Record<string, unknown> {
  if (stand.floating === undefined) throw new Error(`${host}: a sidecar needs network namespaces; run as root on Linux`)
  const priority = 250 - 10 * stand.proxies.indexOf(host)
  return { interface: 'eth0', routerId: 51, priority, addresses: [`${stand.floating}/24`] }
}

/** Starts it; throws with the end of its log when it ends instead of becoming ready. */
export async function startProxy(stand: Stand, host: string, options: ProxyOptions = {}): Promise<ProxyProcess> {
  if (isRunning(stand.child(host, 'mekare'))) throw new Error(`${host}: a mekare runs there already; stop it first`)
  const { sidecar = false } = options
  const dir = join(stand.dir, host)
  const configFile = join(dir, 'mekare.yaml')
  writeFileSync(join(dir, 'probe.password'), `${PASSWORDS.mekare_probe}\n`, { mode: 0o600 })
  writeFileSync(join(dir, 'etcd.password'), `${stand.settings.etcdPassword ?? ''}\n`, { mode: 0o600 })
  writeFileSync(configFile, stringify(lay(proxyConfig(stand, host, sidecar), options.config ?? {})))
  const flags = options.onlyFlags ?? ['--config', configFile, ...(options.flags ?? [])]
  // Of the caller's environment the engine alone is passed on: any live test can be run with either.
  const { MEKARE_RELAY__ENGINE: engine } = process.env
  const env = { ...(engine === undefined ? {} : { MEKARE_RELAY__ENGINE: engine }), ...options.env }
  const launch = (name: string, ...args: readonly string[]): Launch => {
    const { descriptors, program = PROGRAM } = options
    const within = descriptors === undefined ? [] : ['prlimit', `--nofile=${descriptors}:${descriptors}`]
    return () => stand.spawn(host, name, [...within, process.execPath, program, ...args], { env })
  }
  stand.install(host, {
    mekare: launch('mekare', 'run', ...flags),
    ...(sidecar ? { vrrp: launch('vrrp', 'vrrp', '--config', configFile) } : {}),
  })
  stand.start(host)
  const proxy = describe(stand, host, configFile)
  if (options.waitReady ?? true) await proxy.ready()
  return proxy
}

function describe(stand: Stand, host: string, configFile: string): ProxyProcess {
  const address = stand.address(host)
  const { ports } = stand
  const admin = `${address}:${ports.admin}`
  const socket = join(stand.dir, host, 'control.sock')
  const proxy: ProxyProcess = {
    host,
    address,
    get child() {
      const child = stand.child(host, 'mekare')
      if (!child) throw new Error(`${host}: no mekare was started`)
      return child
    },
    configFile,
    write: `${address}:${ports.write}`,
    read: `${address}:${ports.read}`,
    admin,
    socket,
    get: path => stand.hands.http({ url: `http://${admin}${path}`, timeoutMs: 2000 }),
    control: async (method, path, withinMs) => {
      const reply = await ask(socket, method, path, withinMs)
      if (reply.kind !== 'answer') throw new Error(reply.why)
      return reply
    },
    ready: () => untilReady(stand, proxy),
    stop: async (signal = 'SIGTERM') => {
      const { child } = proxy
      if (isRunning(child)) {
        child.kill(signal)
        await once(child, 'exit')
      }
      return child.exitCode ?? child.signalCode ?? 'unknown'
    },
  }
  return proxy
}

async function untilReady(stand: Stand, proxy: ProxyProcess): Promise<void> {
  const { child } = proxy
  const ready = await until(60_000, `mekare on ${proxy.host} was not ready`, async () => {
    if (!isRunning(child)) return 'ended' as const
    return (await proxy.get('/readyz')).status === 200 ? ('ready' as const) : undefined
  }).catch(error => (error as Error).message)
  if (ready === 'ready') return
  const why = ready === 'ended' ? `mekare on ${proxy.host} ended with ${child.exitCode ?? child.signalCode}` : ready
  await proxy.stop('SIGKILL')
  throw new Error(`${why}\n${stand.tails(15, proxy.host)}`)
}

/** Lays one tree of keys over another. */
function lay(under: Record<string, unknown>, over: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const result = { ...under }
  for (const [key, value] of Object.entries(over)) {
    const below = result[key]
    if (value === undefined) delete result[key]
    else result[key] = isTree(below) && isTree(value) ? lay(below, value) : value
  }
  return result
}

const isTree = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
