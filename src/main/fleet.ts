// Registers this proxy in etcd beside the others of each cluster, under a lease, and keeps what etcd says of them. Wanted against
// actual: a reload that changes the name, the scope or the endpoints begins anew. Nothing else waits for it.

import type { ClusterConfig, Config } from '../config/shape.js'
import { ownKey } from '../etcd/keys.js'
import { createLeasedKey, type KeyView, type LeasedKey } from '../etcd/leased-key.js'
import type { Report } from '../events/event.js'
import { type FleetInput, type FleetStatus, fleetStatus, newFleet, stepFleet } from '../fleet/fleet.js'
import { type ProxyRecord, type Published, publish } from '../fleet/record.js'
import type { Ms } from '../units/units.js'

export interface Fleet {
  /** Begins and ends registrations as the configuration in force wants it. */
  tick(): void
  /** Who is there; undefined where nothing is registered by configuration. */
  status(cluster: string): FleetStatus | undefined
  /** Gives every key up at once: this process ends, or another is about to take its place. Resolves when etcd knows, or within a second. */
  stop(): Promise<void>
  /** The other did not come. */
  resume(): void
}

export interface FleetDeps {
  readonly now: () => Ms
  readonly report: Report
  /** The configuration in force; asked each time. */
  readonly config: () => Pick<Config, 'clusters' | 'fleet'>
  /** What this proxy says of itself. */
  readonly record: (cluster: string) => ProxyRecord
}

interface Registration {
  readonly place: string
  status(): FleetStatus
  stop(): Promise<void>
}

/** Patroni's pace would do; the lease ends this long after a proxy has died, in seconds. */
const PACE = { outlives: 5, every: 1000 }

/** Registers nowhere before tick(). */
export function createFleet({ now, report, config, record }: FleetDeps): Fleet {
  const registrations = new Map<string, Registration>()
  let stopped = false
  const ending = new Set<Promise<void>>()

  function end(cluster: string, { stop }: Registration): void {
    registrations.delete(cluster)
    const ended = stop().finally(() => ending.delete(ended))
    ending.add(ended)
  }

  function tick(): void {
    const { clusters, fleet } = config()
    for (const [cluster, registration] of registrations) {
      const at = clusters[cluster]
      if (!fleet.enabled || !at || placeOf(at, fleet.name) !== registration.place) end(cluster, registration)
    }
    if (stopped || !fleet.enabled) return
    for (const [name, cluster] of Object.entries(clusters)) {
      if (registrations.has(name) || cluster.etcd.hosts.length === 0) continue
      registrations.set(name, register(name, cluster, fleet.name))
    }
  }

  function register(cluster: string, at: ClusterConfig, self: string): Registration {
    let state = newFleet(cluster, self)
    let published: Published | undefined
    const hear = (input: FleetInput) => {
      const [next, events] = stepFleet(state, input, now())
      state = next
      for (const event of events) report(event)
    }
    const key: LeasedKey = createLeasedKey({
      config: at.etcd,
      key: ownKey(at, 'proxies', self),
      value() {
        published = publish(published, record(cluster), now())
        return published.text
      },
      kin: { prefix: ownKey(at, 'proxies', ''), told: texts => hear({ kind: 'listed', texts }) },
      pace: PACE,
      now,
      told: view => hear(inputOf(view)),
    })
    key.want(true)
    return {
      place: placeOf(at, self),
      status: () => fleetStatus(state, record(cluster), now()),
      stop: key.stop,
    }
  }

  return {
    tick,
    status(cluster) {
      const { clusters, fleet } = config()
      if (!fleet.enabled || !clusters[cluster]) return undefined
      const registered = registrations.get(cluster)
      if (registered) return registered.status()
      const unknown = stopped ? 'this proxy is no longer registered' : 'no etcd is configured to register in'
      return fleetStatus({ ...newFleet(cluster, fleet.name), silent: unknown }, record(cluster), now())
    },
    async stop() {
      stopped = true
      for (const [cluster, registration] of registrations) end(cluster, registration)
      await Promise.all(ending)
    },
    resume() {
      stopped = false
      tick()
    },
  }
}

const placeOf = ({ etcd, namespace, scope }: ClusterConfig, self: string) =>
  JSON.stringify([etcd, namespace, scope, self])

function inputOf(view: KeyView): FleetInput {
  if (view.kind === 'silent') return { kind: 'silent', why: view.why }
  if (view.kind === 'ours' || view.kind === 'other') return { kind: 'key', whose: view.kind }
  return { kind: 'key', whose: 'nobody' }
}
