// Starts a mekare in front of the stand as its own process on its own address, and waits until it is ready.
// Knows its command line and its admin address, nothing of its inside.

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import type { HttpAnswer } from './ask.js'
import { until } from './cluster.js'
import { PASSWORDS } from './options.js'
import type { Stand } from './stand.js'

export interface ProxyOptions {
  /** Laid over the default configuration, key by key; `undefined` takes a key away. */
  readonly config?: Readonly<Record<string, unknown>>
  /** Further flags after `run --config …`. */
  readonly flags?: readonly string[]
  /** Only these flags after `run`, and no file. */
  readonly onlyFlags?: readonly string[]
  /** Default true. False: answer as soon as the process is started. */
  readonly waitReady?: boolean
  readonly env?: Readonly<Record<string, string>>
}

export interface ProxyProcess {
  readonly host: string
  readonly address: string
  readonly child: ChildProcess
  readonly configFile: string
  /** `host:port` of its write, read and admin address. */
  readonly write: string
  readonly read: string
  readonly admin: string
  readonly socket: string
  /** GET of a path of its admin address. */
  get(path: string): Promise<HttpAnswer>
  /** SIGTERM (or another signal), then waits for its end; answers its exit code, or the signal's name. */
  stop(signal?: NodeJS.Signals): Promise<number | string>
}

const PROGRAM = fileURLToPath(new URL('../../../bin/mekare.js', import.meta.url))

/** The configuration a proxy of the stand gets when nothing else is asked for. */
export function proxyConfig(stand: Stand, host: string): Record<string, unknown> {
  const address = stand.address(host)
  const { ports, settings } = stand
  const passwordFile = join(stand.dir, host, 'probe.password')
  const { etcdPassword } = settings
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
      write: { address: `${address}:${ports.write}`, cluster: 'demo', role: 'primary' },
      read: { address: `${address}:${ports.read}`, cluster: 'demo', role: 'replica' },
    },
    admin: { address: `${address}:${ports.admin}`, socket: join(stand.dir, host, 'control.sock') },
    incidents: { file: join(stand.dir, host, 'incidents.json') },
    log: { level: 'debug', format: 'json' },
  }
}

/** Starts it; throws with the end of its log when it ends instead of becoming ready. */
export async function startProxy(stand: Stand, host: string, options: ProxyOptions = {}): Promise<ProxyProcess> {
  const dir = join(stand.dir, host)
  const configFile = join(dir, 'mekare.yaml')
  writeFileSync(join(dir, 'probe.password'), `${PASSWORDS.mekare_probe}\n`, { mode: 0o600 })
  writeFileSync(join(dir, 'etcd.password'), `${stand.settings.etcdPassword ?? ''}\n`, { mode: 0o600 })
  writeFileSync(configFile, stringify(lay(proxyConfig(stand, host), options.config ?? {})))
  const flags = options.onlyFlags ?? ['--config', configFile, ...(options.flags ?? [])]
  const child = stand.spawn(host, 'mekare', [process.execPath, PROGRAM, 'run', ...flags], {
    ...(options.env ? { env: options.env } : {}),
  })
  const proxy = describe(stand, host, child, configFile)
  if (options.waitReady ?? true) await untilReady(stand, proxy)
  return proxy
}

function describe(stand: Stand, host: string, child: ChildProcess, configFile: string): ProxyProcess {
  const address = stand.address(host)
  const { ports } = stand
  const admin = `${address}:${ports.admin}`
  return {
    host,
    address,
    child,
    configFile,
    write: `${address}:${ports.write}`,
    read: `${address}:${ports.read}`,
    admin,
    socket: join(stand.dir, host, 'control.sock'),
    get: path => stand.hands.http({ url: `http://${admin}${path}`, timeoutMs: 2000 }),
    stop: async (signal = 'SIGTERM') => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill(signal)
        await once(child, 'exit')
      }
      return child.exitCode ?? child.signalCode ?? 'unknown'
    },
  }
}

async function untilReady(stand: Stand, proxy: ProxyProcess): Promise<void> {
  const { child } = proxy
  const ready = await until(20_000, `mekare on ${proxy.host} was not ready`, async () => {
    if (child.exitCode !== null || child.signalCode !== null) return 'ended' as const
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
