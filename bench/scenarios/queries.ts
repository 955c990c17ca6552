// Transactions over open connections, as fast as they go: how many a second, and what each costs the machine and the proxy.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { countCpu } from '../measure/cpu.js'
import { pgbench } from '../measure/pgbench.js'
import type { Scenario } from '../scenario.js'
import type { Site } from '../site.js'
import { clientsLoad, clientsOf, protocolFor, RELAYS } from './relays.js'

interface Query {
  readonly name: string
  readonly says: string
  readonly clients: readonly number[]
  /** With --quick, which leaves it out where there are none. */
  readonly quickClients?: readonly number[]
  /** Sees to what the script needs, and answers pgbench's arguments for it. */
  script(site: Site): Promise<readonly string[]>
}

/** `select 1` as a script of pgbench. */
export async function select1Script({ clients }: Site): Promise<readonly string[]> {
  const file = join(clients.dir, 'select1.sql')
  writeFileSync(file, 'select 1;\n')
  return ['-f', file]
}

const SCALE = 10

/** pgbench's own tables, once for each site. */
async function pgbenchTables(site: Site): Promise<void> {
  if ((await site.sql(`select to_regclass('pgbench_accounts')`)) !== '') return
  const where = ['-h', site.postgres.host, '-p', String(site.postgres.port), '-U', 'postgres']
  const argv = [join(site.clients.bin, 'pgbench'), ...where, '-i', '-q', '-s', String(SCALE), 'postgres']
  const { code, stderr } = await site.clients.exec(argv)
  if (code !== 0) throw new Error(`pgbench -i ended with ${code}: ${stderr.trim()}`)
}

const builtin = (flags: readonly string[]) => async (site: Site) => {
  await pgbenchTables(site)
  return flags
}

const QUERIES: readonly Query[] = [
  {
    name: 'select1',
    says: '`select 1` over open connections: the relay and nothing else',
    clients: [1, 16, 64, 256],
    quickClients: [1, 16],
    script: select1Script,
  },
  {
    name: 'pgbench-select',
    says: 'pgbench -S: one row by its key',
    clients: [16],
    script: builtin(['-S']),
  },
  {
    name: 'pgbench-tpcb',
    says: 'pgbench as it comes (TPC-B-like): seven statements a transaction',
    clients: [16],
    script: builtin([]),
  },
]

/** pgbench's time runs from before it connects, and PostgreSQL forks for each client: many get a second for every 32 of them. */
const lasting = (seconds: number, clients: number) => seconds + Math.floor(clients / 32)

const scenario = ({ name, says, clients: full, quickClients, script }: Query): Scenario => ({
  name,
  says,
  headline: 'tps',
  rival: 'haproxy',
  inQuick: quickClients !== undefined,
  plan({ rounds, seconds, clients, quick }) {
    const numbers = clients ?? ((quick && quickClients) || full)
    const together = numbers.reduce((sum, count) => sum + lasting(seconds, count), 0)
    return {
      contenders: RELAYS,
      loads: numbers.map(clientsLoad),
      rounds,
      secondsEach: together / numbers.length + 0.3,
      secondsBefore: 4,
      repeats: 2,
    }
  },
  async open(scope, { contenders }, { seconds }) {
    const site = await scope.site()
    const flags = await script(site)
    const running = await scope.contend(contenders, site.postgres)
    return async (contender, load) => {
      const { address, pid } = running(contender)
      const counted = countCpu(pid)
      const [args, clients] = [[...protocolFor(contender), ...flags], clientsOf(load)]
      const much = { args, clients, seconds: lasting(seconds, clients) }
      const { tps, transactions } = await pgbench(site.clients, address, much)
      const { machine, own } = counted()
      return { tps, machineCpu: machine / transactions, ...(pid ? { ownCpu: own / transactions } : {}) }
    }
  },
})

export const queries = QUERIES.map(scenario)
