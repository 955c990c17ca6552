// A session of the role `app`, from this process: so through addresses of this host. It survives its end, and tells of it.

import pg from 'pg'
import { PASSWORDS } from './options.js'

export interface Session {
  readonly client: pg.Client
  /** With what error it was ended from the other side, if it was. */
  ended(): string | undefined
  /** Asks for 1, and answers what came. */
  one(): Promise<unknown>
  end(): Promise<void>
}

/** Opens one at `host:port`; throws what the other end says. */
export async function openSession(where: string): Promise<Session> {
  const [host = '', port] = where.split(':')
  const client = new pg.Client({ host, port: Number(port), user: 'app', password: PASSWORDS.app, database: 'app' })
  let ended: string | undefined
  client.on('error', error => {
    ended ??= error.message
  })
  await client.connect()
  return {
    client,
    ended: () => ended,
    one: async () => (await client.query('select 1 as one')).rows[0]?.one,
    end: () => client.end(),
  }
}
