// Where to ask when no member key stands: Patroni's failsafe key outlives the member keys (Patroni's pause mode with Patroni
// stopped), and the configuration may name addresses. Such members are marked vanished: only their own answers count.

import type { Ms } from '../units/units.js'
import { beside, formatAddress } from './address.js'
import { NO_TAGS } from './member.js'
import type { Address, Member } from './topology.js'
import { present } from './values.js'

/** Members from the failsafe key (its REST host, PostgreSQL's default port), then configured addresses not among them. */
export function lastResort(
  failsafe: ReadonlyMap<string, string>,
  addresses: readonly Address[],
  at: Ms,
): Map<string, Member> {
  const members = new Map<string, Member>()
  for (const [name, apiUrl] of failsafe) {
    const address = beside(apiUrl)
    if (address !== undefined) members.set(name, unpublished(name, address, { apiUrl, vanishedAt: at }))
  }
  const known = new Set([...members.values()].map(member => formatAddress(member.address)))
  for (const address of addresses) {
    const name = formatAddress(address)
    if (!known.has(name)) members.set(name, unpublished(name, address, { vanishedAt: at }))
  }
  return members
}

/** A member of which nothing but the address is known. */
export function unpublished(
  name: string,
  address: Address,
  more: { readonly apiUrl?: string; readonly vanishedAt?: Ms } = {},
): Member {
  return present<Member>({
    name,
    address,
    pooler: undefined,
    apiUrl: more.apiUrl,
    role: 'unknown',
    state: 'unknown',
    timeline: undefined,
    receiveLsn: undefined,
    replayLsn: undefined,
    tags: NO_TAGS,
    pendingRestart: false,
    vanishedAt: more.vanishedAt,
  })
}
