// A new connection for every transaction. PgBouncer stands behind every proxy: a PostgreSQL that forks for each would be all there is
// to measure. First as fast as it goes, then at half of HAProxy's rate, for how long one takes from connect to answer.

import { startPgbouncer } from '../contenders/pgbouncer.js'
import { countCpu } from '../measure/cpu.js'
import { pgbench } from '../measure/pgbench.js'
import type { Scenario } from '../scenario.js'
import { atHalf, CLIENTS, HALF_RATE } from './half-rate.js'
import { select1Script } from './queries.js'

export const AS_FAST = `as fast as it goes, ${CLIENTS} clients`

/** Whoever can stand before PgBouncer. */
export const BEFORE_POOLER = ['direct', 'haproxy', 'mekare', 'mekare-net']

export const connect: Scenario = {
  name: 'connect',
  says: 'a new connection for each `select 1`, to PgBouncer behind every proxy',
  headline: 'connects',
  rival: 'haproxy',
  inQuick: true,
  plan: ({ rounds, seconds }) => ({
    contenders: BEFORE_POOLER,
    loads: [AS_FAST, HALF_RATE],
    rounds,
    secondsEach: seconds + 0.4,
    secondsBefore: 3 + seconds,
    repeats: 2,
  }),
  async open(scope, { contenders }, { seconds }) {
    const site = await scope.site()
    const script = await select1Script(site)
    const pooler = await startPgbouncer(site, site.postgres, 'transaction', 'pg1')
    scope.defer(pooler.stop)
    const running = await scope.contend([...new Set(['haproxy', ...contenders])], pooler.address)
    const flat = (contender: string) =>
      pgbench(site.clients, running(contender).address, { clients: CLIENTS, seconds, args: ['-C', ...script] })
    const paced = atHalf(site.clients, await flat('haproxy'), seconds)
    return async (contender, kind) => {
      const { address, pid } = running(contender)
      if (kind === HALF_RATE) return paced(address, ['-C', ...script], 'connect')
      const counted = countCpu(pid)
      const { tps, transactions } = await flat(contender)
      const { machine, own } = counted()
      return { connects: tps, machineCpu: machine / transactions, ...(pid ? { ownCpu: own / transactions } : {}) }
    }
  },
}
