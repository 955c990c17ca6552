// How long `select 1` takes at a rate that leaves room: half of what HAProxy manages at most, the same for everybody. pgbench
// counts from the moment a transaction was due, so that a stall is told by all whom it kept waiting.

import { readLatency } from '../measure/latency.js'
import { pgbench } from '../measure/pgbench.js'
import type { Scenario } from '../scenario.js'
import { select1Script } from './queries.js'
import { protocolFor, RELAYS } from './relays.js'

const CLIENTS = 16

export const HALF_RATE = `half of HAProxy’s rate, ${CLIENTS} clients`

export const latency: Scenario = {
  name: 'latency',
  says: '`select 1` at half of HAProxy’s highest rate: how long it takes',
  headline: 'p99',
  rival: 'haproxy',
  inQuick: true,
  plan: ({ rounds, seconds }) => ({
    contenders: RELAYS,
    loads: [HALF_RATE],
    rounds,
    secondsEach: seconds + 0.5,
    secondsBefore: 3 + seconds,
    repeats: 2,
  }),
  async open(scope, { contenders }, { seconds }) {
    const site = await scope.site()
    const script = await select1Script(site)
    const running = await scope.contend([...new Set(['haproxy', ...contenders])], site.postgres)
    const load = { clients: CLIENTS, seconds }
    const most = await pgbench(site.clients, running('haproxy').address, {
      ...load,
      args: ['-M', 'prepared', ...script],
    })
    const rate = String(Math.round(most.tps / 2))
    return async contender => {
      const args = [...protocolFor(contender), ...script, '-R', rate, '-l', '--log-prefix=latency']
      await pgbench(site.clients, running(contender).address, { ...load, args })
      return readLatency(site.clients.dir, 'latency')
    }
  },
}
