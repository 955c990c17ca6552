// The one timer that sweeps deadlines, in place of one timer a session. Every 100 ms:
//   startup, dialing  waits that are overdue (startupTimeout, connectTimeout, a silent backend)
//   joined            the first answer after a leader change
//   clusters          a tick, for what falls due by time alone (a scheduled failover); those that are calm take one each second
// In rounds, a share of them in each tick: each within 5 s, or within a tenth of the shortest limit there is, at least 1 s:
//   joined            idleTimeout, halfCloseTimeout; deadAfter, where the engine can ask the kernel; logins that never end, after 2 min
// Every second:
//   closing           refused clients that do not go: their sockets are destroyed after 5 s
//   cancel limits     forgotten once refilled
//   descriptors       whether one is left, and how many there may be

import { Round } from '../sessions/round.js'
import { type Ms, ms } from '../units/units.js'
import { lookForAnswers } from './first-answer.js'
import type { Room } from './room.js'
import { cut, type Session } from './session.js'

export const TICK = ms(100)
const SLOW_SWEEP = 10
/** In ticks. */
const ROUND = { shortest: 10, longest: 50 }
/** Of the shortest limit of a session a round may take this part. */
const PART = 0.1
const CLOSING_MS = 5000
/** PostgreSQL ends a login itself after authentication_timeout (1 min by default); a frozen one cannot. */
const LOGIN_MS = 120_000

/** Starts sweeping; the returned function ends it. */
export function startJanitor(room: Room, tick: () => void): () => void {
  let sweeps = 0
  const goRound = watchJoined(room)
  const timer = setInterval(() => {
    const now = room.now()
    for (const state of ['startup', 'dialing'] as const)
      for (const session of room.table.in(state)) expire(session, now)
    lookForAnswers(room)
    tick()
    goRound(now)
    if (++sweeps % SLOW_SWEEP !== 0) return
    for (const session of room.table.in('closing'))
      if (now - session.since > CLOSING_MS) session.login?.socket.destroy()
    room.cancelLimit.sweep(now)
  }, TICK)
  return () => clearInterval(timer)
}

/** Goes round those that are joined, as often as the shortest limit of any of them asks for. */
function watchJoined({ table }: Room): (now: Ms) => void {
  const round = new Round(table.in('joined'))
  let ticks = ROUND.shortest
  /** Of those seen in this round. */
  let limit: number | undefined
  return now => {
    if (round.isOver()) {
      // Of those whom no round has seen yet nothing is known: it is to see them soon.
      ticks = clamp(Math.floor(((limit ?? 0) * PART) / TICK))
      limit = undefined
    }
    round.go(ticks, session => {
      limit = Math.min(limit ?? Number.POSITIVE_INFINITY, shortestLimit(session))
      endDead(session)
      watch(session, now)
    })
  }
}

const clamp = (ticks: number) => Math.min(ROUND.longest, Math.max(ROUND.shortest, ticks))

function shortestLimit({ config: { idleTimeout, halfCloseTimeout } }: Session): number {
  return Math.min(idleTimeout || Number.POSITIVE_INFINITY, halfCloseTimeout || Number.POSITIVE_INFINITY)
}

function expire(session: Session, now: Ms): void {
  if (session.login && session.login.until <= now) session.login.overdue()
}

function watch(session: Session, now: Ms): void {
  const { attached, config } = session
  if (!attached) {
    if (now - session.since > LOGIN_MS) cut(session, 'login_timeout')
    return
  }
  const halfClosed = attached.halfClosed()
  // Nothing then hangs on when it last moved a byte: thousands of idle sessions are not to be counted again and again.
  if (config.idleTimeout === 0 && !halfClosed) {
    session.seen = undefined
    return
  }
  const { fromSession, fromLink } = attached.counts()
  const total = fromSession + fromLink
  const seen = session.seen ?? { total, at: now, halfClosedAt: undefined }
  session.seen = seen
  if (total !== seen.total) {
    seen.total = total
    seen.at = now
  }
  seen.halfClosedAt = halfClosed ? (seen.halfClosedAt ?? now) : undefined
  if (config.idleTimeout > 0 && now - seen.at > config.idleTimeout) cut(session, 'idle_timeout')
  else if (seen.halfClosedAt !== undefined && config.halfCloseTimeout > 0) {
    if (now - Math.max(seen.halfClosedAt, seen.at) > config.halfCloseTimeout) cut(session, 'half_close_timeout')
  }
}

function endDead(session: Session): void {
  const { deadAfter } = session.config
  if (deadAfter === 0) return
  const stalled = session.attached?.stalledFor?.()
  if (stalled !== undefined && stalled > deadAfter) cut(session, 'dead_peer')
}
