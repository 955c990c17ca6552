// What every hop of a connection's life needs from the rest: the cluster's view, the table, the engine, the ears.

import type { ListenConfig } from '../config/shape.js'
import type { ClusterInput, ClusterState } from '../pools/cluster.js'
import type { HoldQueue } from '../pools/hold.js'
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
  cluster(of: Pick<Session, 'cluster'>): ClusterView
  queue(listen: string): Waitroom
  readonly cancelLimit: CancelLimit
  stopping(): boolean
  chance(): number
  /** Grows by one with each pick of a listener. */
  turn(listen: string): number
}

/** A listener's hold queue with the sessions behind its ids. */
export interface Waitroom {
  readonly queue: HoldQueue
  /** Waits until it is this session's turn. The session may have ended meanwhile. */
  wait(session: Session, returned: boolean, notBefore: number): Promise<void>
  /** Somebody may be able to go: looks now. */
  pump(): void
}
