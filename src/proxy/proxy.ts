// The proxy as a whole: its listeners, waiting rooms and janitor, and what a change of a cluster does to its sessions.

import type { Config, ListenConfig } from '../config/shape.js'
import type { Bind, Listening } from '../listening/listening.js'
import type { Engine } from '../relay/relay.js'
import { createTable, STATES } from '../sessions/table.js'
import { type Ms, ms } from '../units/units.js'
import { createAccept } from './accept.js'
import { createCancelLimit } from './cancel.js'
import { createEntrances, type ListenersPlan, type Prepared } from './entrances.js'
import { startJanitor } from './janitor.js'
import { createListener, type Listener } from './listener.js'
import { reconcile } from './reconcile.js'
import type { ClusterView, Room } from './room.js'
import { cut, drop, refuse, type Session, type SessionDeps } from './session.js'
import { createShowing, type Showing } from './showing.js'

/** How long the refused and the cut have to take their last bytes at a stop. */
const LAST_WORDS = ms(500)

/** So many refused clients may take their time to go, where there are descriptors for it. */
const MOST_CLOSING = 500

export interface DescriptorsInUse {
  /** How many this process may have. */
  limit(): number
  /** How many of them sessions may take. */
  forSessions(): number
  /** Somebody needed one and found none. */
  missing(): void
}

export interface ProxyDeps extends Pick<SessionDeps, 'report' | 'now'> {
  readonly engine: Engine
  readonly chance: () => number
  readonly bind: Bind
  /** Those to begin with. */
  readonly clusters: ReadonlyMap<string, ClusterView>
  readonly listen: Config['listen']
  readonly maxSessions: () => number
  readonly descriptors: DescriptorsInUse
  /** Time passes for the clusters too: told how late it comes, gives in how many ms it is to be called again at the latest. */
  readonly tick: (late: Ms) => number
  readonly bug: (error: unknown) => void
}

export interface ProxyServer extends Showing {
  /**
   * Opens the sockets that a plan wants opened. Nothing has changed before commit(), which makes listeners what the plan says: a
   * session goes on as it came, one that has not joined a member yet goes by the new rules where its listener goes on.
   */
  prepare(plan: ListenersPlan, clusters: ReadonlyMap<string, ClusterView>): Promise<Prepared>
  /** A cluster has changed: cuts what must be cut, ends dials that have become wrong, lets held clients through. */
  reconcile(cluster: ClusterView): void
  /** Another process accepts in this one's place; whoever came here stays. Resolves once nobody is left or `within` is over. */
  leave(within: Ms): Promise<void>
  /** Every socket that listens. */
  listening(): readonly Listening[]
  /** Takes nobody new, answers those who wait, and resolves once every session has ended or `within` is over. */
  drain(within: Ms): Promise<void>
  /** Ends every session now; resolves when no socket is left. */
  stop(): Promise<void>
  /** It takes nobody new any more. */
  stopping(): boolean
  /** From now on everyone new waits there, since `since`; undefined: they go on. Sessions that are joined are not touched. */
  pause(listen: string, since: Ms | undefined): void
  /** For how long, by listener. */
  paused(): ReadonlyMap<string, Ms>
  /** Ends a session, by its number; false: there is none. */
  cut(id: number): boolean
  /** Whether a session is left that came to this cluster. */
  uses(cluster: ClusterView): boolean
  size(): number
}

/** Builds the proxy; nothing listens until open(). */
export function createProxy(deps: ProxyDeps): ProxyServer {
  const table = createTable<Session>()
  const keys = new Map<string, Session>()
  const listeners = new Map<string, Listener>()
  /** Those that a reload took away while they had sessions. */
  const retired = new Set<Listener>()
  /** Since when an operator has had them wait, by name: a reload leaves it so. */
  const pausedSince = new Map<string, Ms>()
  let stopping = false
  let handedOver = false
  const { report, now } = deps

  const crowded = () => table.in('closing').size > MOST_CLOSING || table.descriptors() > deps.descriptors.forSessions()
  const shared: SessionDeps = { table, report, now, keys, crowded, unanswered: new Set() }
  const pausedFor = (listen: string) => {
    const since = pausedSince.get(listen)
    return since === undefined ? undefined : ms(now() - since)
  }
  const make = (name: string, rules: ListenConfig, clusters: ReadonlyMap<string, ClusterView>) =>
    createListener(name, rules, found(clusters, rules.cluster, 'cluster'), { ...shared, pausedFor })
  for (const [name, rules] of Object.entries(deps.listen)) listeners.set(name, make(name, rules, deps.clusters))

  const room: Room = {
    ...shared,
    engine: deps.engine,
    chance: deps.chance,
    cancelLimit: createCancelLimit(),
    stopping: () => stopping,
    bug(error, session) {
      deps.bug(error)
      drop(session, 'bug', room)
    },
    noDescriptor() {
      deps.descriptors.missing()
      return `mekare: too many clients: this proxy has no file descriptor left of ${deps.descriptors.limit()}`
    },
  }
  const accept = createAccept({ room, maxSessions: deps.maxSessions, stir: () => janitor.stir() })
  const pumpAll = () => {
    for (const { waitroom } of [...listeners.values(), ...retired]) if (waitroom.size() > 0) waitroom.pump()
  }
  const janitor = startJanitor(room, late => {
    const due = deps.tick(late)
    pumpAll()
    return due
  })

  const entrances = createEntrances({
    accept,
    bind: deps.bind,
    wires: deps.engine.wires,
    opened: ({ listening, leadsTo }) => report({ kind: 'listening', listen: leadsTo().name, address: listening.bound }),
  })

  async function prepare(plan: ListenersPlan, clusters: ReadonlyMap<string, ClusterView>): Promise<Prepared> {
    const next = new Map(
      plan.listeners.map(({ name, rules, goesOn }) => {
        const old = goesOn ? listeners.get(name) : undefined
        return [name, old ?? make(name, rules, clusters)]
      }),
    )
    const prepared = await entrances.prepare(plan, ({ name }) => found(next, name, 'listener'))
    if (!prepared.ok) return prepared
    const { commit, abort } = prepared.change
    const change = {
      abort,
      commit() {
        commit()
        for (const listener of listeners.values()) if (next.get(listener.name) !== listener) retired.add(listener)
        listeners.clear()
        for (const [name, listener] of next) listeners.set(name, listener)
        for (const { name, rules } of plan.listeners) listeners.get(name)?.setRules(rules)
        for (const name of pausedSince.keys()) if (!listeners.has(name)) pausedSince.delete(name)
        forgetRetired()
        janitor.stir()
      },
    }
    return { ok: true, change }
  }

  const sessions = () => STATES.flatMap(state => [...table.in(state)])

  /** A listener that was taken away is forgotten with its last session. */
  function forgetRetired(): void {
    if (retired.size === 0) return
    const inUse = new Set(sessions().map(({ listener }) => listener))
    for (const listener of retired) if (!inUse.has(listener)) retired.delete(listener)
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
    prepare,
    reconcile(cluster) {
      reconcile(cluster, room)
      pumpAll()
      janitor.stir()
    },
    async leave(within) {
      handedOver = true
      entrances.closeAll()
      await until(() => table.size() === 0, within)
    },
    listening: entrances.all,
    async drain(within) {
      stopping = true
      entrances.closeAll()
      refuseWaiting()
      await until(() => table.in('joined').size === 0, within)
    },
    async stop() {
      stopping = true
      entrances.closeAll()
      refuseWaiting()
      for (const session of table.in('joined')) cut(session, 'cut_shutdown')
      await until(() => table.size() === 0, LAST_WORDS)
      janitor.stop()
      for (const session of [...table.in('joined'), ...table.in('closing')]) session.login?.socket.destroy()
    },
    stopping: () => stopping,
    pause(listen, since) {
      if (since === undefined) pausedSince.delete(listen)
      else pausedSince.set(listen, since)
      for (const session of table.in('dialing'))
        if (since !== undefined && session.listen === listen) session.login?.interrupt()
      pumpAll()
    },
    paused: () => new Map([...pausedSince.keys()].map(listen => [listen, pausedFor(listen) ?? ms(0)])),
    cut(id) {
      const session = table.get(id)
      if (session === undefined || session.state === 'closing' || session.cutting) return false
      const { state, listen, cluster, member } = session
      if (state === 'joined' && member !== undefined) {
        report({ kind: 'sessions_cut', cluster, listen, member, end: 'cut_operator', count: 1 })
        cut(session, 'cut_operator')
      } else refuse(session, 'refused_operator', 'mekare: an operator has ended this connection', room)
      return true
    },
    uses: cluster => sessions().some(({ listener }) => listener.cluster === cluster),
    ...createShowing({
      table,
      now,
      listener: name => found(listeners, name, 'listener'),
      shown: () => [...listeners.values(), ...onlyRetired()],
      inForce: name => listeners.has(name),
      address: name => entrances.get(name)?.bound,
      maxSessions: deps.maxSessions,
      stopping: () => stopping,
      handedOver: () => handedOver,
      pausedFor,
    }),
    size: () => table.size(),
  }

  /** A name that is in force again stands for both. */
  function onlyRetired(): readonly Listener[] {
    forgetRetired()
    return [...retired].filter(({ name }) => !listeners.has(name))
  }
}

function found<V>(map: ReadonlyMap<string, V>, name: string, what: string): V {
  const value = map.get(name)
  if (value === undefined) throw new Error(`${what} "${name}" is not configured`)
  return value
}
