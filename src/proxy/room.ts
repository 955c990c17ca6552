// What every hop of a connection's life needs from the rest: the cluster's view, the table, the engine, the ears.

import type { ListenConfig } from '../config/shape.js'
import type { ClusterInput, ClusterState } from '../pools/cluster.js'
import type { PoolEntry } from '../pools/pool.js'
import type { Engine } from '../relay/relay.js'
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

export interface Room extends SessionDeps {
  readonly engine: Engine
  readonly cancelLimit: CancelLimit
  stopping(): boolean
  /** An error that is ours: reported, and the session ended. */
  bug(error: unknown, session: Session): void
  /** Somebody needed a descriptor and found none: what a client is told of it. */
  noDescriptor(): string
  chance(): number
}
