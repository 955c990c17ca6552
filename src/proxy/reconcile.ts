// What a change of a cluster does to its sessions: cuts those that may not go on, and ends dials that have become wrong.

import type { ClusterState } from '../pools/cluster.js'
import { mustCut } from '../pools/cut.js'
import type { End } from '../sessions/end.js'
import { joinedOf } from './attempt.js'
import type { ClusterView, Room } from './room.js'
import { cut, type Session } from './session.js'

/** Looks at every session of the cluster that is joined or being dialled. */
export function reconcile(cluster: ClusterView, { table, report }: Pick<Room, 'table' | 'report'>): void {
  const state = cluster.state()
  const counts = new Map<string, { listen: string; member: string; end: End; count: number }>()
  for (const session of table.in('joined')) {
    if (session.listener.cluster !== cluster || session.member === undefined || session.cutting) continue
    const end = mustCut(state, joinedOf(session, session.member))
    if (!end) continue
    const key = `${session.listen}/${session.member}/${end}`
    const tally = counts.get(key) ?? { listen: session.listen, member: session.member, end, count: 0 }
    counts.set(key, { ...tally, count: tally.count + 1 })
    cut(session, end)
  }
  for (const tally of counts.values()) report({ kind: 'sessions_cut', cluster: cluster.name, ...tally })
  for (const session of table.in('dialing')) if (session.listener.cluster === cluster) endWrongDial(session, state)
}

/** A dial to a member that is no longer the primary, or that health has given up, need not wait for its time limit. */
function endWrongDial(session: Session, { gate, health, poolers }: ClusterState): void {
  const { member, config } = session
  if (member === undefined) return
  const wrong = config.role === 'primary' && !(gate.kind === 'open' && gate.member === member)
  const dead = health.get(member)?.up === false || (config.target === 'pooler' && poolers.get(member)?.up === false)
  if (wrong || dead) session.login?.interrupt()
}
