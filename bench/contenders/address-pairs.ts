// Two hosts that share one floating address, each with a router and with what holds the address for it: mekare with its sidecar, HAProxy
// with keepalived. Knows how each is started; measures nothing.

import type { FloatingHosts, Program } from '../../test/lab/floating.js'
import { createPair, type K, lastRole, M, VIP } from '../../test/lab/pair.js'
import { findProgram } from '../../test/lab/programs.js'
import { fill } from '../rivals/fill.js'

/** Where both kinds listen. */
export const WRITE_PORT = 5000

/** The two programs of a host. */
export interface Seat {
  readonly router: Program
  readonly holder: Program
  /** Whether the holder said that it is ready to take the address. */
  standsBy(): boolean
}

/** Starts them. */
export type Seating = (host: typeof M | typeof K) => Seat

type Create = (hosts: FloatingHosts, intervalMs: number) => Seating

const PAIRS: Readonly<Record<string, Create>> = { 'haproxy-keepalived': keepalivedPair, 'mekare-vrrp': mekarePair }

/** Names and titles of those that stand nowhere else. */
export const PAIR_TITLES: Readonly<Record<string, string>> = {
  'haproxy-keepalived': 'HAProxy and keepalived',
  'mekare-vrrp': 'mekare and its sidecar',
}

/** A pair by its name, with adverts every so many milliseconds. */
export function createSeating(name: string, hosts: FloatingHosts, intervalMs: number): Seating {
  const create = PAIRS[name]
  if (!create) throw new Error(`${name} holds no address; there are ${Object.keys(PAIRS).join(', ')}`)
  return create(hosts, intervalMs)
}

function mekarePair(hosts: FloatingHosts, intervalMs: number): Seating {
  const { start } = createPair(hosts, `${intervalMs}ms`)
  return host => {
    const [router, holder] = [start(host, 'run'), start(host, 'vrrp')]
    return { router, holder, standsBy: () => lastRole(holder) === 'backup' }
  }
}

function keepalivedPair(hosts: FloatingHosts, intervalMs: number): Seating {
  const where = { host: '0.0.0.0', port: WRITE_PORT, target: '127.0.0.1:1' }
  const relay = fill('haproxy.cfg', { ...where, sessions: 1000, splice: 'splice-auto' })
  return host => {
    const router = hosts.start(host, [program('haproxy'), '-db', '-f', hosts.file(`${host}-haproxy.cfg`, relay)])
    // `ip netns exec` becomes what it starts: the number is HAProxy's own.
    const script = { kill: program('kill'), pid: router.child.pid ?? 0 }
    const group = { name: host, priority: host === M ? 250 : 240, interval: intervalMs / 1000, address: `${VIP}/24` }
    const file = hosts.file(`${host}-keepalived.conf`, fill('keepalived.conf', { ...script, ...group }))
    const pids = ['p', 'r'].flatMap(flag => [`-${flag}`, `${hosts.dir}/${host}-keepalived-${flag}.pid`])
    const holder = hosts.start(host, [program('keepalived'), '-n', '-l', '-D', '-P', '-f', file, ...pids])
    return { router, holder, standsBy: () => holder.text().includes('Entering BACKUP STATE') }
  }
}

function program(name: string): string {
  const path = findProgram(name)
  if (!path) throw new Error(`${name} was not found; install it`)
  return path
}
