// What a member answered when it was asked whether it is a primary, now. "Could not ask" is its own answer, never a "no".

import type { Lsn, Ms } from '../units/units.js'

export type Unasked =
  | 'refused' // nothing listens (ECONNREFUSED), or the connection was reset
  | 'unreachable' // no route, host down, name not found
  | 'timeout'
  | 'starting' // 57P03: starting up, shutting down, not accepting connections
  | 'too_many' // 53300
  | 'auth' // 28xxx
  | 'tls'
  | 'unclear' // an answer that decides nothing: Patroni speaking from memory, an unexpected error

export type Answer =
  | { readonly kind: 'primary'; readonly systemId?: string; readonly timeline?: number; readonly lsn: Lsn }
  | {
      readonly kind: 'recovery'
      readonly systemId?: string
      readonly timeline?: number
      readonly receiveLsn?: Lsn
      readonly replayLsn?: Lsn
      /** Time since the last replayed commit; only where the member had something left to replay. */
      readonly replayDelay?: Ms
    }
  | { readonly kind: 'unasked'; readonly reason: Unasked; readonly why: string }

/** How it was asked: `sql` over a kept connection, `rest` by GET /patroni. */
export type Via = 'sql' | 'rest'

export interface ProbeOutcome {
  readonly member: string
  readonly via: Via
  readonly askedAt: Ms
  readonly answeredAt: Ms
  readonly answer: Answer
}

/** A session's own dial of a member: evidence as good as a probe's. */
export interface DialOutcome {
  readonly member: string
  readonly at: Ms
  readonly ok: boolean
  readonly took: Ms
  readonly reason?: Unasked
  readonly why?: string
}
