// A floating address that two hosts share, when the router of the host that has it is killed: how long no connection to the address
// is taken, as seen on the wire of a client who asks for one every 5 ms. bench/drills/address has all the other faults; here its two
// contenders stand beside each other, round by round.

import { setTimeout as sleep } from 'node:timers/promises'
import { type Program, raiseFloatingHosts } from '../../test/lab/floating.js'
import { C, K, M, VIP } from '../../test/lab/pair.js'
import { gapAfter, tapWire, wall } from '../../test/lab/wiretap.js'
import { ADDRESS_PAIRS } from '../contenders/address-pairs.js'
import { PORT } from '../drills/address/site.js'
import { startTeam } from '../drills/address/team.js'
import type { Values } from '../judge/metric.js'
import type { Scenario } from '../scenario.js'

const ROUTER_KILLED = 'router killed, adverts every second'

/** Longer than anyone needs. */
const WATCH_MS = 4000

export const address: Scenario = {
  name: 'address',
  says: 'the floating address moves to the other host: how long no connection is taken',
  headline: 'unanswered',
  rival: 'haproxy-keepalived',
  inQuick: false,
  plan: ({ rounds }) => ({
    contenders: Object.keys(ADDRESS_PAIRS),
    loads: [ROUTER_KILLED],
    rounds: Math.min(rounds, 3),
    secondsEach: 10,
    secondsBefore: 1,
    repeats: 0,
  }),
  async open(scope) {
    const hosts = await raiseFloatingHosts(`mkb${process.pid}`, [M, K, C])
    scope.defer(hosts.clear)
    const tap = await tapWire(hosts, { on: C, names: [M, K], port: PORT })
    const client = hosts.knock(VIP, PORT)
    scope.defer(async () => {
      await client.end()
      await tap.end()
    })
    const wire = { hosts, tap, keep: (program: Program) => program }
    return async contender => {
      const pair = ADDRESS_PAIRS[contender]
      if (!pair) throw new Error(`${contender} holds no address`)
      const team = await startTeam(wire, pair.contend)
      // keepalived looks after its router every two seconds: the moment is left to chance.
      await sleep(2000 * Math.random())
      const since = wall()
      team.kill(M, 'proxy')
      await sleep(WATCH_MS)
      const { answered, longest } = gapAfter(tap.answers, since, wall(), K)
      await team.end()
      if (answered === undefined) throw new Error(`${contender}: the other host answered nobody within ${WATCH_MS} ms`)
      return { unanswered: longest } satisfies Values
    }
  },
}
