// Chooses one member of a pool, synchronously. Knows counts and weights; draws nothing itself: chance comes as an argument.

import type { Balance } from '../config/shape.js'
import type { PoolEntry } from './pool.js'

export interface PickView {
  readonly entries: readonly PoolEntry[]
  readonly balance: Balance
  /** Sessions a member has now, over all listeners. */
  readonly sessionsOn: (member: string) => number
  /** 0: no limit. */
  readonly maxSessionsPerMember: number
  /** Members this session has already tried in vain. */
  readonly tried: ReadonlySet<string>
  /** Grows by one with each pick: the place in the round, and what breaks ties. */
  readonly turn: number
  /** 0 to 1, as Math.random() gives it. */
  readonly chance: number
}

export type Pick =
  | { readonly kind: 'member'; readonly entry: PoolEntry }
  | { readonly kind: 'none'; readonly why: string }

/** The member a new session goes to, or why there is none. */
export function pick(view: PickView): Pick {
  const usable = view.entries.filter(entry => entry.usable && !view.tried.has(entry.member.name))
  if (usable.length === 0) return { kind: 'none', why: whyNone(view.entries) }
  const withRoom = usable.filter(entry => hasRoom(entry, view))
  if (withRoom.length === 0)
    return { kind: 'none', why: `every usable member has maxSessionsPerMember ${view.maxSessionsPerMember}` }
  const weighty = withRoom.filter(entry => entry.share > 0)
  const entry = byBalance(weighty.length > 0 ? weighty : withRoom, view)
  return entry ? { kind: 'member', entry } : { kind: 'none', why: whyNone(view.entries) }
}

function hasRoom(entry: PoolEntry, view: PickView): boolean {
  return view.maxSessionsPerMember === 0 || view.sessionsOn(entry.member.name) < view.maxSessionsPerMember
}

/** Each member and why not: what a refused client reads, and `explain` in the same words. */
export function whyNone(entries: readonly PoolEntry[]): string {
  if (entries.length === 0) return 'no member is known'
  return entries.map(entry => `${entry.member.name}: ${entry.why}`).join('; ')
}

function byBalance(entries: readonly PoolEntry[], view: PickView): PoolEntry | undefined {
  switch (view.balance) {
    case 'least-connections':
      return leastLoaded(rotate(entries, view.turn), view)
    case 'round-robin':
      return inTurn(entries, view.turn)
    case 'random-two':
      return leastLoaded(twoOf(entries, view.chance), view)
    default:
      return view.balance satisfies never
  }
}

/** Load of a member had it one session more, by its share: a member starting slowly or of low weight looks busier. */
function load(entry: PoolEntry, view: PickView): number {
  return (view.sessionsOn(entry.member.name) + 1) / Math.max(entry.share, 0.001)
}

function leastLoaded(entries: readonly PoolEntry[], view: PickView): PoolEntry | undefined {
  return entries.reduce<PoolEntry | undefined>(
    (best, entry) => (best && load(best, view) <= load(entry, view) ? best : entry),
    undefined,
  )
}

function rotate<T>(list: readonly T[], by: number): T[] {
  const at = list.length === 0 ? 0 : by % list.length
  return [...list.slice(at), ...list.slice(0, at)]
}

/** Weighted round robin: the golden ratio's multiples spread evenly over the shares, whatever their number. */
function inTurn(entries: readonly PoolEntry[], turn: number): PoolEntry | undefined {
  if (entries.every(entry => entry.share === entries[0]?.share)) return entries[turn % entries.length]
  return atShare(entries, (turn * 0.6180339887498949) % 1)
}

function atShare(entries: readonly PoolEntry[], point: number): PoolEntry | undefined {
  const total = entries.reduce((sum, entry) => sum + Math.max(entry.share, 0.001), 0)
  let left = point * total
  for (const entry of entries) {
    left -= Math.max(entry.share, 0.001)
    if (left < 0) return entry
  }
  return entries.at(-1)
}

function twoOf(entries: readonly PoolEntry[], chance: number): PoolEntry[] {
  const n = entries.length
  const first = Math.floor(chance * n) % n
  const second = n < 2 ? first : (first + 1 + (Math.floor(chance * n * (n - 1)) % (n - 1))) % n
  return [entries[first], entries[second]].filter(entry => entry !== undefined)
}
