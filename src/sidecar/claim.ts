// One sidecar for a virtual router on one host: two would take the address from one another without end. The claim is a name in
// the abstract namespace of Unix sockets (unix(7)), which belongs to the network namespace and ends with the process.

import { createServer, type Server } from 'node:net'
import type { VrrpConfig } from '../config/shape.js'
import { familyOf } from './dialect.js'

const nameOf = (config: VrrpConfig) => `\0mekare-vrrp/${config.interface}/${config.routerId}/${familyOf(config)}`

export interface Claims {
  /** Claims every router, and no other any more; gives a line for the operator where another process has one, and then nothing has changed. */
  take(vrrp: Readonly<Record<string, VrrpConfig>>): Promise<string | undefined>
  /** Gives all up. */
  close(): void
}

export function createClaims(): Claims {
  const held = new Map<string, Server>()
  return {
    async take(vrrp) {
      const fresh = new Map<string, Server>()
      for (const [name, config] of Object.entries(vrrp)) {
        const key = nameOf(config)
        const server = held.get(key) ?? (await claim(key))
        if (!server) {
          for (const one of fresh.values()) one.close()
          return `vrrp.${name}: another mekare vrrp of this host has router ${config.routerId} on ${config.interface}; stop it first`
        }
        if (!held.has(key)) fresh.set(key, server)
      }
      for (const [key, server] of fresh) held.set(key, server)
      const wanted = new Set(Object.values(vrrp).map(nameOf))
      for (const [key, server] of held) {
        if (wanted.has(key)) continue
        server.close()
        held.delete(key)
      }
      return undefined
    },
    close() {
      for (const server of held.values()) server.close()
      held.clear()
    },
  }
}

function claim(name: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer(socket => socket.destroy())
    server.unref()
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    )
    server.listen(name, () => resolve(server))
  })
}
