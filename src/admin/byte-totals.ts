// Bytes moved, by listener, member and direction: what ended sessions had moved plus what open ones have so far.
// A total never falls while its member is known. Knows no socket.

import { type Bytes, bytes } from '../units/units.js'
import type { Meter } from './meters.js'

export interface ByteCount {
  readonly listen: string
  readonly member: string
  readonly fromClient: Bytes
  readonly fromMember: Bytes
}

interface Total {
  readonly listen: string
  readonly member: string
  up: number
  down: number
}

export interface ByteTotals {
  ended(session: ByteCount): void
  /** Puts the totals as of now into the meter; members that are neither known nor in use are forgotten with their totals. */
  collect(live: Iterable<ByteCount>, clusterOf: (listen: string) => string, known: Known, meter: Meter): void
}

type Known = (cluster: string, member: string) => boolean
type Totals = Map<string, Total>

export function createByteTotals(): ByteTotals {
  const closed: Totals = new Map()
  // What was last told: should a session be in neither place for a moment, the total waits instead of falling.
  const shown: Totals = new Map()

  return {
    ended: session => add(closed, session),
    collect(live, clusterOf, known, meter) {
      const open: Totals = new Map()
      for (const session of live) add(open, session)
      forgetGone(closed, shown, total => open.has(keyOf(total)) || known(clusterOf(total.listen), total.member))
      meter.forget()
      for (const total of sum(shown, closed, open)) {
        const { listen, member, up, down } = atLeast(total, shown)
        meter.put(up, clusterOf(listen), listen, member, 'up')
        meter.put(down, clusterOf(listen), listen, member, 'down')
      }
    },
  }
}

function keyOf({ listen, member }: { readonly listen: string; readonly member: string }): string {
  return JSON.stringify([listen, member])
}

function add(totals: Totals, { listen, member, fromClient, fromMember }: ByteCount): void {
  const total = totals.get(keyOf({ listen, member }))
  if (total === undefined) totals.set(keyOf({ listen, member }), { listen, member, up: fromClient, down: fromMember })
  else {
    total.up += fromClient
    total.down += fromMember
  }
}

/** A total for each that was ever shown, even with nothing left to count, so that its sample does not vanish. */
function sum(shown: Totals, ...parts: readonly Totals[]): Iterable<Total> {
  const all: Totals = new Map([...shown].map(([key, total]) => [key, { ...total, up: 0, down: 0 }]))
  for (const { listen, member, up, down } of parts.flatMap(part => [...part.values()])) {
    add(all, { listen, member, fromClient: bytes(up), fromMember: bytes(down) })
  }
  return all.values()
}

function atLeast(total: Total, shown: Totals): Total {
  const before = shown.get(keyOf(total))
  const now = { ...total, up: Math.max(total.up, before?.up ?? 0), down: Math.max(total.down, before?.down ?? 0) }
  shown.set(keyOf(total), now)
  return now
}

function forgetGone(closed: Totals, shown: Totals, stays: (total: Total) => boolean): void {
  for (const [key, total] of [...closed, ...shown]) {
    if (stays(total)) continue
    closed.delete(key)
    shown.delete(key)
  }
}
