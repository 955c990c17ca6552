// Patroni's keys, as they stand in etcd at one revision → Topology. Never throws, whatever the keys hold:
// what cannot be read becomes a problem line and the rest stands.

import type { EpochMs, Ms } from '../units/units.js'
import { parseFailover, parseFailsafe, parseHistory, parseOptime, parseSync } from './keys.js'
import { lastResort } from './lastResort.js'
import { parseMember } from './member.js'
import { parseSettings } from './settings.js'
import type { Address, Member, Settings, Term, Topology } from './topology.js'
import { present, readJson, text } from './values.js'

export interface EtcdEntry {
  readonly value: string
  readonly createRevision: string
  readonly modRevision: string
}

/** Keys below the scope's prefix (`leader`, `members/pg1`) with their values. */
export type EtcdEntries = ReadonlyMap<string, EtcdEntry>

export interface EtcdContext {
  readonly scope: string
  readonly revision: string
  readonly readAt: Ms
  /** The time of day at `readAt`, to place `scheduled_at` on the monotonic clock. */
  readonly wall: EpochMs
  /** Addresses from the configuration, used when no member key and no failsafe key stands. */
  readonly addresses?: readonly Address[]
}

/** Reads Patroni's keys (patroni/dcs/__init__.py, class Cluster). Never throws. */
export function parseEtcd(entries: EtcdEntries, ctx: EtcdContext): Topology {
  const problems: string[] = []
  const value = (key: string) => entries.get(key)?.value
  const failsafe = parseFailsafe(value('failsafe'), problems)
  const published = parseMembers(entries, problems)
  const members = published.size > 0 ? published : lastResort(failsafe, ctx.addresses ?? [], ctx.readAt)
  const term = parseTerm(entries, members, problems)
  noteGroups(entries, ctx.scope, problems)
  return present<Topology>({
    scope: ctx.scope,
    revision: ctx.revision,
    readAt: ctx.readAt,
    systemId: text(value('initialize')?.trim()),
    term,
    leaderless: false,
    members,
    failover: parseFailover(value('failover'), ctx, problems),
    sync: parseSync(value('sync'), problems),
    history: parseHistory(value('history'), problems),
    optime: parseOptime(value('status'), value('optime/leader'), problems),
    settings: settingsOf(value('config'), problems),
    failsafe,
    problems,
  })
}

function parseMembers(entries: EtcdEntries, problems: string[]): Map<string, Member> {
  const members = new Map<string, Member>()
  for (const [key, { value }] of entries) {
    if (!key.startsWith('members/') || key.length === 'members/'.length) continue
    const member = parseMember(key.slice('members/'.length), value, problems)
    if (member !== undefined) members.set(member.name, member)
  }
  return members
}

function parseTerm(entries: EtcdEntries, members: ReadonlyMap<string, Member>, problems: string[]): Term | undefined {
  const entry = entries.get('leader')
  if (entry === undefined) return undefined
  const leader = entry.value.trim()
  if (leader === '') {
    problems.push('leader: the key is empty')
    return undefined
  }
  if (!members.has(leader)) problems.push(`leader: names ${JSON.stringify(leader)}, but there is no such member`)
  return { leader, revision: entry.createRevision }
}

function settingsOf(config: string | undefined, problems: string[]): Settings {
  const json = config === undefined ? undefined : readJson(config)
  if (json?.ok === false) problems.push(`config: ${json.why}; Patroni's defaults are assumed`)
  return parseSettings(json?.ok ? json.value : undefined)
}

// Citus: each group is a cluster of its own under <scope>/<group>/, and the scope itself holds nothing else.
function noteGroups(entries: EtcdEntries, scope: string, problems: string[]): void {
  if (entries.has('leader') || entries.has('config') || entries.has('initialize')) return
  const groups = new Set([...entries.keys()].flatMap(key => /^(\d+)\//.exec(key)?.[1] ?? []))
  if (groups.size === 0) return
  problems.push(`scope ${scope} is a Citus cluster with groups ${[...groups].join(', ')}: set scope to ${scope}/GROUP`)
}
