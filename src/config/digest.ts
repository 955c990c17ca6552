// A short name for what a configuration says, to see whether two proxies, or two loads, agree.

import { createHash } from 'node:crypto'
import type { Config, ListenAddress } from './shape.js'

const SECRETS: ReadonlySet<string> = new Set(['password', 'url'])

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).filter(([name]) => !SECRETS.has(name))
  return fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, field]) => [name, canonical(field)])
}

/** What the hosts of one address must have alike: interface, priority and peers are each host's own. */
function sharedVrrp(vrrp: Config['vrrp']): unknown {
  const shared = Object.entries(vrrp).map(([name, { interface: _, priority: __, peers: ___, ...rest }]) => [name, rest])
  return Object.fromEntries(shared)
}

/** A host may listen on an address of its own; the port is what all have alike. */
const portOf = (address: ListenAddress) => (address.kind === 'tcp' ? address.port : address.path)

function sharedListen(listen: Config['listen']): unknown {
  const shared = Object.entries(listen).map(([name, { address, ...rest }]) => [
    name,
    { port: portOf(address), ...rest },
  ])
  return Object.fromEntries(shared)
}

/**
 * SHA-256 in hexadecimal over everything but secrets and what is each host's own: `fleet.name`, the host of each listening address,
 * the paths of the control socket and of the incidents' file, and of vrrp the interface, priority and peers. The order of keys does
 * not count.
 */
export function configDigest(config: Config): string {
  const { fleet, vrrp, listen, admin, incidents, ...rest } = config
  // What is spread comes last: a property added after it would give each object hidden classes of its own, which only a collection of the
  // whole heap takes away.
  const shared = {
    listen: sharedListen(listen),
    admin: portOf(admin.address),
    incidents: incidents.keep,
    fleet: { enabled: fleet.enabled },
    vrrp: sharedVrrp(vrrp),
    ...rest,
  }
  const text = JSON.stringify(canonical(shared))
  return createHash('sha256').update(text).digest('hex')
}
