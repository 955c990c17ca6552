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
  at(place: number): S | undefined
}

export interface Arrivals {
  readonly total: number
  readonly rate: number
  readonly mostRate: number
  readonly lastAgo?: Ms
}

/** What is counted of a listener: a number for each state, and all that hold a place. */
interface Counts {
  readonly states: Record<SessionState, number>
  open: number
  readonly most: { open: number; held: number }
}

interface OfMember {
  now: number
  most: number
}

interface Came {
  total: number
  lastAt: Ms
  readonly rate: Rate
}

export function createTable<S extends Row>(): Table<S> {
  const groups = Object.fromEntries(STATES.map(state => [state, new Group<S>()])) as Record<SessionState, Group<S>>
  const hosts = new Map<string, { readonly name: string; count: number }>()
  const members = new Map<string, Map<string, OfMember>>()
  const listens = new Map<string, Counts>()
  const came = new Map<string, Came>()

  const size = () =>
    groups.startup.size + groups.held.size + groups.dialing.size + groups.joined.size + groups.closing.size
  // By names that are there already: a key made for it would be hashed anew each time.
  const countsOf = (listen: string): Counts => listens.get(listen) ?? setIn(listens, listen, noCounts())
  const ofMember = (cluster: string, member: string): OfMember => {
    const ofCluster = members.get(cluster) ?? setIn(members, cluster, new Map<string, OfMember>())
    return ofCluster.get(member) ?? setIn(ofCluster, member, { now: 0, most: 0 })
  }
  const bookHost = (session: S, by: 1 | -1) => {
    const host = hosts.get(session.host) ?? setIn(hosts, session.host, { name: session.host, count: 0 })
    host.count += by
    session.host = host.name
    if (host.count === 0) hosts.delete(host.name)
  }
  // One that is closing holds no place: it has been answered, and only its socket is still to go.
  const bookPlace = (session: S, by: 1 | -1) => {
    bookHost(session, by)
    const counts = countsOf(session.listen)
    counts.open += by
    if (counts.open > counts.most.open) counts.most.open = counts.open
  }
  const bookState = ({ listen, state }: S, by: 1 | -1) => {
    const { states, most } = countsOf(listen)
    states[state] += by
    if (states.held > most.held) most.held = states.held
  }
  const bookMember = ({ cluster, member }: S, by: 1 | -1) => {
    if (member === undefined) return
    const sessions = ofMember(cluster, member)
    sessions.now += by
    if (sessions.now > sessions.most) sessions.most = sessions.now
  }
  const book = (session: S, by: 1 | -1) => {
    if (session.state !== 'closing') bookPlace(session, by)
    bookState(session, by)
    bookMember(session, by)
  }
  const arrive = ({ listen, acceptedAt }: S) => {
    const arrivals = came.get(listen) ?? setIn(came, listen, { total: 0, lastAt: acceptedAt, rate: createRate() })
    arrivals.total++
    arrivals.lastAt = acceptedAt
    arrivals.rate.note(acceptedAt)
  }

  const refusalOfHost = (host: string, maxPerAddress: number) => {
    if (maxPerAddress === 0 || host === '' || (hosts.get(host)?.count ?? 0) < maxPerAddress) return undefined
    return `maxPerAddress is ${maxPerAddress}, and ${host} has as many sessions`
  }

  return {
    refusalOfHost,
    refusal({ host, listen }, limits) {
      if (size() - groups.closing.size >= limits.all) return `session.max is ${limits.all}`
      if (limits.listen !== 'auto' && (listens.get(listen)?.open ?? 0) >= limits.listen)
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
      const from = session.state
      groups[from].delete(session)
      bookState(session, -1)
      if (to === 'closing' && from !== 'closing') bookPlace(session, -1)
      if (member !== session.member) {
        bookMember(session, -1)
        session.member = member
        bookMember(session, 1)
      }
      session.state = to
      if (from === 'closing' && to !== 'closing') bookPlace(session, 1)
      bookState(session, 1)
      groups[to].add(session)
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
    on: (cluster, member) => members.get(cluster)?.get(member)?.now ?? 0,
    count: (listen, state) => listens.get(listen)?.states[state] ?? 0,
    most: listen => ({ open: 0, held: 0, ...listens.get(listen)?.most }),
    mostOn: (cluster, member) => members.get(cluster)?.get(member)?.most ?? 0,
    arrivals(listen, now) {
      const arrivals = came.get(listen)
      if (arrivals === undefined) return { total: 0, rate: 0, mostRate: 0 }
      const { total, rate, lastAt } = arrivals
      return { total, rate: rate.now(now), mostRate: rate.most(), lastAgo: ms(now - lastAt) }
    },
  }
}

function setIn<K, V>(map: Map<K, V>, key: K, value: V): V {
  map.set(key, value)
  return value
}

const noCounts = (): Counts => ({
  states: { startup: 0, held: 0, dialing: 0, joined: 0, closing: 0 },
  open: 0,
  most: { open: 0, held: 0 },
})
