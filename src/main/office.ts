// What the admin address and the control socket show and do: orders, the sidecars, the fleet, and the history that is drawn.

import type { AdminDeps, Outcome } from '../admin/deps.js'
import type { Feeds } from '../admin/feed.js'
import { createSidecars } from '../admin/sidecars.js'
import { configDigest } from '../config/digest.js'
import type { Config } from '../config/shape.js'
import type { Report } from '../events/event.js'
import { EVERY, record as keep, noHistory } from '../history/history.js'
import { createLifeline } from '../linux/lifeline.js'
import type { Facts } from '../notices/notice.js'
import type { ByteCount } from '../sessions/byte-totals.js'
import { ms } from '../units/units.js'
import type { Cluster } from './cluster.js'
import { createFleet } from './fleet.js'
import type { Hooks } from './hooks.js'
import { createOrders, type Orders } from './orders.js'
import { createOverview, factsOf, type OverviewDeps, readiness, recordOf } from './overview.js'
import type { Recorder } from './recorder.js'
import { createSwitchover } from './switchover.js'

/** A timer may come so much early. */
const EARLY_MS = 5

/** What it hands on to the overview. */
type Overviewed = 'config' | 'version' | 'now' | 'wall' | 'clusters' | 'proxy' | 'tally' | 'predecessor'

export interface OfficeDeps extends Pick<OverviewDeps, Overviewed> {
  readonly report: Report
  readonly recorder: Recorder
  readonly hooks: Hooks
  readonly feeds: Feeds
  readonly metrics: () => Promise<string>
  readonly reload: () => Promise<Outcome>
  readonly restart: () => Promise<Outcome>
}

export interface Office extends AdminDeps {
  readonly orders: Orders
  /** How things are now, for the hooks. */
  facts(): Facts
  /** The proxy is stopping: incidents are its successor's to record, and the sidecars hear of it now. */
  stop(): void
  /** Another process is about to take this one's place: incidents are its to record, and the sidecars hear that it comes. */
  giveWay(): void
  /** The other process does not come after all: this one records and tells on. */
  stay(): void
  /** Time passes: keeps what is drawn of the last minutes. Gives in how many ms the next of it is due. */
  tick(): number
  /** Lets go of the sidecars, and of what is registered in etcd. */
  close(): Promise<void>
  /** Bytes moved since the start, by listener and member. */
  bytes(): readonly ByteCount[]
}

export function createOffice(deps: OfficeDeps): Office {
  const { config, clusters, proxy, now, recorder, hooks } = deps
  const startedAt = deps.wall()
  const digest = digestOf(config)
  let history = noHistory
  let sampledAt = ms(Number.NEGATIVE_INFINITY)
  const named = (is: (cluster: Cluster) => boolean) => [...clusters.values()].filter(is).map(({ name }) => name)
  const tick = () => ({
    gateClosed: named(cluster => cluster.state().gate.kind === 'closed'),
    sourceSilent: named(cluster => cluster.state().silent !== undefined),
    stopping: proxy.stopping(),
    drained: orders.drainedFor() !== undefined,
  })
  const sidecars = createSidecars(tick, createLifeline())
  const orders = createOrders({ ...deps, sidecars })
  const switchover = createSwitchover(deps)
  const { reports } = sidecars
  const record = (cluster: string) => recordOf({ ...deps, reports }, cluster, { startedAt, digest: digest() })
  const fleet = createFleet({ ...deps, record })
  const seen = { ...deps, reports, drainedFor: orders.drainedFor, fleet: fleet.status }
  const overview = createOverview(seen)

  return {
    orders,
    facts: () => factsOf(seen),
    status: overview.status,
    ready: name => readiness(seen, name),
    explain: overview.explain,
    drain: orders.drain,
    pause: orders.pause,
    planSwitchover: switchover.plan,
    switchover: switchover.order,
    cutSession(id) {
      if (proxy.cut(id)) return { ok: true, said: `session ${id} is cut` }
      return { ok: false, why: `no session ${id} is open; mekare sessions lists them (the number is its ID)` }
    },
    sessions: () => proxy.sessions(),
    incidents: () => recorder.incidents(),
    metrics: deps.metrics,
    reload: deps.reload,
    restart: deps.restart,
    feeds: deps.feeds,
    history: () => history,
    sidecar: sidecars.join,
    successor() {
      sidecars.announceSuccessor()
      return {
        ok: true,
        said: `for half a minute ${sidecars.connected()} sidecars keep the address when this process ends`,
      }
    },
    stop() {
      recorder.retire()
      hooks.retire()
      sidecars.pulse()
      void fleet.stop()
    },
    stay() {
      recorder.resume()
      hooks.resume()
      fleet.resume()
    },
    giveWay() {
      recorder.retire()
      hooks.retire()
      sidecars.announceSuccessor()
      void fleet.stop()
    },
    tick() {
      fleet.tick()
      const due = sampledAt + EVERY - now()
      if (due > EARLY_MS) return due
      sampledAt = now()
      history = keep(history, overview.sample())
      return EVERY
    },
    async close() {
      sidecars.stop()
      await fleet.stop()
    },
    bytes: overview.moved,
  }
}

/** Worked out once for each configuration. */
function digestOf(config: () => Config): () => string {
  let of: Config | undefined
  let digest = ''
  return () => {
    const now = config()
    if (now !== of) digest = configDigest(now).slice(0, 12)
    of = now
    return digest
  }
}
