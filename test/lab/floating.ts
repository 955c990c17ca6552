// Hosts on one wire for floating addresses: namespaces on a bridge, programs in them, and who holds which address, as `ip` says.
// Everything is killed and deleted by clear(), or when this process ends.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { now } from './journal.js'
import { pidsBeneath } from './processes.js'
import { PROGRAM } from './programs.js'
import { hireReaper } from './reap.js'

export { PROGRAM }

const KNOCKER = fileURLToPath(new URL('knocker.js', import.meta.url))

export { now as clock }

export interface Program {
  readonly child: ChildProcess
  /** Everything it wrote so far. */
  text(): string
  /** Waits for its own end; gives everything it wrote. */
  done(): Promise<string>
  /** Sends the signal and waits for its end; gives the exit code. */
  end(signal?: NodeJS.Signals): Promise<number | null>
}

export interface FloatingHosts {
  readonly dir: string
  start(host: string, argv: readonly string[]): Program
  /** Starts an observer: like start(), but it is none of the host's processes. */
  watch(host: string, argv: readonly string[]): Program
  mekare(host: string, verb: string, config: string, ...more: string[]): Program
  /** A client, on the last host, that asks for a connection every 5 ms. */
  knock(address: string, port: number): Program
  /** Every process of the host that start() began, and their children. */
  pids(host: string): number[]
  file(name: string, text: string): string
  ip(host: string, ...args: string[]): string
  /** Runs a command on the host to its end; gives what it wrote, throws when it fails. */
  exec(host: string, argv: readonly string[]): string
  mac(host: string): string
  /** Pulls the host's cable, or plugs it in again. */
  cable(host: string, state: 'up' | 'down'): void
  /** The hosts that have the address now. */
  holders(address: string): string[]
  /** Whether this host, and no other, has all of them. */
  alone(host: string, addresses: readonly string[]): boolean
  clear(): Promise<void>
}

/** Where programs work: so the processes of a host are known, whoever their parents are. */
const WATCHERS = 'watchers'

const run = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

/**
 * Makes the namespaces: host n has 10.78.0.n, fe80::n and fd78::n on eth0; its port on the bridge in `net` is to-<host>.
 * Whatever becomes of this process, they are deleted and what runs in them is killed.
 */
export async function raiseFloatingHosts(token: string, hosts: readonly string[]): Promise<FloatingHosts> {
  const dir = mkdtempSync(join(tmpdir(), 'mekare-floating-'))
  const spaceOf = (host: string) => `${token}${host}`
  const reaper = await hireReaper({ dir, namespaces: ['net', ...hosts].map(spaceOf), hold: false })
  for (const name of [...hosts, WATCHERS]) mkdirSync(join(dir, name))
  const work = workOn(dir, hosts, spaceOf)
  try {
    layWire(hosts, spaceOf, work.ip)
    return { ...work, clear: () => reaper.leave() }
  } catch (error) {
    await reaper.leave()
    throw error
  }
}

type SpaceOf = (host: string) => string

function layWire(hosts: readonly string[], spaceOf: SpaceOf, ip: FloatingHosts['ip']): void {
  run('netns', 'add', spaceOf('net'))
  ip('net', 'link', 'add', 'br0', 'type', 'bridge', 'forward_delay', '0', 'mcast_snooping', '0')
  ip('net', 'link', 'set', 'br0', 'up')
  for (const [index, host] of hosts.entries()) {
    run('netns', 'add', spaceOf(host))
    ip('net', 'link', 'add', 'dev', `to-${host}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', spaceOf(host))
    ip('net', 'link', 'set', 'dev', `to-${host}`, 'master', 'br0', 'up')
    ip(host, 'link', 'set', 'lo', 'up')
    ip(host, 'link', 'set', 'eth0', 'addrgenmode', 'none')
    ip(host, 'addr', 'add', `10.78.0.${index + 1}/24`, 'dev', 'eth0')
    for (const address of [`fe80::${index + 1}/64`, `fd78::${index + 1}/64`])
      ip(host, 'addr', 'add', address, 'dev', 'eth0', 'nodad')
    ip(host, 'link', 'set', 'eth0', 'up')
  }
}

function workOn(dir: string, hosts: readonly string[], spaceOf: SpaceOf): Omit<FloatingHosts, 'clear'> {
  const ip = (host: string, ...args: string[]) => run('-n', spaceOf(host), ...args)
  const shown = (host: string) => ip(host, 'addr', 'show')
  const begin = (host: string, argv: readonly string[], place: string) =>
    begun(
      spawn('ip', ['netns', 'exec', spaceOf(host), ...argv], {
        stdio: ['ignore', 'pipe', 'pipe'],
        cwd: join(dir, place),
        env: { ...process.env, TZ: 'UTC' },
      }),
    )
  const start = (host: string, argv: readonly string[]) => begin(host, argv, host)
  const watch = (host: string, argv: readonly string[]) => begin(host, argv, WATCHERS)
  return {
    dir,
    start,
    watch,
    ip,
    exec: (host, argv) => run('netns', 'exec', spaceOf(host), ...argv),
    mekare: (host, verb, config, ...more) =>
      start(host, [process.execPath, PROGRAM, verb, '--config', config, ...more]),
    knock: (address, port) => watch(hosts.at(-1) ?? '', [process.execPath, KNOCKER, address, String(port)]),
    pids: host => pidsBeneath(join(dir, host)),
    file(name, text) {
      const path = join(dir, name)
      writeFileSync(path, text)
      return path
    },
    mac: host => /link\/ether (\S+)/.exec(ip(host, 'link', 'show', 'eth0'))?.[1] ?? '',
    cable: (host, state) => void ip('net', 'link', 'set', 'dev', `to-${host}`, state),
    holders: address => hosts.filter(host => shown(host).includes(` ${address}/`)),
    alone: (host, addresses) =>
      hosts.every(one => {
        const text = shown(one)
        return addresses.every(address => text.includes(` ${address}/`) === (one === host))
      }),
  }
}

function begun(child: ChildProcess): Program {
  let text = ''
  for (const out of [child.stdout, child.stderr]) out?.on('data', (piece: Buffer) => (text += piece.toString()))
  return {
    child,
    text: () => text,
    async done() {
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      return text
    },
    async end(signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
      const ended = once(child, 'exit')
      child.kill(signal)
      // One that was frozen by a test that failed would never hear it.
      child.kill('SIGCONT')
      await ended
      return child.exitCode
    },
  }
}

/** Waits until it holds; gives the milliseconds it took. */
export async function waitFor(what: string, seconds: number, holds: () => boolean): Promise<number> {
  const begun = now()
  while (!holds()) {
    if (now() - begun > seconds * 1000) throw new Error(`waited ${seconds} s in vain: ${what}`)
    await sleep(20)
  }
  return Math.round(now() - begun)
}
