// Clients that come, ask once and leave: a new connection every few milliseconds, whether or not the earlier ones were let in.
// Its own process with its own journal; `sent` is when it began to connect, `s` its number. Task: MEKARE_LAB_TASK, JSON.

import { setInterval } from 'node:timers/promises'
import pg from 'pg'
import { now, openJournal } from '../../test/lab/journal.js'

export interface NewcomersTask {
  readonly journal: string
  readonly kind: 'write' | 'read'
  readonly to: pg.ClientConfig
  readonly everyMs: number
}

const WRITE = `insert into rows (id, writer) values ($1, 'newcomer') returning host(inet_server_addr()) as member`
const READ = 'select host(inet_server_addr()) as member'

const task = JSON.parse(process.env.MEKARE_LAB_TASK ?? '') as NewcomersTask
const note = openJournal(task.journal)
process.on('SIGTERM', () => process.exit(0))

async function visit(s: number): Promise<void> {
  const sent = now()
  const id = String((BigInt(process.pid) * 10n + 7n) * 1_000_000_000n + BigInt(s))
  const client = new pg.Client({ ...task.to, application_name: `mekare-lab newcomer ${s}` })
  client.on('error', () => undefined)
  let phase: 'connect' | 'query' = 'connect'
  try {
    await client.connect()
    note({ t: now(), s, e: 'connected' })
    phase = 'query'
    const { rows } = await (task.kind === 'write' ? client.query(WRITE, [id]) : client.query(READ))
    const member = (rows[0] as { member: string } | undefined)?.member ?? ''
    note({ t: now(), s, e: 'ok', sent, member, ...(task.kind === 'write' ? { id } : {}) })
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    note({ t: now(), s, e: 'error', phase, code: code ?? '', text: message || 'failed' })
  }
  void client.end().catch(() => undefined)
}

let s = 0
for await (const _ of setInterval(task.everyMs)) void visit(s++)
