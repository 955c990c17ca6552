// The proxy as a whole: its listeners, waiting rooms and janitor, and what a change of a cluster does to its sessions.

import type { Config } from '../config/shape.js'
import type { ClusterState } from '../pools/cluster.js'
import { mustCut } from '../pools/cut.js'
import type { ListenerStatus, SessionStatus } from '../pools/status.js'
import type { Engine } from '../relay/relay.js'
import type { End } from '../sessions/end.js'
import { createTable } from '../sessions/table.js'
import { type Ms, ms } from '../units/units.js'
import { createAccept } from './accept.js'
import { joinedOf } from './attempt.js'
import { createCancelLimit } from './cancel.js'
import { type Entrance, type Opened, openEntrance } from './entrance.js'
import { startJanitor } from './janitor.js'
import { createListener, type Listener } from './listener.js'
import type { ClusterView, KeyHome, Room } from './room.js'
import { cut, drop, movedBytes, refuse, type Session, type SessionDeps } from './session.js'
import { stopWait } from './wait.js'
import { refusalOf } from './waitroom.js'

/** How long the refused and the cut have to take their last bytes at a stop. */
const LAST_WORDS = ms(500)

export interface ProxyDeps extends Pick<SessionDeps, 'report' | 'now'> {
  readonly engine: Engine
  readonly chance: () => number
  readonly clusters: ReadonlyMap<string, ClusterView>
  /** The configuration in force; asked each time. */
  readonly config: () => Pick<Config, 'listen'>
  readonly maxSessions: () => number
  /** Called every 100 ms: time passes for the clusters too. */
  readonly tick: () => void
  readonly bug: (error: unknown) => void
}

export type OpenProblem = Pick<Extract<Opened, { ok: false }>, 'why' | 'passing'>

export interface ProxyServer {
  /** Opens every listener. The problems of those that could not be; then none is open. */
  open(): Promise<readonly OpenProblem[]>
  /** A cluster has changed: cuts what must be cut, ends dials that have become wrong, lets held clients through. */
  reconcile(cluster: ClusterView): void
  /** Takes nobody new, answers those who wait, and resolves once every session has ended or `within` is over. */
  drain(within: Ms): Promise<void>
  /** Ends every session now; resolves when no socket is left. */
  stop(): Promise<void>
  /** It takes nobody new any more. */
  stopping(): boolean
  ready(listen: string): { readonly ok: boolean; readonly why: string }
  listeners(): ListenerStatus[]
  sessions(): SessionStatus[]
  sessionsOn(cluster: string, member: string): number
  size(): number
}

/** Builds the proxy; nothing listens until open(). */
export function createProxy(deps: ProxyDeps): ProxyServer {
  const table = createTable<Session>()
  const keys = new Map<string, KeyHome>()
  const listeners = new Map<string, Listener>()
  const entrances = new Map<string, Entrance>()
  let stopping = false
  const { report, now } = deps

  for (const [name, rules] of Object.entries(deps.config().listen))
    listeners.set(
      name,
      createListener(name, rules, found(deps.clusters, rules.cluster, 'cluster'), { table, report, now }),
    )

  const room: Room = {
    table,
    report,
    now,
    keys,
    engine: deps.engine,
    chance: deps.chance,
    cancelLimit: createCancelLimit(),
    stopping: () => stopping,
  }
  const accept = createAccept({
    room,
    maxSessions: deps.maxSessions,
    bug(error, session) {
      deps.bug(error)
      drop(session, 'bug', room)
    },
  })
  const pumpAll = () => {
    for (const { waitroom } of listeners.values()) if (waitroom.size() > 0) waitroom.pump()
  }
  const stopJanitor = startJanitor(room, () => {
    deps.tick()
    pumpAll()
  })

  async function openAll(): Promise<readonly OpenProblem[]> {
    const problems: OpenProblem[] = []
    for (const [name, listener] of listeners) {
      const opened = await openEntrance(name, listener.rules().address, socket => accept(socket, listener))
      if (opened.ok) entrances.set(name, opened.entrance)
      else problems.push(opened)
    }
    if (problems.length > 0) closeAll()
    else for (const [listen, { address }] of entrances) report({ kind: 'listening', listen, address })
    return problems
  }

  const closeAll = () => {
    for (const entrance of entrances.values()) entrance.close()
    entrances.clear()
  }

  function reconcile(cluster: ClusterView): void {
    const state = cluster.state()
    cutWrong(cluster, state)
    for (const session of table.in('dialing')) if (session.listener.cluster === cluster) endWrongDial(session, state)
    pumpAll()
  }

  function cutWrong(cluster: ClusterView, state: ClusterState): void {
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
  }

  /** A dial to a member that is no longer the primary, or that health has given up, need not wait for its time limit. */
  function endWrongDial(session: Session, { gate, health }: ClusterState): void {
    const { member } = session
    if (member === undefined) return
    const wrong = session.config.role === 'primary' && !(gate.kind === 'open' && gate.member === member)
    if (wrong || health.get(member)?.up === false) stopWait(session, 'interrupted')
  }

  /** Looks every 20 ms; gives up after `most`, or once everything was ended by other means. */
  async function until(done: () => boolean, most: Ms): Promise<void> {
    const giveUpAt = now() + most
    while (!done() && now() < giveUpAt) await new Promise(resolve => setTimeout(resolve, 20))
  }

  function refuseWaiting(): void {
    for (const state of ['startup', 'held', 'dialing'] as const)
      for (const session of [...table.in(state)])
        refuse(session, 'refused_shutdown', 'mekare: the proxy is stopping', room)
  }

  return {
    open: openAll,
    reconcile,
    async drain(within) {
      stopping = true
      closeAll()
      refuseWaiting()
      await until(() => table.in('joined').size === 0, within)
    },
    async stop() {
      stopping = true
      closeAll()
      refuseWaiting()
      for (const session of table.in('joined')) cut(session, 'cut_shutdown')
      await until(() => table.size() === 0, LAST_WORDS)
      stopJanitor()
      for (const session of [...table.in('joined'), ...table.in('closing')]) session.socket.destroy()
    },
    stopping: () => stopping,
    ready: name => readiness(found(listeners, name, 'listener')),
    listeners: () => [...listeners.values()].map(listenerStatus),
    sessions: () =>
      (['startup', 'held', 'dialing', 'joined'] as const).flatMap(state => [...table.in(state)].map(statusOf)),
    sessionsOn: (cluster, member) => table.on(cluster, member),
    size: () => table.size(),
  }

  function readiness({ name, cluster, rules }: Listener): { ok: boolean; why: string } {
    if (stopping) return { ok: false, why: 'the proxy is stopping' }
    if (!entrances.has(name)) return { ok: false, why: 'not listening yet' }
    const usable = cluster.pool(rules()).filter(entry => entry.usable)
    if (usable.length > 0)
      return { ok: true, why: `takes sessions for ${usable.map(entry => entry.member.name).join(', ')}` }
    return { ok: false, why: refusalOf(rules(), cluster, now())[1] }
  }

  function listenerStatus(listener: Listener): ListenerStatus {
    const { name } = listener
    const count = (state: 'startup' | 'held' | 'dialing' | 'joined') => table.count(name, state)
    const { ok, why } = readiness(listener)
    const { cluster, role } = listener.rules()
    const sessions = {
      startup: count('startup'),
      held: count('held'),
      dialing: count('dialing'),
      joined: count('joined'),
    }
    return { name, cluster, role, ready: ok, why, sessions, address: entrances.get(name)?.address ?? 'not listening' }
  }

  function statusOf(session: Session): SessionStatus {
    const { id, client, state, member, backendClient } = session
    return {
      id,
      listen: session.listen,
      client,
      state: state === 'closing' ? 'joined' : state,
      for: ms(now() - session.since),
      ...movedBytes(session),
      ...(member === undefined ? {} : { member }),
      ...(backendClient === undefined ? {} : { backendClient }),
    }
  }
}

function found<V>(map: ReadonlyMap<string, V>, name: string, what: string): V {
  const value = map.get(name)
  if (value === undefined) throw new Error(`${what} "${name}" is not configured`)
  return value
}
