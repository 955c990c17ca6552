// The admin address: reading only, on TCP (loopback unless told otherwise) or on a Unix socket.

import { BlockList, isIP } from 'node:net'
import type { ListenAddress } from '../config/shape.js'
import type { Report } from '../events/event.js'
import type { Bind } from '../listening/listening.js'
import type { AdminDeps, Started } from './deps.js'
import { createAdminHttp, startHttp } from './http.js'
import { publicRoutes } from './routes.js'

/** Opens the admin address. What hinders it comes back in words; an address others can reach is warned of. */
export async function startAdmin(
  address: ListenAddress,
  deps: AdminDeps,
  report: Report,
  bind: Bind,
): Promise<Started> {
  const { sidecar: _, ...reading } = deps
  const http = createAdminHttp(publicRoutes(deps), deps.feeds.anonymous, reading)
  const started = await startHttp(http, { key: 'admin.address', address, mode: 0o600 }, bind)
  if (started.ok && address.kind === 'tcp' && !isLoopback(address.host))
    report({ kind: 'warned', what: exposure(started.server.listening.bound) })
  return started
}

function exposure(name: string): string {
  return (
    `admin.address: ${name} is not loopback: whoever reaches it reads, without a password, member names and addresses, ` +
    'health, metrics and events (no client addresses); keep it behind a firewall or use 127.0.0.1'
  )
}

function isLoopback(host: string): boolean {
  if (host === 'localhost') return true
  const loopback = new BlockList()
  loopback.addSubnet('127.0.0.0', 8, 'ipv4')
  loopback.addAddress('::1', 'ipv6')
  const family = isIP(host)
  return family !== 0 && loopback.check(host, family === 6 ? 'ipv6' : 'ipv4')
}
