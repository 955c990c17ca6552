// The proxy as a whole: its listeners, waiting rooms and janitor, and what a change of a cluster does to its sessions.

import type { ListenConfig } from '../config/shape.js'
import type { ClusterState } from '../pools/cluster.js'
import { mustCut } from '../pools/cut.js'
import type { ListenerStatus, SessionStatus } from '../pools/status.js'
import type { Engine } from '../relay/relay.js'
import type { End } from '../sessions/end.js'
import { createTable } from '../sessions/table.js'
import { type Ms, ms } from '../units/units.js'
import { joinedOf } from './attempt.js'
import { createCancelLimit } from './cancel.js'
import { startJanitor } from './janitor.js'
import { type Listener, listen, type Opened } from './listener.js'
import type { ClusterView, KeyHome, Room, Waitroom } from './room.js'
import { cut, drop, movedBytes, refuse, type Session, type SessionDeps } from './session.js'
import { stopWait } from './wait.js'
import { createWaitroom, refusalOf } from './waitroom.js'

/** How long the refused and the cut have to take their last bytes at a stop. */
const LAST_WORDS = ms(500)

export interface ProxyDeps extends Pick<SessionDeps, 'report' | 'now'> {
  readonly engine: Engine
  readonly chance: () => number
  readonly clusters: ReadonlyMap<string, ClusterView>
  readonly listens: ReadonlyMap<string, ListenConfig>
  readonly maxSessions: number
  /** Called every 100 ms: time passes for the clusters too. */
  readonly tick: () => void
  readonly bug: (error: unknown) => void
}

export type OpenProblem = Pick<Extract<Opened, { ok: false }>, 'why' | 'passing'>

export interface ProxyServer {
  /** Opens every listener. The problems of those that could not be; then none is open. */
  open(): Promise<readonly OpenProblem[]>
  /** A cluster has changed: cuts what must be cut, ends dials that have become wrong, lets held clients through. */
  reconcile(cluster: string): void
  /** Takes nobody new, answers those who wait, and resolves once every session has ended or `within` is over. */
  drain(within: Ms): Promise<void>
  /** Ends every session now; resolves when no socket is left. */
  stop(): Promise<void>
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
  const open = new Map<string, Listener>()
  const waitrooms = new Map<string, Waitroom>()
  const turns = new Map<string, number>()
  let stopping = false
  let lastId = 0
  const { report, now } = deps

  const clusterOf = (name: string): ClusterView => found(deps.clusters, name, 'cluster')
  const configOf = (name: string): ListenConfig => found(deps.listens, name, 'listener')
  for (const [name, config] of deps.listens)
    waitrooms.set(
      name,
      createWaitroom(() => configOf(name), clusterOf(config.cluster), { table, report, now }),
    )

  const room: Room = {
    table,
    report,
    now,
    keys,
    engine: deps.engine,
    chance: deps.chance,
    cancelLimit: createCancelLimit(),
    cluster: of => clusterOf(of.cluster),
    turn(listen) {
      const turn = (turns.get(listen) ?? 0) + 1
      turns.set(listen, turn)
      return turn
    },
    queue: name => found(waitrooms, name, 'listener'),
    stopping: () => stopping,
  }
  const pumpAll = () => {
    for (const waitroom of waitrooms.values()) if (waitroom.queue.size() > 0) waitroom.pump()
  }
  const stopJanitor = startJanitor(room, () => {
    deps.tick()
    pumpAll()
  })

  async function openAll(): Promise<readonly OpenProblem[]> {
    const problems: OpenProblem[] = []
    for (const name of deps.listens.keys()) {
      const bug = (error: unknown, session: Session) => {
        deps.bug(error)
        drop(session, 'bug', room)
      }
      const config = () => configOf(name)
      const opened = await listen({ room, name, config, nextId: () => ++lastId, maxSessions: deps.maxSessions, bug })
      if (opened.ok) open.set(name, opened.listener)
      else problems.push(opened)
    }
    if (problems.length > 0) closeAll()
    else for (const { name, address } of open.values()) report({ kind: 'listening', listen: name, address })
    return problems
  }

  const closeAll = () => {
    for (const listener of open.values()) listener.close()
    open.clear()
  }

  function reconcile(cluster: string): void {
    const state = clusterOf(cluster).state()
    cutWrong(cluster, state)
    for (const session of table.in('dialing')) if (session.cluster === cluster) endWrongDial(session, state)
    pumpAll()
  }

  function cutWrong(cluster: string, state: ClusterState): void {
    const counts = new Map<string, { listen: string; member: string; end: End; count: number }>()
    for (const session of table.in('joined')) {
      if (session.cluster !== cluster || session.member === undefined || session.cutting) continue
      const end = mustCut(state, joinedOf(session, session.member))
      if (!end) continue
      const key = `${session.listen}/${session.member}/${end}`
      const tally = counts.get(key) ?? { listen: session.listen, member: session.member, end, count: 0 }
      counts.set(key, { ...tally, count: tally.count + 1 })
      cut(session, end)
    }
    for (const tally of counts.values()) report({ kind: 'sessions_cut', cluster, ...tally })
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
    ready: name => readiness(name),
    listeners: () => [...deps.listens].map(([name, config]) => listenerStatus(name, config)),
    sessions: () =>
      (['startup', 'held', 'dialing', 'joined'] as const).flatMap(state => [...table.in(state)].map(statusOf)),
    sessionsOn: (cluster, member) => table.on(cluster, member),
    size: () => table.size(),
  }

  function readiness(name: string): { ok: boolean; why: string } {
    const config = configOf(name)
    if (stopping) return { ok: false, why: 'the proxy is stopping' }
    if (!open.has(name)) return { ok: false, why: 'not listening yet' }
    const usable = clusterOf(config.cluster)
      .pool(config)
      .filter(entry => entry.usable)
    if (usable.length > 0)
      return { ok: true, why: `takes sessions for ${usable.map(entry => entry.member.name).join(', ')}` }
    return { ok: false, why: refusalOf(config, clusterOf(config.cluster), now())[1] }
  }

  function listenerStatus(name: string, config: ListenConfig): ListenerStatus {
    const count = (state: 'startup' | 'held' | 'dialing' | 'joined') => table.count(name, state)
    const { ok, why } = readiness(name)
    const { cluster, role } = config
    const sessions = {
      startup: count('startup'),
      held: count('held'),
      dialing: count('dialing'),
      joined: count('joined'),
    }
    return { name, cluster, role, ready: ok, why, sessions, address: open.get(name)?.address ?? 'not listening' }
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
