// A new connection for every transaction. PgBouncer stands behind every proxy: a PostgreSQL that forks for each would be all there is
// to measure. First as fast as it goes, then at half of HAProxy's rate, for how long one takes from connect to answer. Every proxy has had
// some thousand connections before: a router runs for months, and what its first seconds cost is no measure of it.

import { startPgbouncer } from '../contenders/pgbouncer.js'
import { countCpu } from '../measure/cpu.js'
import type { Amount, Scenario } from '../scenario.js'
import { atHalf, CLIENTS, HALF_RATE, load } from './half-rate.js'
import { select1Script } from './queries.js'

export const AS_FAST = `as fast as it goes, ${CLIENTS} clients`

/** Whoever can stand before PgBouncer. */
export const BEFORE_POOLER = ['direct', 'haproxy', 'mekare', 'mekare-net']

/** Seconds of load before anything is measured: some 6,000 connections, after which V8 has compiled a login. A taste goes with a fifth of it. */
const warming = ({ quick }: Amount) => (quick ? 1 : 5)

export const connect: Scenario = {
  name: 'connect',
  says: 'a new connection for each `select 1`, to PgBouncer behind every proxy',
  headline: 'connects',
  rival: 'haproxy',
  inQuick: true,
  plan: amount => ({
    contenders: BEFORE_POOLER,
    loads: [AS_FAST, HALF_RATE],
    rounds: amount.rounds,
    secondsEach: amount.seconds + 0.4,
    secondsBefore: 3 + amount.seconds + BEFORE_POOLER.length * warming(amount),
    repeats: 2,
  }),
  async open(scope, { contenders }, amount) {
    const { seconds } = amount
    const site = await scope.site()
    const script = await select1Script(site)
    const pooler = await startPgbouncer(site, site.postgres, 'transaction', 'pg1')
    scope.defer(pooler.stop)
    const running = await scope.contend([...new Set(['haproxy', ...contenders])], pooler.address)
    const args = ['-C', ...script]
    const flat = (contender: string, lasting: number) => load(site.clients, running(contender).address, lasting, args)
    for (const contender of contenders) await flat(contender, warming(amount))
    const paced = atHalf(site.clients, await flat('haproxy', seconds), seconds)
    return async (contender, kind) => {
      const { address, pid } = running(contender)
      if (kind === HALF_RATE) return paced(address, args, 'connect')
      const counted = countCpu(pid)
      const { tps, transactions } = await flat(contender, seconds)
      const { machine, own } = counted()
      return { connects: tps, machineCpu: machine / transactions, ...(pid ? { ownCpu: own / transactions } : {}) }
    }
  },
}
