// HAProxy before a server, as bench/rivals/haproxy.cfg has it.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../../test/lab/programs.js'
import { fill } from '../rivals/fill.js'
import type { Site } from '../site.js'
import type { Address, Contender } from './contender.js'
import { launch } from './launch.js'

export async function startHaproxy(site: Site, target: Address): Promise<Contender> {
  const program = findProgram('haproxy')
  if (!program) throw new Error('haproxy was not found; install it')
  const address = await site.vacant('proxy1')
  const file = join(site.ground.hostDir('proxy1'), `haproxy-${address.port}.cfg`)
  const words = { ...address, target: `${target.host}:${target.port}`, sessions: site.sessions }
  writeFileSync(file, fill('haproxy.cfg', words))
  return launch(site, 'haproxy', address, [program, '-db', '-f', file])
}
