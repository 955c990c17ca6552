// Asks every member `pg_is_in_recovery()` straight, each on its own kept connection, and writes down each change of the
// answer. Its own process; knows nothing of Patroni and proxies. Task: MEKARE_LAB_TASK, JSON.

import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { now, openJournal } from './journal.js'

export interface PollerTask {
  readonly journal: string
  readonly members: readonly { readonly name: string; readonly to: pg.ClientConfig }[]
  readonly everyMs: number
}

const task = JSON.parse(process.env.MEKARE_LAB_TASK ?? '') as PollerTask
const note = openJournal(task.journal)
process.on('SIGTERM', () => process.exit(0))

type State = 'primary' | 'recovery' | 'down'

async function follow(member: string, to: pg.ClientConfig): Promise<never> {
  let known: State | undefined
  const say = (state: State, asked: number) => {
    if (state !== known) note({ t: now(), e: 'state', member, state, asked })
    known = state
  }
  for (;;) {
    const client = new pg.Client({ ...to, connectionTimeoutMillis: 1000, query_timeout: 2000 })
    client.on('error', () => undefined)
    const begun = now()
    try {
      await client.connect()
      await ask(client, say)
    } catch {
      say('down', begun)
      void client.end().catch(() => undefined)
      await sleep(10)
    }
  }
}

async function ask(client: pg.Client, say: (state: State, asked: number) => void): Promise<never> {
  for (;;) {
    const asked = now()
    const { rows } = await client.query<{ recovery: boolean }>('select pg_is_in_recovery() as recovery')
    say(rows[0]?.recovery ? 'recovery' : 'primary', asked)
    await sleep(task.everyMs)
  }
}

await Promise.all(task.members.map(({ name, to }) => follow(name, to)))
