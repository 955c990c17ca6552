// What a source says of a cluster, as one immutable snapshot in Patroni's own words.
// Knows nothing of probes, sessions or pools: this is what was published, not what is true now.

import type { Bytes, Lsn, Ms } from '../units/units.js'

/** Patroni's role of a member. `master` (before Patroni 4) is read as `primary`; an unheard-of word as `unknown`. */
export type Role = 'primary' | 'replica' | 'standby_leader' | 'promoted' | 'demoted' | 'uninitialized' | 'unknown'

export interface Address {
  readonly host: string
  readonly port: number
}

/** Patroni's tags that routing heeds. Patroni publishes only those that are set. */
export interface Tags {
  readonly noloadbalance: boolean
  readonly nofailover: boolean
  readonly nosync: boolean
  /** `mekare_weight`, at least 0; 1 where it is not given. 0 takes new read sessions only when nobody else can. */
  readonly weight: number
}

export interface Member {
  readonly name: string
  /** Where PostgreSQL listens (`conn_url`). */
  readonly address: Address
  /** Where a pooler beside it listens (`proxy_url`). */
  readonly pooler?: Address
  /** Base of Patroni's REST API, without path: `http://10.0.0.1:8008`. */
  readonly apiUrl?: string
  readonly role: Role
  /** Patroni's word: `running`, `streaming`, `stopped`, `starting`, `in archive recovery` … */
  readonly state: string
  readonly timeline?: number
  readonly receiveLsn?: Lsn
  readonly replayLsn?: Lsn
  readonly tags: Tags
  readonly pendingRestart: boolean
  /** Set once the source no longer lists it: we keep its last address while that address answers. */
  readonly vanishedAt?: Ms
}

/** One leadership. A key deleted and written again is another term, even with the same name in it. */
export interface Term {
  readonly leader: string
  /** create_revision of the leader key in etcd; for other sources something equally unique to the leadership. */
  readonly revision: string
}

export interface FailoverRequest {
  readonly leader?: string
  readonly candidate?: string
  /** When a scheduled one falls due, on the monotonic clock; absent: now. */
  readonly dueAt?: Ms
}

/** One line of Patroni's history: `timeline` ended at `forkLsn`. */
export interface HistoryEntry {
  readonly timeline: number
  readonly forkLsn: Lsn
  readonly reason: string
}

export interface Settings {
  readonly ttl: Ms
  readonly loopWait: Ms
  readonly pause: boolean
  readonly standbyCluster: boolean
  readonly failsafeMode: boolean
  readonly synchronousMode: boolean
  readonly maximumLagOnFailover: Bytes
}

export interface Topology {
  readonly scope: string
  /** The source's own count of changes: etcd's revision at the read; a running number elsewhere. */
  readonly revision: string
  readonly readAt: Ms
  readonly systemId?: string
  readonly term?: Term
  /** True where nobody publishes a leader (a static list): exactly one member that confirms itself as primary is the primary. */
  readonly leaderless: boolean
  readonly members: ReadonlyMap<string, Member>
  readonly failover?: FailoverRequest
  /** The sync key: names as Patroni wrote them; compare them case-insensitively. */
  readonly sync?: { readonly leader?: string; readonly standbys: readonly string[] }
  readonly history: readonly HistoryEntry[]
  /** The leader's last published position. */
  readonly optime?: Lsn
  readonly settings: Settings
  /** Patroni's failsafe key: member name to REST address, kept when member keys have expired. */
  readonly failsafe: ReadonlyMap<string, string>
  /** What could not be read, one clear line each (`members/pg2: not JSON: …`). The rest of the snapshot stands. */
  readonly problems: readonly string[]
}

/** What a source tells: a snapshot, or that nobody answers and the last snapshot still stands. */
export type SourceNews =
  /** `another`: the first word of a source that has taken another's place; its revisions count by themselves. */
  | { readonly kind: 'topology'; readonly topology: Topology; readonly another?: true }
  | { readonly kind: 'silent'; readonly since: Ms; readonly why: string }
