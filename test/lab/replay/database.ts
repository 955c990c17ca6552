// CREATE DATABASE on what is left: it goes through at the write port, is seen on a replica at the read port, and PostgreSQL itself
// refuses it there. All of it by psql.

import { until } from '../cluster.js'
import { now } from '../journal.js'
import { nameOf } from './clients.js'
import type { Scene } from './scene.js'
import { type Finding, step } from './step.js'

export const DATABASE = 'orders'
const SOON_MS = 10_000

export const created = step({
  title: 'CREATE DATABASE through the write port',
  run: ({ psql }) => psql('write', `create database ${DATABASE}`),
  verdict: ({ code, stderr }): Finding[] => [
    { by: 'psql', saw: code === 0 ? `create database ${DATABASE}: done` : stderr.trim(), good: code === 0 },
  ],
})

export const seen = step({
  title: 'the new database is seen on a replica through the read port',
  run: async scene => {
    const begun = now()
    const answer = await until(SOON_MS, `${DATABASE} is not seen`, () => askInside(scene))
    return { ...answer, name: nameOf(scene.stand), ms: Math.round(now() - begun), leader: await scene.stand.leader() }
  },
  verdict: ({ address, database, recovery, name, ms, leader }): Finding[] => [
    {
      by: 'psql',
      saw: `connected to the database ${database} on ${name(address)}, ${recovery ? 'in recovery' : 'out of recovery'}, after ${ms} ms`,
      good: recovery && database === DATABASE && name(address) !== leader,
      ms,
    },
  ],
})

async function askInside({ psql }: Scene) {
  const asked = 'select host(inet_server_addr()), current_database(), pg_is_in_recovery()'
  const { code, stdout, stderr } = await psql('read', asked, { database: DATABASE })
  if (code !== 0) throw new Error(stderr.trim())
  const [address = '', database = '', recovery] = stdout.trim().split('|')
  return { address, database, recovery: recovery === 't' }
}

export const refused = step({
  title: 'CREATE DATABASE through the read port is refused by PostgreSQL',
  run: ({ psql }) => psql('read', 'create database never'),
  verdict: ({ code, stderr }): Finding[] => [
    {
      by: 'psql',
      saw: code === 0 ? 'create database never: done, on a read port' : (stderr.trim().split('\n')[0] ?? ''),
      good: code !== 0 && /^ERROR: +25006:/.test(stderr),
    },
  ],
})
