// A window into a stand's network from the machine's own loopback address, so that a psql or a browser outside of the namespaces
// reaches what is inside. Where the stand has loopback addresses itself there is nothing to open.

import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { besides } from '../ground.js'
import type { Stand } from '../stand.js'

const HOST = '127.0.0.1'

/** For each `host:port` inside an address outside that leads there, with the same port where it is free. */
export async function openWindow(stand: Stand, inside: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (stand.network === 'loopback') return new Map(inside.map(where => [where, where]))
  const pane = stand.spawn('client', 'window', [process.execPath, besides('replay/pane.js')], { ipc: true })
  const outside = new Map<string, string>()
  for (const where of inside) {
    const [host = '', port = ''] = where.split(':')
    const server = await listen(Number(port))
    await new Promise(resolve => pane.send({ host, port: Number(port) }, server, resolve))
    outside.set(where, `${HOST}:${(server.address() as AddressInfo).port}`)
    server.close()
  }
  pane.channel?.unref()
  return outside
}

/** On the first free port of a few; else on any. */
async function listen(port: number): Promise<Server> {
  for (const each of [port, port + 1, port + 2, 0]) {
    const server = createServer({ pauseOnConnect: true }).listen(each, HOST)
    const taken = await once(server, 'listening').catch((error: Error) => error)
    if (!(taken instanceof Error)) return server
  }
  throw new Error(`${HOST}: no port is free`)
}
