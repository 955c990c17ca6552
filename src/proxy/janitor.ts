// The one timer that sweeps deadlines, in place of one timer a session. Every 100 ms, as long as anything of this is at hand:
//   startup, dialing  waits that are overdue (startupTimeout, connectTimeout, a silent backend)
//   joined            the first answer after a leader change
//   closing           refused clients that do not go: their sockets are destroyed after 5 s
//   clusters          a tick, for what falls due by time alone (a scheduled failover); those that are calm take one each second at most
// When nothing is, it sleeps until the next of these is due, for 2 s at most; who brings something up to wait for stirs it:
//   joined            in rounds, a share of them each time: idleTimeout, halfCloseTimeout; deadAfter, where the engine can ask the kernel;
//                     logins that never end, after 2 min. Each is looked at within 4 s, or within a tenth of the shortest limit there is,
//                     at least 1 s
//   cancel limits     forgotten once refilled, each second at most
//   descriptors       whether one is left, and how many there may be, every 10 s; whoever needs to know is told as of the last second
//   history           what is drawn of the last minutes, every 2 s

import { Round } from '../sessions/round.js'
import { type Ms, ms } from '../units/units.js'
import { lookForAnswers } from './first-answer.js'
import type { Room } from './room.js'
import { cut, type Session } from './session.js'

const TICK = ms(100)
const LONGEST = ms(2000)
const FORGET_EVERY = 1000
/** How long a round may be. */
const ROUND = { shortest: 1000, longest: 4000 }
/** Of the shortest limit of a session a round may take this part. */
const PART = 0.1
const CLOSING_MS = 5000
/** PostgreSQL ends a login itself after authentication_timeout (1 min by default); a frozen one cannot. */
const LOGIN_MS = 120_000

/** What it looks after. */
type Premises = Pick<Room, 'now' | 'table' | 'unanswered' | 'cancelLimit'>

export interface Janitor {
  /** There is something to wait for: the next sweep comes within 100 ms. */
  stir(): void
  /** For good, whoever stirs it then: its timer would keep the process. */
  stop(): void
}

/** Starts sweeping. `tick` is told how late the sweep came, and gives in how many ms it is to be called again at the latest. */
export function startJanitor(room: Premises, tick: (late: Ms) => number): Janitor {
  const joined = watchJoined(room)
  let forgotAt = room.now()
  let dueAt: Ms
  let asleep = false
  let timer: NodeJS.Timeout
  let stopped = false

  function plan(now: Ms, length: number): void {
    if (stopped) return
    asleep = length > TICK
    dueAt = ms(now + length)
    timer = setTimeout(sweep, Math.ceil(length))
  }

  function sweep(): void {
    const now = room.now()
    expire(room, now)
    lookForAnswers(room)
    const due = Math.min(LONGEST, tick(ms(Math.max(0, now - dueAt))), joined.left())
    const next = isAtHand(room) ? TICK : Math.max(TICK, due)
    joined.look(next, now)
    if (now - forgotAt >= FORGET_EVERY) {
      room.cancelLimit.sweep(now)
      forgotAt = now
    }
    plan(now, next)
  }

  plan(forgotAt, TICK)
  return {
    stir() {
      if (!asleep) return
      clearTimeout(timer)
      plan(room.now(), TICK)
    },
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}

/** Whether anybody waits for what may fall due at any time. */
function isAtHand({ table, unanswered }: Premises): boolean {
  return unanswered.size > 0 || table.size() > table.in('joined').size
}

/** Goes round those that are joined, as often as the shortest limit of any of them asks for. */
function watchJoined({ table }: Premises) {
  const joined = table.in('joined')
  const round = new Round(joined)
  /** Of those seen in this round. */
  let limit: number | undefined
  return {
    /** How long the round still takes; a new one begins when it is over. */
    left(): number {
      if (joined.size === 0) return Number.POSITIVE_INFINITY
      if (round.left() === 0) {
        // Of those whom no round has seen yet nothing is known: it is to see them soon.
        round.begin(Math.min(ROUND.longest, Math.max(ROUND.shortest, (limit ?? 0) * PART)))
        limit = undefined
      }
      return round.left()
    },
    /** Looks at those whose turn comes before the next look, `next` ms from now. */
    look(next: number, now: Ms): void {
      round.go(next, session => {
        limit = Math.min(limit ?? Number.POSITIVE_INFINITY, shortestLimit(session))
        endDead(session)
        watch(session, now)
      })
    },
  }
}

function shortestLimit({ config: { idleTimeout, halfCloseTimeout } }: Session): number {
  return Math.min(idleTimeout || Number.POSITIVE_INFINITY, halfCloseTimeout || Number.POSITIVE_INFINITY)
}

function expire({ table }: Premises, now: Ms): void {
  for (const state of ['startup', 'dialing'] as const)
    for (const { login } of table.in(state)) if (login && login.until <= now) login.overdue()
  for (const session of table.in('closing')) if (now - session.since > CLOSING_MS) session.login?.socket.destroy()
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
