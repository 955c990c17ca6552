// The load under which times are told: half of what HAProxy manages at most, the same for everybody, so that each has room left.

import type { Address } from '../contenders/contender.js'
import { readLatency } from '../measure/latency.js'
import { type Clients, pgbench } from '../measure/pgbench.js'

export const CLIENTS = 16
export const HALF_RATE = `half of HAProxy’s rate, ${CLIENTS} clients`

/** pgbench with a thread for each client: one for all of them would open connections one after the other. */
export const load = (who: Clients, to: Address, seconds: number, args: readonly string[]) =>
  pgbench(who, to, { clients: CLIENTS, seconds, args: ['-j', String(CLIENTS), ...args] })

/** How to measure at half of the highest rate. pgbench counts from the moment a transaction was due: a stall is told by all it kept waiting. */
export function atHalf(who: Clients, highest: { readonly tps: number }, seconds: number) {
  const rate = String(Math.round(highest.tps / 2))
  return async (to: Address, args: readonly string[], name: string) => {
    await load(who, to, seconds, [...args, '-R', rate, '-l', `--log-prefix=${name}`])
    return readLatency(who.dir, name)
  }
}
