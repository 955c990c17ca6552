// Our copy of the prefix, and the rules by which reads and watch events change it. Knows revisions; no client, no clock.
// The newest truth is the last linearizable read, not the highest revision: a restored etcd goes backwards.

import type { EtcdEntry } from '../../topology/etcd.js'
import type { Change, Snapshot } from './session.js'

export interface Mirror {
  readonly revision: number
  readonly entries: ReadonlyMap<string, EtcdEntry>
}

/** What a read brought: `same` or `old` change nothing; `behind` is an etcd that went back in time. */
export type ReadVerdict = 'same' | 'old' | 'changed' | 'behind'

export const EMPTY: Mirror = { revision: 0, entries: new Map() }

/**
 * Applies a linearizable read that was begun when the mirror stood at `begunAt`. An answer below that revision cannot be
 * late news, so the etcd was restored; an answer between it and the mirror's is older than what the watch brought since.
 */
export function applyRead(mirror: Mirror, read: Snapshot, begunAt: number): readonly [Mirror, ReadVerdict] {
  if (read.revision < begunAt) return [read, 'behind']
  if (read.revision < mirror.revision) return [mirror, 'old']
  if (sameEntries(mirror.entries, read.entries)) return [{ ...mirror, revision: read.revision }, 'same']
  return [read, 'changed']
}

/** Applies watch events in their order; those at or below the mirror's revision are already in it. */
export function applyChanges(mirror: Mirror, changes: readonly Change[]): Mirror {
  const news = changes.filter(change => change.revision > mirror.revision)
  if (news.length === 0) return mirror
  const entries = new Map(mirror.entries)
  for (const { key, entry } of news) {
    if (entry === undefined) entries.delete(key)
    else entries.set(key, entry)
  }
  return { revision: Math.max(...news.map(change => change.revision)), entries }
}

function sameEntries(a: ReadonlyMap<string, EtcdEntry>, b: ReadonlyMap<string, EtcdEntry>): boolean {
  if (a.size !== b.size) return false
  for (const [key, entry] of a) {
    const other = b.get(key)
    if (other?.modRevision !== entry.modRevision || other.value !== entry.value) return false
  }
  return true
}
