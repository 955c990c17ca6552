// Drives one listener's hold queue: lets clients through in order and at the rate while the pool has somebody, and answers
// those whose wait is over. Owns the only timer of the queue.

import type { ListenConfig } from '../config/shape.js'
import { createHoldQueue } from '../pools/hold.js'
import { whyNone } from '../pools/pick.js'
import type { Refusal } from '../sessions/end.js'
import { formatMs, type Ms, ms } from '../units/units.js'
import type { Listener } from './listener.js'
import { refuse, type Session, type SessionDeps } from './session.js'

/** A listener's hold queue with the sessions behind its ids. */
export interface Waitroom {
  /** How many wait. */
  size(): number
  /** It waits until it is its turn, when its login is let through, or answered. */
  wait(session: Session, returned: boolean, notBefore: number): void
  /** It has ended. */
  leave(session: Session): void
  /** Somebody may be able to go: looks now. */
  pump(): void
}

/** What is asked of a listener before somebody is let through, and when somebody is answered. */
export type Desk = Pick<Listener, 'name' | 'cluster' | 'rules' | 'pausedFor'>

export function createWaitroom(desk: Desk, deps: SessionDeps): Waitroom {
  const { rules, cluster } = desk
  const queue = createHoldQueue(rules)
  const waiters = new Map<number, Session>()
  let timer: NodeJS.Timeout | undefined

  /** How many could be joined now: a release without room would only lose the client its place. */
  function vacancies(): number {
    if (desk.pausedFor() !== undefined) return 0
    const { maxSessionsPerMember: most } = rules()
    const usable = cluster.pool(rules()).filter(entry => entry.usable)
    if (most === 0) return usable.length > 0 ? Number.POSITIVE_INFINITY : 0
    return usable.reduce((sum, { member }) => sum + Math.max(0, most - deps.table.on(cluster.name, member.name)), 0)
  }

  function pump(): void {
    clearTimeout(timer)
    const now = deps.now()
    for (const { id } of queue.expire(now)) answer(id)
    const room = queue.size() > 0 ? vacancies() : 0
    letThrough(now, room)
    const wakeAt = queue.wakeAt(room > 0)
    if (wakeAt !== undefined) timer = setTimeout(pump, Math.max(1, Math.ceil(wakeAt - deps.now())))
  }

  function letThrough(now: Ms, room: number): void {
    for (let left = room; left > 0; left--) {
      const next = queue.release(now)
      if (!next) return
      const session = waiters.get(next.id)
      waiters.delete(next.id)
      if (!session) continue
      session.heldFor = ms(session.heldFor + now - session.since)
      // After the queue was looked through: it may come back to it.
      queueMicrotask(() => session.login?.letThrough())
    }
  }

  function answer(id: number): void {
    const session = waiters.get(id)
    if (!session) return
    const [end, why] = refusalOf(desk, deps.now())
    refuse(session, end, `mekare: ${why}`, deps)
  }

  return {
    size: queue.size,
    pump,
    wait(session, returned, notBefore) {
      const now = deps.now()
      const until = ms(session.holdUntil ?? now + rules().holdFor)
      session.holdUntil = until
      const waiting = { id: session.id, since: now, until, notBefore: ms(notBefore) }
      if (until <= now || !queue.enter(waiting, returned)) {
        const [end, why] = until <= now ? refusalOf(desk, now) : tooMany(rules())
        refuse(session, end, `mekare: ${why}`, deps)
        return
      }
      deps.table.move(session, 'held')
      session.since = now
      waiters.set(session.id, session)
      pump()
    },
    leave({ id }) {
      queue.leave(id)
      waiters.delete(id)
      // A timer for nobody would keep a process that has stopped alive for the rest of the wait.
      if (queue.size() === 0) clearTimeout(timer)
    },
  }
}

const tooMany = (config: ListenConfig) =>
  ['refused_limit', `maxHeld is ${config.maxHeld}, and as many clients wait already`] as const

/** The words for it in status, in a refusal and in the log. */
export const pausedWords = (length: Ms) => `paused by an operator for ${formatMs(length)}`

/** Why nobody can take a client: the cluster, since when, and what is waited for. Clients are told so, and status tells it. */
export function refusalOf({ name, rules, cluster, pausedFor }: Desk, now: Ms): readonly [Refusal, string] {
  const paused = pausedFor()
  if (paused !== undefined) return ['refused_paused', `listener "${name}" is ${pausedWords(paused)}`]
  const config = rules()
  const { gate, words } = cluster.state()
  const { role, maxSessionsPerMember } = config
  const entries = cluster.pool(config)
  const named = `cluster "${cluster.name}"`
  if (maxSessionsPerMember > 0 && entries.some(entry => entry.usable))
    return ['refused_limit', `every usable member of ${named} has maxSessionsPerMember ${maxSessionsPerMember}`]
  if (role !== 'primary')
    return ['refused_no_replica', `${named} has no usable member for role ${role}: ${whyNone(entries)}`]
  if (gate.kind === 'closed') {
    const since = formatMs(ms(now - gate.since))
    return ['refused_no_primary', `${named} has no primary for ${since}: ${gate.why}`]
  }
  const turnedAway = config.target === 'pooler' ? undefined : words.get(gate.member)?.turnedAway?.why
  const why = turnedAway ?? whyNone(entries)
  return ['refused_no_primary', `${gate.member} is the primary of ${named}, but could not be joined: ${why}`]
}
