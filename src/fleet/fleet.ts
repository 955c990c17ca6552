// The proxies of a scope as one of them sees them: who is there, and what about them is not as it should be. A pure machine: what etcd
// says and the time go in, the next state and the events worth telling come out. Nothing waits for it.

import type { Event } from '../events/event.js'
import { formatMs, type Ms, ms } from '../units/units.js'
import { type ProxyRecord, readRecord } from './record.js'

export interface FleetState {
  readonly cluster: string
  readonly self: string
  /** Those that etcd lists; undefined until it has answered. */
  readonly listed?: ReadonlyMap<string, ProxyRecord>
  /** Why etcd cannot be asked. */
  readonly silent?: string
  /** Our own name is another's key, since then. */
  readonly namesakeSince?: Ms
  /** Addresses that more than one proxy says it holds, since then. */
  readonly claimedTwiceSince: ReadonlyMap<string, Ms>
}

export type FleetInput =
  | { readonly kind: 'listed'; readonly texts: ReadonlyMap<string, string> }
  | { readonly kind: 'silent'; readonly why: string }
  /** Whose the key of our own name is. */
  | { readonly kind: 'key'; readonly whose: 'ours' | 'other' | 'nobody' }

/** One proxy of the scope, as it says of itself. */
export interface ProxyStatus extends ProxyRecord {
  readonly name: string
  /** It is the one that tells this. */
  readonly self: boolean
}

export interface FleetStatus {
  /** Why others cannot be seen, where that is so: then only this one is told of. */
  readonly unknown?: string
  readonly proxies: readonly ProxyStatus[]
  /** What is not as it should be, with the remedy. */
  readonly warnings: readonly string[]
}

/** A proxy that has died is listed until its lease ends, and an address that moves is told by one before the other: longer than that. */
const PASSING = 8000

/** Nobody is known yet. */
export function newFleet(cluster: string, self: string): FleetState {
  return { cluster, self, claimedTwiceSince: new Map() }
}

export function stepFleet(state: FleetState, input: FleetInput, now: Ms): [FleetState, Event[]] {
  switch (input.kind) {
    case 'listed':
      return takeList(state, input.texts, now)
    case 'silent':
      return [{ ...state, silent: input.why }, []]
    case 'key': {
      const { namesakeSince, ...rest } = state
      if (input.whose !== 'other') return [rest, []]
      return [{ ...rest, namesakeSince: namesakeSince ?? now }, []]
    }
    default:
      return input satisfies never
  }
}

function takeList(
  { silent: _, ...state }: FleetState,
  texts: ReadonlyMap<string, string>,
  now: Ms,
): [FleetState, Event[]] {
  const { cluster, self, listed: before } = state
  const listed = new Map<string, ProxyRecord>()
  for (const [name, text] of texts) {
    const record = readRecord(text)
    if (record) listed.set(name, record)
  }
  const others = [...listed].filter(([name]) => name !== self)
  const events: Event[] = []
  for (const [proxy, { version }] of others)
    if (!before?.has(proxy)) events.push({ kind: 'proxy_appeared', cluster, proxy, version })
  for (const proxy of before?.keys() ?? [])
    if (proxy !== self && !listed.has(proxy)) events.push({ kind: 'proxy_gone', cluster, proxy })
  const claimedTwiceSince = new Map(
    claimedTwice(listed).map(address => [address, state.claimedTwiceSince.get(address) ?? now]),
  )
  return [{ ...state, listed, claimedTwiceSince }, events]
}

function claimedTwice(listed: ReadonlyMap<string, ProxyRecord>): string[] {
  const claimed = [...listed.values()].flatMap(({ holds }) => [...new Set(holds)])
  return [...new Set(claimed.filter((address, i) => claimed.indexOf(address) !== i))]
}

/** All that is known, with what this proxy says of itself now in place of what it wrote. */
export function fleetStatus(state: FleetState, own: ProxyRecord, now: Ms): FleetStatus {
  const { self, listed, silent } = state
  const unknown = silent ?? (listed ? undefined : 'etcd has not answered yet')
  const known = unknown === undefined && listed ? [...listed].filter(([name]) => name !== self) : []
  const proxies = [[self, own] as const, ...known]
    .map(([name, record]) => ({ ...record, name, self: name === self }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  if (unknown !== undefined) return { unknown, proxies, warnings: [] }
  return { proxies, warnings: [...namesake(state, now), ...twoHolders(state, proxies, now), ...differing(proxies)] }
}

function namesake({ self, namesakeSince }: FleetState, now: Ms): string[] {
  if (namesakeSince === undefined || now - namesakeSince < PASSING) return []
  return [
    `another proxy of this scope goes by the name ${self} too, so the others cannot see this one: give each its own fleet.name`,
  ]
}

function twoHolders({ claimedTwiceSince }: FleetState, proxies: readonly ProxyStatus[], now: Ms): string[] {
  return [...claimedTwiceSince].flatMap(([address, since]) => {
    const holders = proxies.filter(({ holds }) => holds.includes(address)).map(({ name }) => name)
    const lasted = ms(now - since)
    if (lasted < PASSING || holders.length < 2) return []
    return [
      `${holders.join(' and ')} have both held ${address} for ${formatMs(lasted)}: their sidecars do not hear one another; look at the network between them, routerId, version and auth`,
    ]
  })
}

/** Two versions may read the same file as two configurations: only proxies of one are compared. */
function differing(all: readonly ProxyStatus[]): string[] {
  const versions = [...new Set(all.map(({ version }) => version))]
  return versions.flatMap(version => differingIn(all.filter(proxy => proxy.version === version)))
}

function differingIn(proxies: readonly ProxyStatus[]): string[] {
  if (new Set(proxies.map(({ digest }) => digest)).size < 2) return []
  const each = proxies.map(({ name, digest }) => `${name} ${digest}`).join(', ')
  return [`configurations differ (${each}): compare the files, and reload the one that is behind`]
}
