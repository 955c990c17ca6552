// Where relays are measured: a PostgreSQL of its own on one host, the contenders on another, clients on a third. The hosts are
// loopback addresses or network namespaces; whatever happens to this process, the ground's reaper clears everything away.

import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { breakGround, type Ground } from '../test/lab/ground.js'
import type { Network } from '../test/lab/network.js'
import { findPostgres } from '../test/lab/programs.js'
import type { Address, Server } from './contenders/contender.js'
import { tail, untilAnswered } from './contenders/launch.js'
import type { Clients } from './measure/pgbench.js'

export type Host = 'pg1' | 'proxy1' | 'client'

export interface Site {
  readonly ground: Ground
  readonly clients: Clients
  readonly postgres: Server
  /** As many sessions as a proxy can hold with the files it may open, two for each, at most 9,400. */
  readonly sessions: number
  /** An address of the host whose port is free. */
  vacant(host: Host): Promise<Address>
  /** Runs statements at PostgreSQL, one by one, and answers what they print. */
  sql(...statements: readonly string[]): Promise<string>
  leave(): Promise<void>
}

/** Roles without passwords: the stand is gone within minutes and listens on this machine only. */
export const USERS = ['postgres', 'mekare_probe']

/** A database that is no part of the question: in memory, no log, no vacuum between two measurements. */
const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  autovacuum: 'off',
  // PgBouncer in session mode keeps the servers of its 256 clients while the next one brings as many.
  max_connections: 1000,
  shared_buffers: '256MB',
  max_wal_size: '4GB',
  jit: 'off',
  logging_collector: 'off',
  log_min_messages: 'fatal',
}

/** Makes the ground and starts PostgreSQL on it. */
export async function raiseSite(network: Network['kind']): Promise<Site> {
  const bin = findPostgres()
  if (!bin) throw new Error('PostgreSQL was not found; install postgresql or set MEKARE_POSTGRES_BIN')
  const ground = await breakGround(['pg1', 'proxy1', 'client'], network)
  try {
    const vacant = vacancies(ground)
    const site = build(ground, bin, await vacant('pg1'), vacant)
    await startPostgres(site)
    return site
  } catch (error) {
    await ground.leave()
    throw error
  }
}

function build(ground: Ground, bin: string, address: Address, vacant: Site['vacant']): Site {
  const psql = async (to: Address, statements: readonly string[]) => {
    const where = ['-h', to.host, '-p', String(to.port), '-U', 'postgres', '-d', 'postgres']
    const what = statements.flatMap(each => ['-c', each])
    const argv = [join(bin, 'psql'), '-XAtq', '-v', 'ON_ERROR_STOP=1', ...where, ...what]
    const { code, stdout, stderr } = await ground.exec('client', argv, { PGCONNECT_TIMEOUT: '2' })
    if (code !== 0) throw new Error(`psql: ${stderr.trim()}`)
    return stdout.trim()
  }
  const clients: Clients = {
    ...{ bin, dir: ground.hostDir('client'), user: 'postgres', database: 'postgres' },
    exec: argv => ground.exec('client', argv),
  }
  const postgres = { ...address, ask: (at: Address) => psql(at, ['select 1']) }
  return {
    ...{ ground, clients, postgres, vacant, sessions: mostSessions() },
    sql: (...statements) => psql(postgres, statements),
    leave: () => ground.leave(),
  }
}

async function startPostgres({ ground, clients: { bin }, postgres, sql }: Site): Promise<void> {
  const data = join(ground.hostDir('pg1'), 'data')
  const argv = [
    join(bin, 'initdb'),
    '-D',
    data,
    '-A',
    'trust',
    '-U',
    'postgres',
    '-E',
    'UTF8',
    '--locale=C',
    '--no-sync',
  ]
  const [code] = (await once(ground.start('pg1', 'initdb', argv, { asOwner: true }), 'exit')) as [number | null]
  const log = (name: string) => join(ground.hostDir('pg1'), `${name}.log`)
  if (code !== 0) throw new Error(`initdb ended with ${code}\n${tail(log('initdb'))}`)
  writeFileSync(
    join(data, 'pg_hba.conf'),
    'local all all trust\nhost all all all trust\nhost replication all all trust\n',
  )
  const where = { listen_addresses: postgres.host, port: postgres.port, unix_socket_directories: '' }
  const settings = Object.entries({ ...SETTINGS, ...where }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const child = ground.start('pg1', 'postgres', [join(bin, 'postgres'), '-D', data, ...settings], { asOwner: true })
  await untilAnswered(postgres, postgres, child, log('postgres'))
  await sql('create role mekare_probe login', 'create database probe')
}

/** Ports from 20,000 on, below those the kernel gives to clients; on the loopback block each is tried first. */
function vacancies({ network }: Ground): Site['vacant'] {
  let next = 20_000
  return async host => {
    const address = network.address(host)
    for (;;) {
      const port = next++
      if (network.kind === 'namespaces' || (await isFree(address, port))) return { host: address, port }
    }
  }
}

const isFree = (host: string, port: number): Promise<boolean> =>
  new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)))
  })

/** HAProxy's pipes for splice take most of these. */
const FILES_BESIDES = 1100

/** Node raises its own limit to the hard one, and what it starts inherits that. */
function mostSessions(): number {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  const files = hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard)
  return Math.min(9400, Math.floor((files - FILES_BESIDES) / 2))
}
