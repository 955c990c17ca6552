// A plain client of a PostgreSQL address, its own process: each session asks one statement after another and, when one
// fails, connects again at once. Given several addresses it tries them in order at every connect, as libpq does. Writes a journal. Knows nothing of clusters and proxies. Task: MEKARE_LAB_TASK, JSON.

import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { now, openJournal } from './journal.js'

export interface ClientTask {
  readonly journal: string
  readonly kind: 'write' | 'read'
  readonly to: readonly pg.ClientConfig[]
  readonly sessions: number
  /** Pause between two statements of a session, and after a failed connect. */
  readonly everyMs: number
}

const WRITE = `insert into rows (id, writer) values ($1, $2)
  returning host(inet_server_addr()) as member, substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) as timeline`
const READ = 'select host(inet_server_addr()) as member, pg_is_in_recovery() as recovery'

interface Answer {
  readonly member: string
  readonly timeline?: string
  readonly recovery?: boolean
}

const task = JSON.parse(process.env.MEKARE_LAB_TASK ?? '') as ClientTask
const note = openJournal(task.journal)
const ending = new AbortController()
process.on('SIGTERM', () => {
  ending.abort()
  setTimeout(() => process.exit(0), 300)
})

function fail(s: number, phase: 'connect' | 'query', error: unknown, id?: string): void {
  const { code, message } = error as { code?: string; message: string }
  note({ t: now(), s, e: 'error', phase, code: code ?? '', text: message || 'failed', ...(id ? { id } : {}) })
}

interface Session {
  readonly client: pg.Client
  /** What the server said between two statements (57P01, say): the next statement only hears that the connection is gone. */
  said?: Error
}

/** A failure of all addresses is the last one's. */
async function connect(s: number): Promise<Session | undefined> {
  let failure: unknown
  for (const to of task.to) {
    const joined = await join(s, to)
    if (!(joined instanceof Error)) return joined
    failure = joined
  }
  fail(s, 'connect', failure)
  return undefined
}

async function join(s: number, to: pg.ClientConfig): Promise<Session | Error> {
  const client = new pg.Client({ ...to, keepAlive: true, application_name: `mekare-lab ${task.kind} ${s}` })
  const session: Session = { client }
  client.on('error', error => {
    session.said ??= error
  })
  try {
    await client.connect()
    note({ t: now(), s, e: 'connected' })
    return session
  } catch (error) {
    void client.end().catch(() => undefined)
    return error as Error
  }
}

/** Asks on one connection until it fails. */
async function ask(session: Session, s: number, nextId: () => string): Promise<void> {
  const { client } = session
  while (!ending.signal.aborted) {
    const id = task.kind === 'write' ? nextId() : undefined
    const sent = now()
    try {
      const { rows } = id ? await client.query<Answer>(WRITE, [id, String(s)]) : await client.query<Answer>(READ)
      const [row] = rows
      if (row) note({ t: now(), s, e: 'ok', sent, ...(id ? { id } : {}), ...row })
    } catch (error) {
      fail(s, 'query', session.said ?? error, session.said ? undefined : id)
      break
    }
    if (task.everyMs > 0) await sleep(task.everyMs)
  }
  void client.end().catch(() => undefined)
}

async function session(s: number): Promise<void> {
  let last = (BigInt(process.pid) * 1000n + BigInt(s)) * 1_000_000_000n
  const nextId = () => String(++last)
  while (!ending.signal.aborted) {
    const open = await connect(s)
    if (open) await ask(open, s, nextId)
    else await sleep(Math.max(task.everyMs, 5))
  }
}

await Promise.all(Array.from({ length: task.sessions }, (_, s) => session(s)))
process.exit(0)
