// The clusters in force, and those that a reload took away while sessions were left on them: these go on, unheard, until the
// last one has ended, so that a session is cut when its primary is none any more, whatever became of the name.

import { isCalm } from '../pools/cluster.js'
import type { ClusterPlan } from '../reload/plan.js'
import { type Cluster, type ClusterDeps, createCluster } from './cluster.js'

export interface Clusters {
  /** Those in force, by name. */
  readonly inForce: ReadonlyMap<string, Cluster>
  /** What will be in force once it is committed. */
  prepare(plan: readonly ClusterPlan[]): { readonly next: ReadonlyMap<string, Cluster>; commit(): void }
  /** Time passes. `used`: whether sessions are left that came to it. Gives whether all is calm: nothing falls due by time alone. */
  tick(used: (cluster: Cluster) => boolean): boolean
  stop(): Promise<void>
}

/** None yet. */
export function createClusters(deps: ClusterDeps): Clusters {
  const inForce = new Map<string, Cluster>()
  const retired = new Set<Cluster>()
  const ending = new Set<Promise<void>>()

  function end(cluster: Cluster): void {
    const ended = cluster.stop().finally(() => ending.delete(ended))
    ending.add(ended)
  }

  function commit(plan: readonly ClusterPlan[], next: ReadonlyMap<string, Cluster>): void {
    for (const cluster of inForce.values()) {
      if (next.get(cluster.name) === cluster) continue
      cluster.retire()
      retired.add(cluster)
    }
    inForce.clear()
    for (const { name, how, config, source, probes } of plan) {
      const cluster = next.get(name)
      if (!cluster) continue
      inForce.set(name, cluster)
      if (how === 'begin') cluster.start()
      if (how === 'change') cluster.change(config, { source, probes })
    }
  }

  return {
    inForce,
    prepare(plan) {
      const next = new Map(
        plan.map(({ name, how, config }) => {
          const old = how === 'begin' ? undefined : inForce.get(name)
          return [name, old ?? createCluster(name, config, deps)]
        }),
      )
      return { next, commit: () => commit(plan, next) }
    },
    tick(used) {
      for (const cluster of inForce.values()) cluster.tell({ kind: 'tick' })
      for (const cluster of retired) {
        cluster.tell({ kind: 'tick' })
        if (used(cluster)) continue
        retired.delete(cluster)
        end(cluster)
      }
      return retired.size === 0 && [...inForce.values()].every(({ state }) => isCalm(state()))
    },
    async stop() {
      for (const cluster of [...inForce.values(), ...retired]) end(cluster)
      await Promise.all(ending)
    },
  }
}
