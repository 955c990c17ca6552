// The admin address: reading only, on TCP (loopback unless told otherwise) or on a Unix socket.

import type { Server } from 'node:http'
import { BlockList, isIP } from 'node:net'
import type { ListenAddress } from '../config/shape.js'
import type { Report } from '../events/event.js'
import type { AdminDeps, Started } from './deps.js'
import { createAdminHttp } from './http.js'
import { publicRoutes } from './routes.js'
import { listenOnPath } from './unix-socket.js'

/** Opens the admin address. What hinders it comes back in words; an address others can reach is warned of. */
export async function startAdmin(address: ListenAddress, deps: AdminDeps, report: Report): Promise<Started> {
  const { server, stop } = createAdminHttp(publicRoutes(deps), deps.events)
  const why =
    address.kind === 'unix'
      ? await listenOnPath(server, address.path, 'admin.address')
      : await listenOnPort(server, address.host, address.port)
  if (why !== undefined) {
    await stop()
    return { ok: false, why }
  }
  const name = nameOf(address, server)
  if (address.kind === 'tcp' && !isLoopback(address.host)) report({ kind: 'warned', what: exposure(name) })
  return { ok: true, server: { address: name, stop } }
}

function nameOf(address: ListenAddress, server: Server): string {
  if (address.kind === 'unix') return address.path
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port
  return isIP(address.host) === 6 ? `[${address.host}]:${port}` : `${address.host}:${port}`
}

function exposure(name: string): string {
  return (
    `admin.address: ${name} is not loopback: whoever reaches it reads, without a password, member names and addresses, ` +
    'health, metrics, and events with client addresses; keep it behind a firewall or use 127.0.0.1'
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

function listenOnPort(server: Server, host: string, port: number): Promise<string | undefined> {
  return new Promise(resolve => {
    server.on('error', (error: NodeJS.ErrnoException) => resolve(`admin.address: ${hindrance(error, host, port)}`))
    server.listen(port, host, () => resolve(undefined))
  })
}

function hindrance(error: NodeJS.ErrnoException, host: string, port: number): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `port ${port} is taken (EADDRINUSE); stop the other process or choose another port`
    case 'EACCES':
      return `port ${port} needs a privilege this process has not (EACCES); choose a port above 1023`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is no address of this host (${error.code}); choose one that is, such as 127.0.0.1`
    default:
      return `cannot listen on ${host}:${port}: ${error.message}`
  }
}
