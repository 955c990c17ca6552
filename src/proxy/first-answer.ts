// After a leader change: when the first of those who have logged in to write since got an answer. Looked for by the janitor: nobody
// waits for it.

import type { Ms } from '../units/units.js'
import type { Room } from './room.js'
import type { Session } from './session.js'

const isDue = ({ config, listener }: Session): boolean =>
  config.role === 'primary' && listener.cluster.state().awaited === 'answer'

/** It has logged in, and the relay has it. */
export function awaitAnswer(session: Session, { unanswered }: Room): void {
  if (isDue(session)) unanswered.add(session)
}

/** Tells each cluster the earliest answer of those that were waited for. */
export function lookForAnswers({ unanswered }: Pick<Room, 'unanswered'>): void {
  if (unanswered.size === 0) return
  const first = new Map<Session['listener']['cluster'], { readonly session: Session; readonly ago: Ms }>()
  for (const session of unanswered) {
    if (session.end || !isDue(session)) {
      unanswered.delete(session)
      continue
    }
    const { cluster } = session.listener
    const ago = session.attached?.firstAnswer()
    if (ago !== undefined && ago > (first.get(cluster)?.ago ?? -1)) first.set(cluster, { session, ago })
  }
  for (const { session, ago } of first.values()) tellAnswer(session, ago)
}

/** The session was first answered so long ago. */
export function tellAnswer({ config, listener, member }: Session, ago: Ms | undefined): void {
  if (ago === undefined || member === undefined || config.role !== 'primary') return
  listener.cluster.tell({ kind: 'answered', member, ago })
}
