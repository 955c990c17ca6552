// What the proxy shows of itself: its listeners, whether they would take a client now, and every session. Changes nothing.

import { type ListenerStatus, type ListenerTotals, SESSION_STATES, type SessionStatus } from '../pools/status.js'
import type { ByteCount } from '../sessions/byte-totals.js'
import type { Table } from '../sessions/table.js'
import { formatAddress, ownAddress } from '../topology/address.js'
import type { Address } from '../topology/topology.js'
import { type Ms, ms } from '../units/units.js'
import type { Listener } from './listener.js'
import { moved, type Session } from './session.js'
import { refusalOf } from './waitroom.js'

/** A listener as the proxy knows it: what is counted out of events is not its business. */
export type ListenerNow = Omit<ListenerStatus, 'totals'> & Pick<ListenerTotals, 'came'>

/** Who is at a listener, and how many came since the start. */
export type AtListener = Pick<ListenerNow, 'name' | 'sessions' | 'came'>

export interface Showing {
  ready(listen: string): { readonly ok: boolean; readonly why: string }
  /** Whether it could serve, once it listens. */
  couldServe(listen: string): { readonly ok: boolean; readonly why: string }
  listeners(): ListenerNow[]
  /** Of each listener only that, for who asks often. */
  atListeners(): AtListener[]
  sessions(): SessionStatus[]
  sessionsOn(cluster: string, member: string): number
  /** The most sessions on a member at one time. */
  mostOn(cluster: string, member: string): number
  /** What every joined session has moved so far. */
  moved(): Iterable<ByteCount>
}

export interface ShowingDeps {
  readonly table: Table<Session>
  readonly now: () => Ms
  /** One that is in force. */
  readonly listener: (name: string) => Listener
  /** Those in force, and those taken away that still have sessions. */
  readonly shown: () => readonly Listener[]
  readonly inForce: (name: string) => boolean
  /** Where it listens, as bound; undefined: it does not. */
  readonly address: (name: string) => string | undefined
  readonly maxSessions: () => number
  readonly stopping: () => boolean
  /** Another process listens in this one's place, and could serve when it took over. */
  readonly handedOver: () => boolean
  /** For how long an operator has had everyone new wait there. */
  readonly pausedFor: (listen: string) => Ms | undefined
}

const byAge = (a: Session, b: Session) => a.id - b.id

/** Our own end of a link that no engine has yet: during a login. */
const ownOf = ({ login, state }: Session): Address | undefined =>
  (state === 'joined' && login?.link && ownAddress(login.link)) || undefined

export function createShowing(deps: ShowingDeps): Showing {
  const { table, now } = deps

  function readiness(listener: Listener): { ok: boolean; why: string } {
    const { name } = listener
    if (deps.stopping()) return { ok: false, why: 'the proxy is stopping' }
    if (!deps.inForce(name)) return { ok: false, why: 'taken away by a reload; its sessions end by themselves' }
    // Whoever still asks this process after a restart asks about the address, where the next one listens.
    if (deps.address(name) === undefined && !deps.handedOver()) return { ok: false, why: 'not listening yet' }
    return serving(listener)
  }

  function serving(listener: Listener): { ok: boolean; why: string } {
    const { name, cluster, rules } = listener
    const usable = cluster.pool(rules()).filter(entry => entry.usable)
    if (usable.length > 0 && deps.pausedFor(name) === undefined)
      return { ok: true, why: `takes sessions for ${usable.map(entry => entry.member.name).join(', ')}` }
    return { ok: false, why: refusalOf(listener, now())[1] }
  }

  function atListener({ name }: Listener): AtListener {
    const count = (state: (typeof SESSION_STATES)[number]) => table.count(name, state)
    return {
      name,
      sessions: {
        startup: count('startup'),
        held: count('held'),
        dialing: count('dialing'),
        joined: count('joined'),
      },
      came: table.arrivals(name, now()).total,
    }
  }

  function listenerNow(listener: Listener): ListenerNow {
    const { name } = listener
    const { cluster, role, max, maxHeld } = listener.rules()
    const { ok, why } = readiness(listener)
    const { sessions, came } = atListener(listener)
    const { rate, mostRate, lastAgo } = table.arrivals(name, now())
    const waiting = waitingSince(name)
    const paused = deps.pausedFor(name)
    return {
      name,
      cluster,
      role,
      ...(paused === undefined ? {} : { paused }),
      address: deps.address(name) ?? 'not listening',
      ready: ok,
      why,
      sessions,
      limits: { open: max === 'auto' ? deps.maxSessions() : max, held: maxHeld },
      most: { ...table.most(name), rate: mostRate },
      came,
      rate,
      ...(waiting === undefined ? {} : { waitingFor: ms(now() - waiting) }),
      ...(lastAgo === undefined ? {} : { lastAgo }),
    }
  }

  function waitingSince(name: string): Ms | undefined {
    let since: Ms | undefined
    for (const session of table.in('held'))
      if (session.listen === name && (since === undefined || session.since < since)) since = session.since
    return since
  }

  function statusOf(session: Session): SessionStatus {
    const { id, client, via, state, member, linkedTo, connectTook } = session
    const own = session.attached?.linkName() ?? ownOf(session)
    return {
      id,
      listen: session.listen,
      client,
      state: state === 'closing' ? 'joined' : state,
      for: ms(now() - session.since),
      ...moved(session),
      ...(via === undefined ? {} : { via }),
      ...(member === undefined ? {} : { member }),
      ...(linkedTo === undefined ? {} : { backend: formatAddress(linkedTo) }),
      ...(own === undefined ? {} : { backendClient: formatAddress(own) }),
      ...(connectTook === undefined ? {} : { connectTook }),
    }
  }

  return {
    ready: name => readiness(deps.listener(name)),
    couldServe: name => serving(deps.listener(name)),
    listeners: () => deps.shown().map(listenerNow),
    atListeners: () => deps.shown().map(atListener),
    sessions: () => SESSION_STATES.flatMap(state => [...table.in(state)].sort(byAge).map(statusOf)),
    sessionsOn: table.on,
    mostOn: table.mostOn,
    *moved() {
      for (const session of table.in('joined')) {
        const { listen, member } = session
        if (member !== undefined) yield { listen, member, ...moved(session) }
      }
    },
  }
}
