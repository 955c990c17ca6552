// The status document: what `status --json`, `/status` and the dashboard show. One shape, in the words of the verdicts.

import type { EndpointStatus } from '../asking/endpoints.js'
import type { FleetStatus } from '../fleet/fleet.js'
import type { Via } from '../health/answer.js'
import type { ListenerCounts, MemberCounts } from '../sessions/tally.js'
import type { Bytes, EpochMs, Ms } from '../units/units.js'
import type { RouterReport } from '../vrrp/conversation.js'

export interface PoolVerdict {
  readonly listen: string
  readonly usable: boolean
  /** Its part of new sessions: weight times slow start. */
  readonly share: number
  /** `streaming, 0B behind`, `not usable: lag 21.0MiB is over maxLag 16.0MiB` … the words of `explain` and of refusals. */
  readonly why: string
}

/** The last probe: what came of it, how long it took, and how long ago it was answered. */
export interface CheckStatus {
  readonly via: Via
  /** `primary`, `replica`, or why it could not be asked. */
  readonly said: string
  readonly took: Ms
  readonly ago: Ms
}

/** What has been of a member since this router started. */
export interface MemberTotals extends MemberCounts {
  readonly fromClient: Bytes
  readonly fromMember: Bytes
}

/** The pooler that a member publishes; how it is, where sessions are dialled through it. */
export interface PoolerStatus {
  readonly address: string
  readonly healthy?: boolean
  readonly health?: string
}

export interface MemberStatus {
  readonly name: string
  readonly address: string
  readonly pooler?: PoolerStatus
  /** What it answers now: `primary`, `replica`, or `no answer`. */
  readonly role: 'primary' | 'replica' | 'no answer'
  /** What the source says: role and state in Patroni's words. */
  readonly published: { readonly role: string; readonly state: string }
  readonly timeline?: number
  readonly lag?: Bytes
  readonly healthy: boolean
  /** Why it is unhealthy, or how long it has been healthy. */
  readonly health: string
  /** For how long it has been healthy, or not. */
  readonly healthFor: Ms
  /** Absent until it was first asked. */
  readonly check?: CheckStatus
  readonly drained: boolean
  readonly vanished: boolean
  readonly sessions: number
  /** The most sessions at one time. */
  readonly mostSessions: number
  readonly totals: MemberTotals
  readonly pools: readonly PoolVerdict[]
}

export interface ClusterStatus {
  readonly name: string
  readonly scope: string
  readonly leader?: string
  /** For how long the leader key has named it, or nobody. */
  readonly leaderFor: Ms
  /** The newest timeline that a member told. */
  readonly timeline?: number
  readonly gate:
    | { readonly kind: 'open'; readonly member: string; readonly for: Ms }
    | { readonly kind: 'closed'; readonly why: string; readonly for: Ms }
  readonly pause: boolean
  readonly standbyCluster: boolean
  readonly source: {
    readonly kind: string
    readonly endpoints: readonly EndpointStatus[]
    readonly silentFor?: Ms
    readonly why?: string
    /** A source of a newer configuration that has not taken its place yet, and why. */
    readonly next?: string
    /** Time since it last answered. */
    readonly age?: Ms
    readonly reconnects: number
  }
  readonly members: readonly MemberStatus[]
  readonly problems: readonly string[]
  /** The proxies of this scope; absent where they do not register. */
  readonly fleet?: FleetStatus
}

export interface ListenerStatus {
  readonly name: string
  readonly cluster: string
  readonly address: string
  readonly role: string
  /** Whether a session would be joined now, and if not, why. */
  readonly ready: boolean
  readonly why: string
  /** For how long an operator has had everyone new wait. */
  readonly paused?: Ms
  readonly sessions: {
    readonly startup: number
    readonly held: number
    readonly dialing: number
    readonly joined: number
  }
  /** The most sessions that may be open at one time, and held. */
  readonly limits: { readonly open: number; readonly held: number }
  /** The most there have been at one time, and that came in one second. */
  readonly most: { readonly open: number; readonly held: number; readonly rate: number }
  /** Clients that came in the last second. */
  readonly rate: number
  /** How long the longest waiting client has waited; absent while nobody is held. */
  readonly waitingFor?: Ms
  /** How long ago the last client came. */
  readonly lastAgo?: Ms
  readonly totals: ListenerTotals
}

/** What has been of a listener since this router started. */
export interface ListenerTotals extends ListenerCounts {
  /** Clients that came. */
  readonly came: number
  readonly fromClient: Bytes
  readonly fromMember: Bytes
}

/** A virtual router of the configuration, and what its sidecar says of it. */
export interface VrrpStatus {
  readonly name: string
  /** Absent: no sidecar is connected. */
  readonly report?: RouterReport
}

export interface Status {
  readonly name: string
  readonly version: string
  /** The time of day on this router when this was told. */
  readonly at: EpochMs
  /** Time since start. */
  readonly up: Ms
  readonly stopping: boolean
  /** Its process, and the one whose place it has taken, as long as that has sessions. */
  readonly pid: number
  readonly predecessor?: { readonly pid: number; readonly sessions: number; readonly left: Ms }
  /** For how long an operator has had this router out of service. */
  readonly drained?: Ms
  readonly clusters: readonly ClusterStatus[]
  readonly listeners: readonly ListenerStatus[]
  /** Absent: no floating address is configured. */
  readonly vrrp?: readonly VrrpStatus[]
}

/** Where a session that is shown stands; one that is closing no longer is. */
export const SESSION_STATES = ['startup', 'held', 'dialing', 'joined'] as const

/** The ID of a session, as an operator gives it. */
export const SESSION_ID = /^[1-9]\d{0,14}$/

export interface SessionStatus {
  readonly id: number
  readonly listen: string
  readonly client: string
  /** The balancer it came through (PROXY protocol). */
  readonly via?: string
  readonly state: (typeof SESSION_STATES)[number]
  readonly member?: string
  /** Where the member was dialled: its PostgreSQL, or the pooler beside it. */
  readonly backend?: string
  /** Our own address towards the member: what pg_stat_activity shows as client_addr and client_port. */
  readonly backendClient?: string
  readonly for: Ms
  /** Of one that has joined: from the dial to the member's first byte (direct TLS: to the connection). */
  readonly connectTook?: Ms
  readonly fromClient: Bytes
  readonly fromMember: Bytes
  /** Absent where they are not counted. */
  readonly queries?: number
}
