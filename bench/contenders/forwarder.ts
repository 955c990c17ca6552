// mekare's relay without what comes before it in the proxy (forward.ts): what the relay alone costs, for whoever tunes it.

import { fileURLToPath } from 'node:url'
import type { Site } from '../site.js'
import type { Contender, Server, Spec } from './contender.js'
import { launch } from './launch.js'

export async function startForwarder(site: Site, target: Server, { relay }: Spec): Promise<Contender> {
  const address = await site.vacant('proxy1')
  const { engine = 'native', threads = '1', spin = '0us' } = relay
  const ends = [address.host, address.port, target.host, target.port].map(String)
  const script = fileURLToPath(new URL('./forward.js', import.meta.url))
  return launch(site, 'forwarder', [process.execPath, script, engine, threads, spin, ...ends], address, target)
}
