// What has happened since the start, counted for each listener and each member out of the events. Knows no session and no clock.

import type { Event } from '../events/event.js'
import { type Ms, ms } from '../units/units.js'
import { type ByteCount, type ByteTotals, createByteTotals } from './byte-totals.js'
import type { End } from './end.js'
import { createRate, type Rate } from './rate.js'

export interface ListenerCounts {
  /** Clients that had to wait for a member. */
  readonly held: number
  /** How sessions ended, refusals included. */
  readonly ended: Readonly<Partial<Record<End, number>>>
  readonly failedDials: number
  /** Dials made because one before had failed, of sessions that then were joined. */
  readonly retries: number
}

export interface MemberCounts {
  /** Sessions joined to it: in all, in the last second, at most in one, and how long ago the last. */
  readonly joined: number
  readonly rate: number
  readonly mostRate: number
  readonly lastAgo?: Ms
  readonly cut: number
  readonly failedDials: number
  /** Probes, and those of them that got no answer to the question. */
  readonly checks: number
  readonly failedChecks: number
  /** How often it went down, and for how long in all. */
  readonly downs: number
  readonly downFor: Ms
}

export interface Tally {
  /** Takes an event in. */
  hear(event: Event, now: Ms): void
  listener(name: string): ListenerCounts
  member(cluster: string, name: string, now: Ms): MemberCounts
  /** Bytes moved as of now, by listener and member. */
  readonly bytes: ByteTotals['now']
}

type Loose<T> = { -readonly [K in keyof T]: T[K] }
type Listener = Loose<Omit<ListenerCounts, 'ended'>> & { readonly ended: Partial<Record<End, number>> }
type Counted = 'joined' | 'cut' | 'failedDials' | 'checks' | 'failedChecks' | 'downs'
type Member = Loose<Pick<MemberCounts, Counted>> & {
  readonly joins: Rate
  lastAt: Ms | undefined
  downMs: number
  downSince: Ms | undefined
}

/** `clusterOf` names the cluster of a listener. What is counted of a member is forgotten with it. */
export function createTally(clusterOf: (listen: string) => string | undefined): Tally {
  const listeners = new Map<string, Listener>()
  const members = new Map<string, Member>()
  const bytes = createByteTotals()

  const listener = (name: string) => found(listeners, name, newListener)
  const member = (cluster: string, name: string) => found(members, keyOf(cluster, name), newMember)
  const memberOn = (listen: string, name: string) => member(clusterOf(listen) ?? '', name)
  const ended = (listen: string, end: End) => {
    const counts = listener(listen).ended
    counts[end] = (counts[end] ?? 0) + 1
  }

  function hear(event: Event, now: Ms): void {
    switch (event.kind) {
      case 'session_held':
        listener(event.listen).held++
        return
      case 'session_joined':
        listener(event.listen).retries += event.retries
        join(memberOn(event.listen, event.member), now)
        return
      case 'session_refused':
        ended(event.listen, event.end)
        return
      case 'session_ended':
        ended(event.listen, event.end)
        if (event.member !== undefined) bytes.ended(countOf(event, event.member))
        return
      case 'sessions_cut':
        member(event.cluster, event.member).cut += event.count
        return
      case 'dial_failed':
        listener(event.listen).failedDials++
        member(event.cluster, event.member).failedDials++
        return
      case 'probed': {
        const counts = member(event.cluster, event.member)
        counts.checks++
        if (event.said === 'unasked') counts.failedChecks++
        return
      }
      case 'member_down':
      case 'member_up':
        turn(member(event.cluster, event.member), event.kind === 'member_down', now)
        return
      case 'member_forgotten':
        members.delete(keyOf(event.cluster, event.member))
        return
      default:
        return
    }
  }

  return {
    hear,
    bytes: bytes.now,
    listener: name => {
      const counts = listener(name)
      return { ...counts, ended: { ...counts.ended } }
    },
    member(cluster, name, now) {
      const { downMs, downSince, joins, lastAt, ...counts } = member(cluster, name)
      return {
        ...counts,
        rate: joins.now(now),
        mostRate: joins.most(),
        ...(lastAt === undefined ? {} : { lastAgo: ms(now - lastAt) }),
        downFor: ms(downMs + (downSince === undefined ? 0 : now - downSince)),
      }
    },
  }
}

const countOf = (
  { listen, fromClient, fromMember, queries }: Extract<Event, { kind: 'session_ended' }>,
  member: string,
): ByteCount => ({ listen, member, fromClient, fromMember, queries })

function newListener(): Listener {
  return { held: 0, ended: {}, failedDials: 0, retries: 0 }
}

function newMember(): Member {
  const none = { joined: 0, cut: 0, failedDials: 0, checks: 0, failedChecks: 0, downs: 0 }
  return { ...none, joins: createRate(), lastAt: undefined, downMs: 0, downSince: undefined }
}

function join(counts: Member, now: Ms): void {
  counts.joined++
  counts.joins.note(now)
  counts.lastAt = now
}

function turn(counts: Member, down: boolean, now: Ms): void {
  if (down) {
    counts.downs++
    counts.downSince ??= now
  } else if (counts.downSince !== undefined) {
    counts.downMs += now - counts.downSince
    counts.downSince = undefined
  }
}

const keyOf = (cluster: string, member: string) => `${cluster}\n${member}`

function found<V>(map: Map<string, V>, key: string, make: () => V): V {
  const there = map.get(key)
  if (there !== undefined) return there
  const made = make()
  map.set(key, made)
  return made
}
