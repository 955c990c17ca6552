// How long `select 1` takes over open connections at a rate that leaves room.

import type { Scenario } from '../scenario.js'
import { atHalf, HALF_RATE, load } from './half-rate.js'
import { select1Script } from './queries.js'
import { protocolFor, RELAYS } from './relays.js'

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
    const argsFor = (contender: string) => [...protocolFor(contender), ...script]
    const highest = await load(site.clients, running('haproxy').address, seconds, argsFor('haproxy'))
    const paced = atHalf(site.clients, highest, seconds)
    return contender => paced(running(contender).address, argsFor(contender), 'latency')
  },
}
