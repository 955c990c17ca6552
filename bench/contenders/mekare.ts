// `mekare run` as users run it, with a fixed list of one server: listener, probes, gate and relay.

import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import type { Site } from '../site.js'
import type { Contender, Server, Spec } from './contender.js'
import { launch } from './launch.js'

const HERE = fileURLToPath(new URL('../../..', import.meta.url))

/** Starts it before `target`; `checkout` is the directory of another copy of the project, compiled. */
export async function startMekare(site: Site, target: Server, { checkout, relay }: Spec): Promise<Contender> {
  const [address, admin] = [await site.vacant('proxy1'), await site.vacant('proxy1')]
  const dir = site.ground.hostDir('proxy1')
  const config = {
    clusters: {
      bench: {
        source: 'static',
        static: { members: [`${target.host}:${target.port}`] },
        probe: { user: 'mekare_probe', database: 'probe' },
      },
    },
    listen: { write: { address: `${address.host}:${address.port}` }, read: 'off' },
    relay,
    admin: { address: `${admin.host}:${admin.port}`, socket: join(dir, `control-${address.port}.sock`) },
    log: { level: 'warn' },
    incidents: { file: 'off' },
  }
  const file = join(dir, `mekare-${address.port}.yaml`)
  writeFileSync(file, stringify(config))
  const program = join(resolve(checkout ?? HERE), 'bin', 'mekare.js')
  return launch(site, 'mekare', [process.execPath, program, 'run', '--config', file], address, target)
}
