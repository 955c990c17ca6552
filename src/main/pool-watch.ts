// Tells when a member comes into or leaves a listener's pool, with the reason: the line an operator looks for.

import type { Config, ListenConfig } from '../config/shape.js'
import type { Event } from '../events/event.js'
import type { PoolEntry } from '../pools/pool.js'

export interface PoolWatch {
  /** Compares the pools now with those of the last look. */
  look(pool: (listen: ListenConfig) => readonly PoolEntry[]): Event[]
}

/** Watches the listeners of one cluster. A member first seen out of a pool is not told; nobody has missed it yet. */
export function createPoolWatch(cluster: string, config: () => Pick<Config, 'listen'>): PoolWatch {
  const before = new Map<string, boolean>()
  return {
    look(pool) {
      const events: Event[] = []
      const seen = new Set<string>()
      for (const [listen, rules] of Object.entries(config().listen)) {
        if (rules.cluster !== cluster) continue
        for (const { member, usable, why } of pool(rules)) {
          const key = `${listen}/${member.name}`
          if ((before.get(key) ?? false) !== usable)
            events.push({ kind: 'pool_changed', cluster, listen, member: member.name, usable, why })
          before.set(key, usable)
          seen.add(key)
        }
      }
      for (const [key, usable] of before) {
        if (seen.has(key)) continue
        before.delete(key)
        const [listen = '', member = ''] = split(key)
        if (usable)
          events.push({ kind: 'pool_changed', cluster, listen, member, usable: false, why: 'is no longer known' })
      }
      return events
    },
  }
}

/** A listener's name has no slash; a member's may. */
const split = (key: string) => [key.slice(0, key.indexOf('/')), key.slice(key.indexOf('/') + 1)]
