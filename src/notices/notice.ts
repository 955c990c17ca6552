// What is worth telling somebody outside: a leader change, a gate that stays closed, an address that has moved. Out of events
// and of how things are now. Knows no hook and no way to tell.

import type { Event } from '../events/event.js'
import { type Ms, ms } from '../units/units.js'

export const OCCASIONS = ['leader', 'gate', 'address'] as const
export type Occasion = (typeof OCCASIONS)[number]

export interface Notice {
  readonly occasion: Occasion
  /** `leader_changed`, `incident_ended`, `gate_closed`, `gate_opened`, `address_moved`. */
  readonly event: string
  /** What is told of it, as JSON; names of times end in `Ms`. */
  readonly data: Readonly<Record<string, unknown>>
}

/** What an event is worth telling of; a leader seen for the first time is no change. */
export function noticeOf(event: Event): Notice | undefined {
  if (event.kind === 'leader_changed' && event.from !== undefined && event.from !== event.to) {
    const { cluster, from, to } = event
    return { occasion: 'leader', event: 'leader_changed', data: { cluster, from, to } }
  }
  if (event.kind !== 'incident_ended') return undefined
  const { cluster, incident } = event
  return { occasion: 'leader', event: 'incident_ended', data: { cluster, incident } }
}

/** How things are now. */
export interface Facts {
  readonly gates: readonly Gate[]
  readonly routers: readonly FloatingRouter[]
}

type Gate = { readonly cluster: string } & (
  | { readonly kind: 'open'; readonly member: string }
  | { readonly kind: 'closed'; readonly for: Ms; readonly why: string }
)

/** A virtual router, by what its sidecar said last. */
interface FloatingRouter {
  readonly name: string
  readonly addresses: readonly string[]
  /** Whether its addresses are on this host. */
  readonly here: boolean
}

/** What one has been told already. */
export interface Known {
  /** Gates that have been closed for long, by cluster: for how long at the last look. */
  readonly closed: ReadonlyMap<string, Ms>
  /** Whether the addresses of each router were here; a router seen for the first time is no move. */
  readonly here: ReadonlyMap<string, boolean>
}

export const nothingKnown: Known = { closed: new Map(), here: new Map() }

/** What has become worth telling since the last look. A gate counts once it has been closed for `longClosed`. */
export function look(known: Known, { gates, routers }: Facts, longClosed: Ms): readonly [Known, readonly Notice[]] {
  const notices: Notice[] = []
  const closed = new Map<string, Ms>()
  for (const gate of gates) {
    const before = known.closed.get(gate.cluster)
    const { cluster } = gate
    if (gate.kind === 'closed' && gate.for >= longClosed) {
      closed.set(cluster, gate.for)
      const data = { cluster, why: gate.why, closedForMs: Math.round(gate.for) }
      if (before === undefined) notices.push({ occasion: 'gate', event: 'gate_closed', data })
    } else if (gate.kind === 'open' && before !== undefined) {
      const data = { cluster, member: gate.member, closedForMs: Math.round(before) }
      notices.push({ occasion: 'gate', event: 'gate_opened', data })
    } else if (before !== undefined) closed.set(cluster, before)
  }
  const here = new Map(known.here)
  for (const { name, addresses, here: now } of routers) {
    const before = here.get(name)
    here.set(name, now)
    if (before !== undefined && before !== now)
      notices.push({ occasion: 'address', event: 'address_moved', data: { name, addresses, here: now } })
  }
  return [{ closed, here }, notices]
}

/** When the last runs of a hook began, and how many notices were left out since the last that was told. */
export interface Rate {
  readonly began: readonly Ms[]
  readonly suppressed: number
}

export const noRate: Rate = { began: [], suppressed: 0 }
const MINUTE = ms(60_000)

/** Whether one more may be told now, at most `perMinute` in any minute; `suppressed` is how many were not before it. */
export function admit(
  { began, suppressed }: Rate,
  perMinute: number,
  now: Ms,
): readonly [Rate, { readonly go: boolean; readonly suppressed: number }] {
  const recent = began.filter(at => now - at < MINUTE)
  if (recent.length >= perMinute)
    return [
      { began: recent, suppressed: suppressed + 1 },
      { go: false, suppressed },
    ]
  return [
    { began: [...recent, now], suppressed: 0 },
    { go: true, suppressed },
  ]
}
