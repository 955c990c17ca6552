// The table of sessions: one Set per state, so that the size of the Set is the gauge and moving between Sets is the transition.
// Knows limits and counts. Never touches a socket.

import type { Ms } from '../units/units.js'

export const STATES = ['startup', 'held', 'dialing', 'joined', 'closing'] as const
export type SessionState = (typeof STATES)[number]

/** What the table needs of a session; the proxy's own sessions carry more. */
export interface Row {
  readonly id: number
  readonly listen: string
  readonly cluster: string
  /** The client's host, without port; empty for a Unix socket. */
  readonly host: string
  readonly acceptedAt: Ms
  /** The member it is being dialled to or joined with. */
  member: string | undefined
  state: SessionState
}

export interface Limits {
  /** Of the whole process. */
  readonly all: number
  /** Of the listener; `auto`: only the process's. */
  readonly listen: number | 'auto'
  /** 0: no limit. Unix sockets have no address and are not limited by it. */
  readonly maxPerAddress: number
}

export interface Table<S extends Row> {
  /** The limit that forbids this one more, in words, or undefined. */
  refusal(session: Pick<S, 'host' | 'listen'>, limits: Limits): string | undefined
  add(session: S): void
  move(session: S, to: SessionState, member?: string): void
  remove(session: S): void
  in(state: SessionState): ReadonlySet<S>
  get(id: number): S | undefined
  size(): number
  /** Sessions joined with or being dialled to a member, over all listeners of its cluster. */
  on(cluster: string, member: string): number
  count(listen: string, state: SessionState): number
}

export function createTable<S extends Row>(): Table<S> {
  const sets = Object.fromEntries(STATES.map(state => [state, new Set<S>()])) as Record<SessionState, Set<S>>
  const ids = new Map<number, S>()
  const hosts = new Map<string, number>()
  const members = new Map<string, number>()
  const listens = new Map<string, number>()
  const perListen = new Map<string, number>()

  const bump = <K>(map: Map<K, number>, key: K, by: 1 | -1) => {
    const n = (map.get(key) ?? 0) + by
    if (n > 0) map.set(key, n)
    else map.delete(key)
  }
  // One that is closing holds no place: it has been answered, and only its socket is still to go.
  const book = (session: S, by: 1 | -1) => {
    if (session.state !== 'closing') {
      bump(hosts, session.host, by)
      bump(perListen, session.listen, by)
    }
    bump(listens, `${session.listen}/${session.state}`, by)
    if (session.member !== undefined) bump(members, `${session.cluster}/${session.member}`, by)
  }

  return {
    refusal({ host, listen }, limits) {
      if (ids.size - sets.closing.size >= limits.all) return `session.max is ${limits.all}`
      if (limits.listen !== 'auto' && (perListen.get(listen) ?? 0) >= limits.listen)
        return `listen.${listen}.max is ${limits.listen}`
      const { maxPerAddress } = limits
      if (maxPerAddress === 0 || host === '' || (hosts.get(host) ?? 0) < maxPerAddress) return undefined
      return `maxPerAddress is ${maxPerAddress}, and ${host} has as many sessions`
    },
    add(session) {
      ids.set(session.id, session)
      sets[session.state].add(session)
      book(session, 1)
    },
    move(session, to, member) {
      if (!ids.has(session.id)) return
      book(session, -1)
      sets[session.state].delete(session)
      session.state = to
      session.member = member
      sets[to].add(session)
      book(session, 1)
    },
    remove(session) {
      if (!ids.delete(session.id)) return
      sets[session.state].delete(session)
      book(session, -1)
    },
    in: state => sets[state],
    get: id => ids.get(id),
    size: () => ids.size,
    on: (cluster, member) => members.get(`${cluster}/${member}`) ?? 0,
    count: (listen, state) => listens.get(`${listen}/${state}`) ?? 0,
  }
}
