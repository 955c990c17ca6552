// Writes the configuration of a PgBouncer beside a member of the stand. Knows PgBouncer's words, starts nothing.

import { chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Ground } from './ground.js'
import { PASSWORDS, type PoolerOptions } from './options.js'

/**
 * Writes `pgbouncer.ini` into the member's directory and answers its path. What drivers ask for at startup and PgBouncer does not
 * know is passed over, as everywhere.
 */
export function writePoolerConfig({ network, hostDir, owner }: Ground, host: string, pooler: PoolerOptions): string {
  const dir = hostDir(host)
  const users = join(dir, 'pgbouncer.users')
  const path = join(dir, 'pgbouncer.ini')
  const lines = [
    '[databases]',
    `* = host=${network.address(host)} port=${network.ports.postgres}`,
    '[pgbouncer]',
    `listen_addr = ${network.address(host)}`,
    `listen_port = ${network.ports.pooler}`,
    'unix_socket_dir =',
    'auth_type = scram-sha-256',
    `auth_file = ${users}`,
    `pool_mode = ${pooler.mode}`,
    `default_pool_size = ${pooler.size}`,
    'max_client_conn = 2000',
    'ignore_startup_parameters = extra_float_digits,options,replication',
    // PostgreSQL beside it comes back in seconds, as another server or none: the default of 15 s would keep it shut for as long.
    'server_login_retry = 1',
  ]
  writeFileSync(
    users,
    Object.entries(PASSWORDS)
      .map(([name, password]) => `"${name}" "${password}"\n`)
      .join(''),
  )
  writeFileSync(path, `${lines.join('\n')}\n`)
  if (owner) for (const each of [users, path]) chownSync(each, owner.uid, owner.gid)
  return path
}
