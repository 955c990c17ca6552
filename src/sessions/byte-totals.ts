// Bytes and queries moved, by listener and member: what ended sessions had moved plus what open ones have so far. A total never falls while
// its member is known. Knows no socket.

import { type Bytes, bytes } from '../units/units.js'

export interface ByteCount {
  readonly listen: string
  readonly member: string
  readonly fromClient: Bytes
  readonly fromMember: Bytes
  /** Absent where they are not counted. */
  readonly queries?: number | undefined
}

export interface ByteTotals {
  /** Counts one that has ended for good. */
  ended(session: ByteCount): void
  /**
   * The totals as of now, one for each listener and member; `open` are the sessions still joined. Those of members that neither
   * `stays` nor are in use are forgotten.
   */
  now(open: Iterable<ByteCount>, stays: (total: ByteCount) => boolean): readonly ByteCount[]
}

type Totals = Map<string, ByteCount>

export function createByteTotals(): ByteTotals {
  const closed: Totals = new Map()
  // What was last told: should a session be in neither place for a moment, the total waits instead of falling.
  const shown: Totals = new Map()

  return {
    ended: session => add(closed, session),
    now(open, stays) {
      const live: Totals = new Map()
      for (const session of open) add(live, session)
      forget(closed, shown, total => live.has(keyOf(total)) || stays(total))
      // One for each that was ever shown, even with nothing left to count, so that it does not vanish.
      const sum: Totals = new Map([...shown].map(([key, total]) => [key, { ...total, ...NOTHING }]))
      for (const total of [...closed.values(), ...live.values()]) add(sum, total)
      return [...sum.values()].map(total => atLeast(total, shown))
    },
  }
}

const NOTHING = { fromClient: bytes(0), fromMember: bytes(0), queries: undefined }

function keyOf({ listen, member }: Pick<ByteCount, 'listen' | 'member'>): string {
  return `${listen}\n${member}`
}

function add(totals: Totals, { listen, member, fromClient, fromMember, queries }: ByteCount): void {
  const key = keyOf({ listen, member })
  const before = totals.get(key) ?? NOTHING
  totals.set(key, {
    listen,
    member,
    fromClient: bytes(before.fromClient + fromClient),
    fromMember: bytes(before.fromMember + fromMember),
    queries: queries === undefined ? before.queries : (before.queries ?? 0) + queries,
  })
}

function atLeast(total: ByteCount, shown: Totals): ByteCount {
  const before = shown.get(keyOf(total)) ?? NOTHING
  const now = {
    ...total,
    fromClient: bytes(Math.max(total.fromClient, before.fromClient)),
    fromMember: bytes(Math.max(total.fromMember, before.fromMember)),
    queries: before.queries === undefined ? total.queries : Math.max(total.queries ?? 0, before.queries),
  }
  shown.set(keyOf(total), now)
  return now
}

function forget(closed: Totals, shown: Totals, stays: (total: ByteCount) => boolean): void {
  for (const [key, total] of [...closed, ...shown]) {
    if (stays(total)) continue
    closed.delete(key)
    shown.delete(key)
  }
}
