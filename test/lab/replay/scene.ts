// The scene of the replay: a stand with two proxies before it, their sidecars where there can be a floating address, and clients.
// Remembers what one step must know of another. Judges nothing.

import { until } from '../cluster.js'
import type { Output } from '../ground.js'
import { PASSWORDS, type Role } from '../options.js'
import type { ProxyProcess } from '../proxy.js'
import { type Sight, see } from '../sight.js'
import type { Stand } from '../stand.js'
import { type Clients, type Doors, startClients } from './clients.js'

/** What was taken out, and when. */
export interface Loss {
  readonly at: number
  readonly etcd: string
  readonly replica: string
  readonly proxy: ProxyProcess
  /** The proxy that is left. */
  readonly left: ProxyProcess
  /** Milliseconds until that one had the floating address, and until it alone had; undefined where that did not come. */
  readonly moved: Promise<Moved>
}

export interface Moved {
  readonly taken: number | undefined
  readonly alone: number | undefined
}

export interface Scene {
  readonly stand: Stand
  readonly proxies: readonly [ProxyProcess, ProxyProcess]
  readonly doors: Doors
  readonly clients: Clients
  /** The leader of the first state. */
  readonly leader: string
  /** Set from the step that takes hosts out. */
  loss: Loss | undefined
  sight(proxy: ProxyProcess): Sight
  /** Runs one statement through the write or the read port as psql does; errors are told with their SQLSTATE. */
  psql(door: keyof Doors, statement: string, how?: { readonly as?: Role; readonly database?: string }): Promise<Output>
}

/** Builds it; `say` is told of each step. */
export async function openScene(stand: Stand, say: (step: string) => void): Promise<Scene> {
  const floating = stand.floating !== undefined
  await stand.up()
  say(`mekare: ${stand.proxies.join(' and ')}${floating ? ', each with its sidecar' : ''}`)
  const sidecar = { sidecar: floating }
  const proxies = await Promise.all([stand.proxy('proxy1', sidecar), stand.proxy('proxy2', sidecar)])
  const held = async () => (await stand.holders()).join() === 'proxy1' || undefined
  if (floating) await until(10_000, `proxy1 did not take ${stand.floating}`, held)
  const doors = doorsOf(stand, proxies)
  say(`clients: a writer at ${doors.write.join(' or ')}, a reader at ${doors.read.join(' or ')}`)
  const clients = await startClients(stand, doors, 10)
  const sights = new Map(proxies.map(proxy => [proxy.host, see(stand, proxy)]))
  return {
    stand,
    proxies,
    doors,
    clients,
    leader: await stand.untilLeader(),
    loss: undefined,
    sight: proxy => sights.get(proxy.host) ?? see(stand, proxy),
    psql: (door, statement, how) => psql(stand, doors[door], statement, how),
  }
}

function doorsOf(stand: Stand, proxies: readonly ProxyProcess[]): Doors {
  const { floating, ports } = stand
  if (floating === undefined) return { write: proxies.map(({ write }) => write), read: proxies.map(({ read }) => read) }
  return { write: [`${floating}:${ports.write}`], read: [`${floating}:${ports.read}`] }
}

function psql(
  stand: Stand,
  door: readonly string[],
  statement: string,
  how: { readonly as?: Role; readonly database?: string } = {},
): Promise<Output> {
  const user = how.as ?? 'postgres'
  const hosts = door.map(where => where.split(':')[0]).join(',')
  const ports = door.map(where => where.split(':')[1]).join(',')
  const where = `host=${hosts} port=${ports} user=${user} dbname=${how.database ?? 'postgres'} connect_timeout=5`
  const program = `${stand.programs.postgres}/psql`
  return stand.clientExec([program, '-XAtq', '-v', 'VERBOSITY=verbose', '-c', statement, where], {
    PGPASSWORD: PASSWORDS[user],
  })
}
