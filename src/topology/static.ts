// A list of addresses from the configuration → Topology. Nobody publishes a leader here: the members themselves are asked.

import type { Ms } from '../units/units.js'
import { formatAddress } from './address.js'
import { unpublished } from './lastResort.js'
import { parseSettings } from './settings.js'
import type { Address, Topology } from './topology.js'

/** A topology of the listed addresses, each named `host:port`, without roles and without a term. */
export function parseStatic(
  addresses: readonly Address[],
  ctx: { readonly scope: string; readonly readAt: Ms },
): Topology {
  const members = addresses.map(address => unpublished(formatAddress(address), address))
  return {
    scope: ctx.scope,
    revision: '1',
    readAt: ctx.readAt,
    leaderless: true,
    members: new Map(members.map(member => [member.name, member])),
    history: [],
    settings: parseSettings(undefined),
    failsafe: new Map(),
    problems: addresses.length > 0 ? [] : ['static.members is empty: list the address of each PostgreSQL server'],
  }
}
