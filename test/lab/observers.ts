// Starts the independent observers of a drill in the client's network: writers, readers, a poller of the members, and a
// libpq client that knows all members. What they saw is read from their own journals.

import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ClientTask } from './client.js'
import { until } from './cluster.js'
import { besides } from './ground.js'
import { type Entry, readJournal, type Summary, sumUp } from './journal.js'
import { PASSWORDS, type Role } from './options.js'
import type { PollerTask } from './poller.js'
import type { Stand } from './stand.js'

export interface Observer {
  /** What it has seen so far. */
  entries(): Entry[]
  summary(since?: number, until?: number): Summary
  /** Ends it and answers all it has seen. */
  stop(): Promise<Entry[]>
}

/** An observer with the path of its journal, for who follows it line by line. */
export interface Journaled extends Observer {
  readonly journal: string
}

export interface ClientOptions {
  /** `host:port`, or a member's name; several are tried in order at every connect. */
  readonly to: string | readonly string[]
  /** Name of its journal; default `write` or `read`. */
  readonly name?: string
  readonly sessions?: number
  /** Pause between two statements of one session. Default 5. */
  readonly everyMs?: number
  readonly as?: Role
  /** Give up a connect or a statement after this time. Default 0: never. */
  readonly timeoutMs?: number
  readonly ssl?: boolean
}

/** A client that inserts rows; answers when its first row is acknowledged. */
export const startWriter = (stand: Stand, options: ClientOptions) => startClient(stand, 'write', options)

/** A client that asks who answers; answers when it has its first answer. */
export const startReader = (stand: Stand, options: ClientOptions) => startClient(stand, 'read', options)

async function startClient(stand: Stand, kind: ClientTask['kind'], options: ClientOptions): Promise<Journaled> {
  const name = options.name ?? kind
  const timeout = options.timeoutMs ?? 0
  const to = [options.to].flat().map(where => ({
    ...connection(stand, where, options.as ?? 'app'),
    connectionTimeoutMillis: timeout,
    ...(timeout > 0 ? { query_timeout: timeout } : {}),
    ...(options.ssl ? { ssl: { rejectUnauthorized: false } } : {}),
  }))
  const journal = journalPath(stand, name)
  const task: ClientTask = { journal, kind, to, sessions: options.sessions ?? 1, everyMs: options.everyMs ?? 5 }
  return observe(stand, name, [process.execPath, besides('client.js')], task, 'ok')
}

/** Polls `pg_is_in_recovery()` of every member; answers when it has heard at least one. */
export function startPoller(stand: Stand, everyMs = 5): Promise<Journaled> {
  const members = stand.members.map(name => ({ name, to: connection(stand, name, 'mekare_probe') }))
  const task: PollerTask = { journal: journalPath(stand, 'poller'), members, everyMs }
  return observe(stand, 'poller', [process.execPath, besides('poller.js')], task, 'state')
}

/** Patroni's own part: psycopg2 with all members and `target_session_attrs=read-write`, asking every 20 ms. */
export function startMultihost(stand: Stand, everyMs = 20): Promise<Journaled> {
  const journal = journalPath(stand, 'multihost')
  const hosts = stand.members.map(stand.address).join(',')
  const ports = stand.members.map(() => stand.ports.postgres).join(',')
  const who = `user=app password=${PASSWORDS.app} dbname=app`
  const dsn = `host=${hosts} port=${ports} ${who} target_session_attrs=read-write connect_timeout=2`
  const program = fileURLToPath(new URL('../../../test/lab/multihost.py', import.meta.url))
  return observe(stand, 'multihost', [stand.programs.python, program], { journal, dsn, everyMs }, 'ok')
}

const journalPath = (stand: Stand, name: string) => join(stand.dir, 'client', `${name}.jsonl`)

function connection(stand: Stand, where: string, user: Role) {
  const [host = '', port] = where.split(':')
  return {
    host: stand.members.includes(host) ? stand.address(host) : host,
    port: port === undefined ? stand.ports.postgres : Number(port),
    user,
    password: PASSWORDS[user],
    database: user === 'app' ? 'app' : 'postgres',
  }
}

async function observe(
  stand: Stand,
  name: string,
  argv: readonly string[],
  task: ClientTask | PollerTask | { readonly journal: string; readonly dsn: string; readonly everyMs: number },
  first: Entry['e'],
): Promise<Journaled> {
  const child = stand.spawn('client', name, argv, { env: { MEKARE_LAB_TASK: JSON.stringify(task) } })
  const entries = () => readJournal(task.journal)
  const observer: Journaled = {
    journal: task.journal,
    entries,
    summary: (since, end) => sumUp(entries(), since, end),
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM')
        await once(child, 'exit')
      }
      return entries()
    },
  }
  await until(15_000, `the observer ${name} saw nothing`, async () => {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}\n${stand.tails(10, 'client')}`)
    return entries().some(({ e }) => e === first) || undefined
  })
  return observer
}
