// Drives one listener's hold queue: lets clients through in order and at the rate while the pool has somebody, and answers
// those whose wait is over. Owns the only timer of the queue.

import type { ListenConfig } from '../config/shape.js'
import { gateWords } from '../pools/gate.js'
import { createHoldQueue } from '../pools/hold.js'
import { whyNone } from '../pools/pick.js'
import { formatMs, type Ms, ms } from '../units/units.js'
import type { ClusterView, Waitroom } from './room.js'
import { refuse, type Session, type SessionDeps } from './session.js'

export function createWaitroom(config: () => ListenConfig, cluster: ClusterView, deps: SessionDeps): Waitroom {
  const queue = createHoldQueue(config)
  const waiters = new Map<number, { readonly session: Session; readonly go: () => void }>()
  let timer: NodeJS.Timeout | undefined

  const canGo = () => cluster.pool(config()).some(entry => entry.usable)

  function pump(): void {
    clearTimeout(timer)
    const now = deps.now()
    for (const { id } of queue.expire(now)) answer(id)
    const open = queue.size() > 0 && canGo()
    if (open) letThrough(now)
    const wakeAt = queue.wakeAt(open)
    if (wakeAt !== undefined) timer = setTimeout(pump, Math.max(1, Math.ceil(wakeAt - deps.now())))
  }

  function letThrough(now: Ms): void {
    for (let next = queue.release(now); next; next = queue.release(now)) {
      const waiter = waiters.get(next.id)
      waiters.delete(next.id)
      if (!waiter) continue
      waiter.session.heldFor = ms(waiter.session.heldFor + now - waiter.session.since)
      waiter.go()
    }
  }

  function answer(id: number): void {
    const waiter = waiters.get(id)
    if (!waiter) return
    const [end, message] = refusalOf(config(), cluster, deps.now())
    refuse(waiter.session, end, message, deps)
  }

  return {
    queue,
    pump,
    wait(session, returned, notBefore) {
      const now = deps.now()
      const until = ms(session.holdUntil ?? now + config().holdFor)
      session.holdUntil = until
      const waiting = { id: session.id, since: now, until, notBefore: ms(notBefore) }
      if (until <= now || !queue.enter(waiting, returned)) {
        const [end, message] = until <= now ? refusalOf(config(), cluster, now) : tooMany(config())
        refuse(session, end, message, deps)
        return Promise.resolve()
      }
      deps.table.move(session, 'held')
      session.since = now
      return new Promise(resolve => {
        const go = () => {
          session.wait = undefined
          resolve()
        }
        const leave = () => {
          queue.leave(session.id)
          waiters.delete(session.id)
          // A timer for nobody would keep a process that has stopped alive for the rest of the wait.
          if (queue.size() === 0) clearTimeout(timer)
          resolve()
        }
        waiters.set(session.id, { session, go })
        session.wait = { until: ms(Number.POSITIVE_INFINITY), stop: leave }
        pump()
      })
    },
  }
}

const tooMany = (config: ListenConfig) =>
  ['refused_limit', `mekare: maxHeld is ${config.maxHeld}, and as many clients wait already`] as const

/** What a client is told when nobody can take it: the cluster, since when, and what is waited for. */
export function refusalOf(config: ListenConfig, cluster: ClusterView, now: Ms) {
  const { gate } = cluster.state()
  if (config.role === 'primary') {
    const words =
      gate.kind === 'closed' ? `no primary for ${formatMs(ms(now - gate.since))}: ${gate.why}` : gateWords(gate, now)
    return ['refused_no_primary', `mekare: cluster "${cluster.name}" has ${words}`] as const
  }
  const why = whyNone(cluster.pool(config))
  return [
    'refused_no_replica',
    `mekare: cluster "${cluster.name}" has no usable member for role ${config.role}: ${why}`,
  ] as const
}
