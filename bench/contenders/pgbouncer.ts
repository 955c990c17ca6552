// PgBouncer before PostgreSQL, as bench/rivals/pgbouncer.ini has it. Other proxies may stand before it: then it runs beside
// PostgreSQL, as one of a database's hosts.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../../test/lab/programs.js'
import { fill } from '../rivals/fill.js'
import { type Host, type Site, USERS } from '../site.js'
import type { Contender, Server } from './contender.js'
import { launch } from './launch.js'

/** Session mode gives every client a server of its own; transaction mode shares PgBouncer's default number of them. */
const POOL = { session: 380, transaction: 20 }

export async function startPgbouncer(
  site: Site,
  target: Server,
  mode: keyof typeof POOL,
  host: Host = 'proxy1',
): Promise<Contender> {
  const program = findProgram('pgbouncer')
  if (!program) throw new Error('pgbouncer was not found; install it')
  const address = await site.vacant(host)
  const file = (ending: string) => join(site.ground.hostDir(host), `pgbouncer-${address.port}.${ending}`)
  writeFileSync(file('users'), USERS.map(name => `"${name}" ""\n`).join(''))
  const where = { ...address, targetHost: target.host, targetPort: target.port }
  const much = { mode, pool: POOL[mode], sessions: site.sessions }
  writeFileSync(file('ini'), fill('pgbouncer.ini', { ...where, ...much, users: file('users') }))
  // PgBouncer refuses to run as root.
  return launch(site, 'pgbouncer', [program, '-q', file('ini')], address, target, { host, asOwner: true })
}
