// HAProxy before a server, as bench/rivals/haproxy.cfg has it.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../../test/lab/programs.js'
import { fill } from '../rivals/fill.js'
import type { Site } from '../site.js'
import type { Contender, Server } from './contender.js'
import { launch } from './launch.js'

const SPLICE = { auto: 'splice-auto', always: 'splice-request\n  option splice-response' }

export async function startHaproxy(site: Site, target: Server, splice: keyof typeof SPLICE): Promise<Contender> {
  const program = findProgram('haproxy')
  if (!program) throw new Error('haproxy was not found; install it')
  const address = await site.vacant('proxy1')
  const file = join(site.ground.hostDir('proxy1'), `haproxy-${address.port}.cfg`)
  const words = { ...address, target: `${target.host}:${target.port}`, sessions: site.sessions, splice: SPLICE[splice] }
  writeFileSync(file, fill('haproxy.cfg', words))
  return launch(site, 'haproxy', [program, '-db', '-f', file], address, target)
}
