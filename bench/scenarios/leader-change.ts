// Planned switchovers and killed primaries of a real cluster under one writer, through each router in turn: how long no row is written,
// and what errors the writer sees. A libpq client that knows every member is beside it each time. bench/drills judges mekare's own
// part in more detail; here its rivals stand on the same stand, under the same writer.

import { setTimeout as sleep } from 'node:timers/promises'
import { now } from '../../test/lab/journal.js'
import { startMultihost, startPoller, startWriter } from '../../test/lab/observers.js'
import type { PoolerOptions } from '../../test/lab/options.js'
import type { Stand } from '../../test/lab/stand.js'
import { type Router, startRouters } from '../contenders/patroni-routers.js'
import type { Change } from '../drills/change.js'
import { changeSeen, clearJournals, primaryOf, promotionSeen, switchover, type Watched } from '../drills/field.js'
import type { Values } from '../judge/metric.js'
import type { Amount, Plan, Scenario } from '../scenario.js'

interface LeaderChange {
  readonly name: string
  readonly says: string
  readonly load: string
  readonly most: number
  readonly secondsEach: number
  /** Writers, and how often each writes; one that writes every 5 ms where it is not given. */
  readonly writers?: { readonly sessions: number; readonly everyMs: number }
  /** What stands beside each member. */
  readonly poolers?: PoolerOptions
  /** Brings it about; `old` is the primary. */
  begin(watched: Watched, old: string): Promise<void>
  /** Puts right what was broken. */
  mend(watched: Watched, old: string): void
}

export const SWITCHOVER = 'planned switchover'
export const POOLED = '500 writers through 20 servers of each member'
export const KILL = 'primary killed, ttl 20'

const CHANGES: readonly LeaderChange[] = [
  {
    name: 'switchover',
    says: 'planned switchovers under one writer, through each router in turn',
    load: SWITCHOVER,
    most: 3,
    secondsEach: 13,
    begin: switchover,
    mend: () => undefined,
  },
  {
    name: 'pooled-switchover',
    says: 'planned switchovers under 500 writers, through a PgBouncer beside each member, led there by each router in turn',
    load: POOLED,
    most: 1,
    secondsEach: 25,
    writers: { sessions: 500, everyMs: 1000 },
    poolers: { mode: 'transaction', size: 20 },
    begin: switchover,
    mend: () => undefined,
  },
  {
    name: 'kill',
    says: 'all processes of the primary’s host killed, under one writer, through each router in turn',
    load: KILL,
    most: 1,
    secondsEach: 45,
    begin: async ({ stand }, old) => stand.kill(old),
    mend: ({ stand }, old) => stand.start(old),
  },
]

const plan = ({ rounds }: Amount, { load, most, secondsEach }: LeaderChange): Plan => ({
  contenders: ['haproxy-template', 'haproxy-tuned', 'mekare'],
  loads: [load],
  rounds: Math.min(rounds, most),
  secondsEach,
  secondsBefore: 20,
  repeats: 0,
})

const scenario = (change: LeaderChange): Scenario => ({
  name: change.name,
  says: change.says,
  headline: 'gap',
  rival: 'haproxy-tuned',
  inQuick: false,
  plan: amount => plan(amount, change),
  async open(scope) {
    const { poolers, writers } = change
    const stand = await scope.stand(poolers ? { poolers } : {})
    const routers: Readonly<Record<string, Router>> = await startRouters(stand, writers && 2 * writers.sessions)
    return async contender => {
      const router = routers[contender]
      if (!router) throw new Error(`${contender} does not lead to the members of a cluster`)
      return measure(stand, change, router)
    }
  },
})

async function measure(stand: Stand, { begin, mend, writers }: LeaderChange, router: Router): Promise<Values> {
  await stand.untilStreaming()
  clearJournals(stand)
  const watched = { stand, poller: await startPoller(stand), multihost: await startMultihost(stand) }
  const writer = await startWriter(stand, { to: router.write, ...writers })
  const old = await primaryOf(stand)
  const since = now()
  await begin(watched, old)
  await promotionSeen(watched, since, old, 90_000)
  const change = await changeSeen(watched, writer, { old, since })
  mend(watched, old)
  await Promise.all([writer, watched.poller, watched.multihost].map(observer => observer.stop()))
  await stand.untilStreaming()
  await sleep(SETTLE_MS)
  return values(change)
}

/** HAProxy with Patroni's template takes this long to see a member that came back as what it is. */
const SETTLE_MS = 7000

function values({ gap, multihostGap, tail, writer }: Change): Values {
  if (gap === undefined) throw new Error('no row was written after the leader change')
  const errors = Object.values(writer.errors).reduce((sum, count) => sum + count, 0)
  const beside = multihostGap === undefined ? {} : { multihostGap: multihostGap / 1000 }
  return {
    gap: gap / 1000,
    ...beside,
    errors,
    readOnly: writer.readOnlyErrors,
    sessionErrors: writer.mostErrorsOfOneSession,
    ...(tail === undefined ? {} : { tail }),
  }
}

export const leaderChanges = CHANGES.map(scenario)
