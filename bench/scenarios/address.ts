// A floating address that two hosts share: its router is killed, or its whole host is gone. How long no connection to the address is
// taken, as a client sees it on the wire who asks for one every 5 ms.

import { setTimeout as sleep } from 'node:timers/promises'
import { type FloatingHosts, raiseFloatingHosts, waitFor } from '../../test/lab/floating.js'
import { C, holder, K, M, VIP } from '../../test/lab/pair.js'
import { gapAfter, tapWire, wall } from '../../test/lab/wiretap.js'
import { createSeating, type Seat, WRITE_PORT } from '../contenders/address-pairs.js'
import type { Values } from '../judge/metric.js'
import type { Scenario } from '../scenario.js'

const ADVERTS_MS = 100

export const ROUTER_KILLED = 'router killed, adverts every 0.1 s'
export const HOST_GONE = 'host cut off, adverts every 0.1 s'

/** Longer than either pair needs. */
const WATCH_MS = 2500

export const address: Scenario = {
  name: 'address',
  says: 'the floating address moves to the other host: how long no connection is taken',
  headline: 'unanswered',
  rival: 'haproxy-keepalived',
  inQuick: true,
  plan: ({ rounds, quick }) => ({
    contenders: ['haproxy-keepalived', 'mekare-vrrp'],
    loads: quick ? [ROUTER_KILLED] : [ROUTER_KILLED, HOST_GONE],
    rounds: Math.min(rounds, 3),
    secondsEach: 6,
    secondsBefore: 1,
    repeats: 0,
  }),
  async open(scope) {
    const hosts = await raiseFloatingHosts(`mkb${process.pid}`, [M, K, C])
    scope.defer(hosts.clear)
    const wire = await tapWire(hosts, { on: C, names: [M, K], port: WRITE_PORT })
    const client = hosts.knock(VIP, WRITE_PORT)
    scope.defer(async () => {
      await client.end()
      await wire.end()
    })
    return async (contender, load) => {
      const seats = await seatBoth(hosts, contender, () => wire.answers.length)
      const since = wall()
      if (load === ROUTER_KILLED) seats[M].router.child.kill('SIGKILL')
      else hosts.cable(M, 'down')
      // Nothing is asked meanwhile: it would take the machine from those who are measured.
      await sleep(WATCH_MS)
      const { answered, longest } = gapAfter(wire.answers, since, wall(), K)
      hosts.cable(M, 'up')
      await Promise.all(Object.values(seats).flatMap(({ router, holder }) => [router.end(), holder.end()]))
      if (answered === undefined) throw new Error(`${contender}: the other host answered nobody within ${WATCH_MS} ms`)
      return { unanswered: longest } satisfies Values
    }
  },
}

/** Both hosts up, the first one with the address and answering. */
async function seatBoth(hosts: FloatingHosts, contender: string, answers: () => number) {
  const seat = createSeating(contender, hosts, ADVERTS_MS)
  const first = seat(M)
  await waitFor('the first host holds the address', 10, () => holder(hosts) === M)
  const seats: Readonly<Record<typeof M | typeof K, Seat>> = { [M]: first, [K]: seat(K) }
  const before = answers()
  await waitFor('the address answers', 10, () => answers() > before + 10)
  await waitFor('the second host stands by', 10, seats[K].standsBy)
  // When keepalived looks next is left to chance.
  await sleep(1000 + 1000 * Math.random())
  return seats
}
