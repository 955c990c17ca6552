// Counts queries in what the sessions of a relay thread send, of those it was told to. Knows no descriptor.

import { QueryCounter } from '../protocol/queries.js'
import type { NativeTable } from './native-table.js'

export interface Queries {
  /** From here on the session's queries are counted; its next byte opens a message. */
  watch(slot: number): void
  /** An end gave these bytes. */
  look(end: number, bytes: Uint8Array, start: number, length: number): void
  /** What the end gives must be looked at. */
  watches(end: number): boolean
  forget(slot: number): void
}

export function createQueries({ queries }: NativeTable): Queries {
  const counters = new Map<number, QueryCounter>()
  return {
    watch: slot => counters.set(slot, new QueryCounter()),
    look(end, bytes, start, length) {
      // Where nothing is counted this is all it costs.
      if (counters.size === 0 || (end & 1) === 1) return
      const counter = counters.get(end >> 1)
      if (!counter) return
      counter.feed(bytes, start, start + length)
      queries[end >> 1] = counter.queries
    },
    watches: end => (end & 1) === 0 && counters.has(end >> 1),
    forget(slot) {
      counters.delete(slot)
    },
  }
}
