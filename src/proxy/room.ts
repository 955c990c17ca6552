// What every hop of a connection's life needs from the rest: the cluster's view, the table, the engine, the ears.

import type { ListenConfig } from '../config/shape.js'
import type { ClusterInput, ClusterState } from '../pools/cluster.js'
import type { PoolEntry } from '../pools/pool.js'
import type { Engine } from '../relay/relay.js'
import type { Address } from '../topology/topology.js'
import type { CancelLimit } from './cancel.js'
import type { Session, SessionDeps } from './session.js'

/** A cluster as the proxy sees it; main owns the machine behind it. */
export interface ClusterView {
  readonly name: string
  state(): ClusterState
  /** Evidence from sessions: dials and joins. */
  tell(input: ClusterInput): void
  /** The pool of these rules, now. */
  pool(rules: ListenConfig): readonly PoolEntry[]
}

/** One cancel key's home. */
export interface KeyHome {
  readonly session: Session
  readonly address: Address
}

export interface Room extends SessionDeps {
  readonly engine: Engine
  /** By cluster, process id and secret key. */
  readonly keys: Map<string, KeyHome>
  readonly cancelLimit: CancelLimit
  /** Those that have logged in to write since a leader change of whose answers none is known. */
  readonly unanswered: Set<Session>
  stopping(): boolean
  /** Somebody needed a descriptor and found none: what a client is told of it. */
  noDescriptor(): string
  chance(): number
}
