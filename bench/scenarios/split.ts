// Writes on one port beside reads on another, at the same time, over a real primary and a real replica that Patroni runs: how long
// each takes. HAProxy has Patroni's own template; direct clients know which host is which.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PASSWORDS } from '../../test/lab/options.js'
import type { Stand } from '../../test/lab/stand.js'
import { type Router, startRouters } from '../contenders/patroni-routers.js'
import { readLatency } from '../measure/latency.js'
import { type Clients, pgbench } from '../measure/pgbench.js'
import type { Scenario } from '../scenario.js'

export const WRITES = 'writes beside reads'
export const READS = 'reads beside writes'

interface Side {
  readonly port: 'write' | 'read'
  readonly script: string
  readonly clients: number
  /** Transactions a second: a machine of two cores has room left. */
  readonly rate: number
}

const ROWS = 100_000

const SIDES: Readonly<Record<string, Side>> = {
  [WRITES]: {
    port: 'write',
    script: `\\set id random(1, ${ROWS})\nupdate split set n = n + 1 where id = :id;\n`,
    clients: 4,
    rate: 500,
  },
  [READS]: {
    port: 'read',
    script: `\\set id random(1, ${ROWS})\nselect n from split where id = :id;\n`,
    clients: 8,
    rate: 2000,
  },
}

export const split: Scenario = {
  name: 'split',
  says: 'writes beside reads, over a primary and its replica: how long each takes',
  headline: 'p99',
  rival: 'haproxy-template',
  inQuick: true,
  plan: ({ rounds, seconds }) => ({
    contenders: ['direct', 'haproxy-template', 'mekare'],
    loads: [WRITES, READS],
    rounds,
    secondsEach: seconds + 0.5,
    secondsBefore: 15,
    repeats: 1,
  }),
  async open(scope, _plan, { seconds }) {
    const stand = await scope.stand({ etcd: 1, members: 2 })
    const clients = clientsOn(stand)
    const primary = await stand.untilLeader()
    await fill(stand, primary)
    const routers: Readonly<Record<string, Router>> = { direct: direct(stand, primary), ...(await startRouters(stand)) }
    for (const [name, { script }] of Object.entries(SIDES)) writeFileSync(scriptOf(clients, name), script)
    const ask = async (router: Router, name: string, { port, rate, clients: many }: Side) => {
      const [host = '', number] = router[port].split(':')
      const log = ['-l', `--log-prefix=${port}-log`, '-R', String(rate)]
      const load = { clients: many, seconds, args: ['-f', scriptOf(clients, name), ...log] }
      await pgbench(clients, { host, port: Number(number) }, load)
      return [name, readLatency(clients.dir, `${port}-log`)] as const
    }
    return async (contender, load) => {
      const router = routers[contender]
      if (!router) throw new Error(`${contender} does not lead to the members of a cluster`)
      const sides = await Promise.all(Object.entries(SIDES).map(([name, side]) => ask(router, name, side)))
      return Object.fromEntries(sides)[load] ?? {}
    }
  },
}

const scriptOf = ({ dir }: Clients, name: string) => join(dir, `${SIDES[name]?.port}.sql`)

const clientsOn = (stand: Stand): Clients => ({
  ...{ bin: stand.programs.postgres, dir: join(stand.dir, 'client'), user: 'app', database: 'app' },
  exec: argv => stand.clientExec(argv, { PGPASSWORD: PASSWORDS.app }),
})

function direct(stand: Stand, primary: string): Router {
  const at = (member: string | undefined) => `${stand.address(member ?? primary)}:${stand.ports.postgres}`
  return { write: at(primary), read: at(stand.members.find(name => name !== primary)) }
}

async function fill(stand: Stand, primary: string): Promise<void> {
  const [as, timeoutMs] = ['app', 30_000] as const
  await stand.sql(primary, 'create table split (id int primary key, n int not null)', { as })
  await stand.sql(primary, `insert into split select n, 0 from generate_series(1, ${ROWS}) n`, { as, timeoutMs })
  await stand.untilStreaming()
}
