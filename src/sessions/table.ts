// The table of sessions: one group per state, so that the size of the group is the gauge and moving between groups is the transition.
// Knows limits and counts. Never touches a socket.

import { type Ms, ms } from '../units/units.js'
import { Group, type Placed } from './group.js'
import { createRate, type Rate } from './rate.js'

export const STATES = ['startup', 'held', 'dialing', 'joined', 'closing'] as const
export type SessionState = (typeof STATES)[number]

/** What the table needs of a session; the proxy's own sessions carry more. */
export interface Row extends Placed {
  readonly id: number
  readonly listen: string
  readonly cluster: string
  /** The client's host, without port; empty for a Unix socket, and until it is known. Of all who come from one, one string is kept. */
  host: string
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
  /** The same for the address alone, of one that is in the table under no host yet. */
  refusalOfHost(host: string, maxPerAddress: number): string | undefined
  add(session: S): void
  /** Its host is known only now: that of the client behind a balancer. */
  identify(session: S, host: string): void
  move(session: S, to: SessionState, member?: string): void
  remove(session: S): void
  in(state: SessionState): Sessions<S>
  get(id: number): S | undefined
  size(): number
  /** How many descriptors they have open between them: two once there is a link, or one under way. */
  descriptors(): number
  /** Sessions joined with or being dialled to a member, over all listeners of its cluster. */
  on(cluster: string, member: string): number
  count(listen: string, state: SessionState): number
  /** The most of a listener at one time: of all that hold a place, and of those held. */
  most(listen: string): { readonly open: number; readonly held: number }
  /** The most on a member at one time. */
  mostOn(cluster: string, member: string): number
  /** Those that came to a listener since the start: how many, how many in a second now and at most, and how long ago the last. */
  arrivals(listen: string, now: Ms): Arrivals
}

/** Those in one state, in no order; they may change their states while one looks at each of them. */
export interface Sessions<S extends Row> extends Iterable<S> {
  readonly size: number
}

export interface Arrivals {
  readonly total: number
  readonly rate: number
  readonly mostRate: number
  readonly lastAgo?: Ms
}

interface Came {
  total: number
  lastAt: Ms
  readonly rate: Rate
}

export function createTable<S extends Row>(): Table<S> {
  const groups = Object.fromEntries(STATES.map(state => [state, new Group<S>()])) as Record<SessionState, Group<S>>
  const hosts = new Map<string, { readonly name: string; count: number }>()
  const members = new Map<string, number>()
  const listens = new Map<string, number>()
  const perListen = new Map<string, number>()
  const mosts = {
    members: new Map<string, number>(),
    listens: new Map<string, number>(),
    perListen: new Map<string, number>(),
  }
  const came = new Map<string, Came>()

  const size = () => STATES.reduce((sum, state) => sum + groups[state].size, 0)
  const bump = (map: Map<string, number>, key: string, by: 1 | -1, most?: Map<string, number>) => {
    const n = (map.get(key) ?? 0) + by
    map.set(key, n)
    if (most !== undefined && n > (most.get(key) ?? 0)) most.set(key, n)
  }
  const bookHost = (session: S, by: 1 | -1) => {
    const host = hosts.get(session.host) ?? { name: session.host, count: 0 }
    host.count += by
    session.host = host.name
    if (host.count === 0) hosts.delete(host.name)
    else if (host.count === 1) hosts.set(host.name, host)
  }
  // One that is closing holds no place: it has been answered, and only its socket is still to go.
  const book = (session: S, by: 1 | -1) => {
    if (session.state !== 'closing') {
      bookHost(session, by)
      bump(perListen, session.listen, by, mosts.perListen)
    }
    bump(listens, `${session.listen}/${session.state}`, by, mosts.listens)
    if (session.member !== undefined) bump(members, `${session.cluster}/${session.member}`, by, mosts.members)
  }
  const arrive = ({ listen, acceptedAt }: S) => {
    const arrivals = came.get(listen) ?? { total: 0, lastAt: acceptedAt, rate: createRate() }
    arrivals.total++
    arrivals.lastAt = acceptedAt
    arrivals.rate.note(acceptedAt)
    came.set(listen, arrivals)
  }

  const refusalOfHost = (host: string, maxPerAddress: number) => {
    if (maxPerAddress === 0 || host === '' || (hosts.get(host)?.count ?? 0) < maxPerAddress) return undefined
    return `maxPerAddress is ${maxPerAddress}, and ${host} has as many sessions`
  }

  return {
    refusalOfHost,
    refusal({ host, listen }, limits) {
      if (size() - groups.closing.size >= limits.all) return `session.max is ${limits.all}`
      if (limits.listen !== 'auto' && (perListen.get(listen) ?? 0) >= limits.listen)
        return `listen.${listen}.max is ${limits.listen}`
      return refusalOfHost(host, limits.maxPerAddress)
    },
    add(session) {
      groups[session.state].add(session)
      book(session, 1)
      arrive(session)
    },
    identify(session, host) {
      const there = session.place >= 0
      if (there) book(session, -1)
      session.host = host
      if (there) book(session, 1)
    },
    move(session, to, member) {
      if (session.place < 0) return
      book(session, -1)
      groups[session.state].delete(session)
      session.state = to
      session.member = member
      groups[to].add(session)
      book(session, 1)
    },
    remove(session) {
      if (session.place < 0) return
      groups[session.state].delete(session)
      book(session, -1)
    },
    in: state => groups[state],
    get(id) {
      for (const state of STATES) for (const session of groups[state]) if (session.id === id) return session
      return undefined
    },
    size,
    descriptors: () => size() + groups.dialing.size + groups.joined.size,
    on: (cluster, member) => members.get(`${cluster}/${member}`) ?? 0,
    count: (listen, state) => listens.get(`${listen}/${state}`) ?? 0,
    most: listen => ({ open: mosts.perListen.get(listen) ?? 0, held: mosts.listens.get(`${listen}/held`) ?? 0 }),
    mostOn: (cluster, member) => mosts.members.get(`${cluster}/${member}`) ?? 0,
    arrivals(listen, now) {
      const arrivals = came.get(listen)
      if (arrivals === undefined) return { total: 0, rate: 0, mostRate: 0 }
      const { total, rate, lastAt } = arrivals
      return { total, rate: rate.now(now), mostRate: rate.most(), lastAgo: ms(now - lastAt) }
    },
  }
}
