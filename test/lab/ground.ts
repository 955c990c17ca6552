// What a stand stands on: its directory, its network, its reaper, and the starting of processes in a host.
// Knows nothing of etcd, Patroni or PostgreSQL.

import { type ChildProcess, execFile, type StdioOptions, spawn } from 'node:child_process'
import { chmodSync, chownSync, closeSync, mkdirSync, openSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { canMakeNamespaces, createNamespaces, loopbackNetwork, type Network, namespaceNames } from './network.js'
import { pidsBeneath } from './processes.js'
import { hireReaper } from './reap.js'

export interface Owner {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

export interface Output {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Ground {
  readonly dir: string
  readonly network: Network
  /** Who PostgreSQL runs as when this process is root, which PostgreSQL refuses. */
  readonly owner: Owner | undefined
  hostDir(host: string): string
  /** Starts a program in the host, logging to `<host dir>/<name>.log` unless `pipes`. It works in `cwd`, by default the host's directory. */
  start(host: string, name: string, argv: readonly string[], how?: StartOptions): ChildProcess
  /** Runs a program in the host to its end. */
  exec(host: string, argv: readonly string[], env?: Readonly<Record<string, string>>): Promise<Output>
  /** Every process of the host, or of the whole stand. */
  pids(host?: string): number[]
  /** Lets the reaper clear everything away; answers when it has. */
  leave(): Promise<void>
}

export interface StartOptions {
  readonly asOwner?: boolean
  readonly pipes?: boolean
  /** A message channel, as `fork` makes one. */
  readonly ipc?: boolean
  readonly env?: Readonly<Record<string, string>>
}

/** Environment of everything the stand starts: nothing of the caller's PG… or PATRONI… variables. */
const ENV = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', TZ: 'UTC' }

/** Path of a compiled file of this directory. */
export const besides = (file: string) => fileURLToPath(new URL(file, import.meta.url))

/** Makes the directory, the network and the reaper of a stand with these hosts. */
export async function breakGround(hosts: readonly string[], wanted: 'auto' | Network['kind']): Promise<Ground> {
  const { dir, token } = makeDirectory()
  const owner = process.getuid?.() === 0 ? await findOwner() : undefined
  const kind = wanted === 'auto' ? ((await canMakeNamespaces()) ? 'namespaces' : 'loopback') : wanted
  const namespaces = kind === 'namespaces' ? namespaceNames(token, hosts) : []
  const { block, shift, leave } = await hireReaper({ dir, namespaces, hold: kind === 'loopback' })
  try {
    const network = kind === 'namespaces' ? await createNamespaces(token, hosts) : loopbackNetwork(block, shift)
    for (const host of hosts) makeHostDirectory(join(dir, host), owner)
    return { ...workOn(dir, network, owner), leave }
  } catch (error) {
    await leave()
    throw error
  }
}

function makeDirectory(): { dir: string; token: string } {
  for (let n = 0; ; n++) {
    const token = `mk${process.pid}${n === 0 ? '' : String.fromCharCode(96 + n)}`
    const dir = join(tmpdir(), token)
    try {
      mkdirSync(dir)
      chmodSync(dir, 0o755)
      return { dir, token }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || n > 20) throw error
    }
  }
}

async function findOwner(): Promise<Owner> {
  for (const name of ['postgres', 'nobody']) {
    const ask = (flag: string) => promisify(execFile)('id', [flag, name]).then(({ stdout }) => Number(stdout))
    const ids = await Promise.all([ask('-u'), ask('-g')]).catch(() => undefined)
    if (ids) return { name, uid: ids[0], gid: ids[1] }
  }
  throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody to run it as')
}

function makeHostDirectory(path: string, owner: Owner | undefined): void {
  mkdirSync(path, { mode: 0o755 })
  if (owner) chownSync(path, owner.uid, owner.gid)
}

/** What a command line begins with that runs as the owner. */
export const becoming = (owner: Owner | undefined): readonly string[] =>
  owner ? ['setpriv', `--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--init-groups'] : []

function workOn(dir: string, network: Network, owner: Owner | undefined): Omit<Ground, 'leave'> {
  const hostDir = (host: string) => join(dir, host)
  const commandLine = (host: string, argv: readonly string[], asOwner: boolean) => {
    const [program = '', ...args] = network.inside(host, [...(asOwner ? becoming(owner) : []), ...argv])
    return { program, args }
  }
  return {
    dir,
    network,
    owner,
    hostDir,
    pids: host => pidsBeneath(host === undefined ? dir : hostDir(host)),
    start: (host, name, argv, how = {}) => {
      const { program, args } = commandLine(host, argv, how.asOwner ?? false)
      const log = openSync(join(hostDir(host), `${name}.log`), 'a')
      const stdio: StdioOptions = how.pipes
        ? ['pipe', 'pipe', log]
        : ['ignore', log, log, ...(how.ipc ? (['ipc'] as const) : [])]
      const env = { ...ENV, HOME: hostDir(host), ...how.env }
      const child = spawn(program, args, { cwd: hostDir(host), env, detached: true, stdio })
      closeSync(log)
      child.on('error', () => undefined)
      return child
    },
    exec: (host, argv, env = {}) => {
      const { program, args } = commandLine(host, argv, false)
      return runToEnd(program, args, hostDir(host), { ...ENV, HOME: hostDir(host), ...env })
    },
  }
}

/** Runs a program to its end, whatever its exit code; rejects when it cannot be started. */
export function runToEnd(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Record<string, string>,
): Promise<Output> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd, env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number' && !error.signal) return reject(error)
      resolve({ code: error ? Number(error.code ?? 128) : 0, stdout, stderr })
    })
  })
}
