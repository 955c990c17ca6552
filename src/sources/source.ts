// The contract of every source: it yields whole Topology snapshots and says when nobody answers.

import type { EndpointStatus } from '../asking/endpoints.js'
import type { SourceNews } from '../topology/topology.js'
import type { Ms } from '../units/units.js'

export interface SourceStatus {
  readonly kind: 'etcd' | 'patroni' | 'static'
  readonly endpoints: readonly EndpointStatus[]
  /** Set while nobody answers. */
  readonly silentSince?: Ms
  readonly why?: string
  /** When it last answered, on the monotonic clock. */
  readonly answeredAt?: Ms
  /** How often it had to go to another endpoint since start. */
  readonly reconnects: number
  /** A source that is to take its place and has not spoken yet: why not. */
  readonly next?: string
}

export interface Source {
  /** Begins to ask; `heard` gets every snapshot that differs from the last, and each change to and from silence. */
  start(heard: (news: SourceNews) => void): void
  /** Something looks wrong from here (a failed dial): ask again now rather than at the next turn. */
  hint(): void
  status(): SourceStatus
  /** Ends every timer, watch and connection; resolves when nothing is left that keeps the process alive. */
  stop(): Promise<void>
}
