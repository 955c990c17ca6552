// Reads Patroni's smaller keys: failover, sync, history, status and failsafe. An empty or `{}` value means the key says nothing.

import { type EpochMs, type Lsn, type Ms, ms } from '../units/units.js'
import { apiBase } from './address.js'
import type { FailoverRequest, HistoryEntry, Topology } from './topology.js'
import { asObject, count, excerpt, position, present, readJson, text } from './values.js'

interface Moment {
  readonly readAt: Ms
  readonly wall: EpochMs
}

/** When a time of day falls due on the monotonic clock; undefined when it is not ISO 8601 as Patroni writes it. */
function dueAt(scheduledAt: string, { readAt, wall }: Moment): Ms | undefined {
  const at = Date.parse(scheduledAt)
  return Number.isNaN(at) ? undefined : ms(readAt + (at - wall))
}

/** The failover key: a switchover asked for, now or later. An unreadable schedule is a problem and counts as no request. */
export function parseFailover(value: string | undefined, at: Moment, problems: string[]): FailoverRequest | undefined {
  if (value === undefined || value.trim() === '') return undefined
  const json = readJson(value)
  // Patroni also reads the old plain form `leader:candidate` (patroni/dcs/__init__.py, Failover.from_node).
  const plain = value.split(':').map(name => name.trim())
  const fields = json.ok ? asObject(json.value) : { leader: plain[0], member: plain[1] }
  if (fields === undefined) {
    problems.push(`failover: not a JSON object: ${excerpt(value)}`)
    return undefined
  }
  return failoverFrom({ leader: fields.leader, candidate: fields.member, at: fields.scheduled_at }, at, problems)
}

/** A request out of unchecked fields; undefined when it names nobody and no time. */
export function failoverFrom(
  fields: { readonly leader: unknown; readonly candidate: unknown; readonly at: unknown },
  moment: Moment,
  problems: string[],
): FailoverRequest | undefined {
  const leader = text(fields.leader)
  const candidate = text(fields.candidate)
  const scheduled = text(fields.at)
  const due = scheduled === undefined ? undefined : dueAt(scheduled, moment)
  if (scheduled !== undefined && due === undefined) {
    problems.push(`failover: scheduled_at is not a time: ${excerpt(scheduled)}; the request is not heeded`)
    return undefined
  }
  if (leader === undefined && candidate === undefined && due === undefined) return undefined
  return present<FailoverRequest>({ leader, candidate, dueAt: due })
}

/** The sync key; undefined when it names no leader and no standby. */
export function parseSync(value: string | undefined, problems: string[]): Topology['sync'] {
  const fields = objectOf('sync', value, problems)
  const leader = text(fields?.leader)
  const standbys = namesOf(fields?.sync_standby)
  if (leader === undefined && standbys.length === 0) return undefined
  return leader === undefined ? { standbys } : { leader, standbys }
}

function namesOf(value: unknown): string[] {
  const names = Array.isArray(value) ? value : typeof value === 'string' ? value.split(',') : []
  return names.flatMap(name => (typeof name === 'string' && name.trim() !== '' ? [name.trim()] : []))
}

/** The history key: where each past timeline ended. */
export function parseHistory(value: string | undefined, problems: string[]): HistoryEntry[] {
  if (value === undefined || value.trim() === '') return []
  const json = readJson(value)
  if (json.ok && (Array.isArray(json.value) || json.value === null)) return historyFrom(json.value)
  problems.push(`history: ${json.ok ? `not a list: ${excerpt(value)}` : json.why}`)
  return []
}

/** Patroni's history lines `[timeline, lsn, reason, …]`; lines that do not read so are left out. */
export function historyFrom(lines: unknown): HistoryEntry[] {
  return (Array.isArray(lines) ? lines : []).flatMap(line => {
    if (!Array.isArray(line)) return []
    const timeline = count(line[0])
    const forkLsn = position(line[1])
    return timeline === undefined || forkLsn === undefined ? [] : [{ timeline, forkLsn, reason: text(line[2]) ?? '' }]
  })
}

/** The leader's position: `status` holds JSON or, like the older `optime/leader`, a bare number. */
export function parseOptime(status: string | undefined, old: string | undefined, problems: string[]): Lsn | undefined {
  const json = status === undefined || status.trim() === '' ? undefined : readJson(status)
  if (json?.ok === false) problems.push(`status: ${json.why}`)
  const optime = json?.ok ? (asObject(json.value)?.optime ?? json.value) : undefined
  return position(optime) ?? position(old)
}

/** The failsafe key: member name to the base of its REST address. */
export function parseFailsafe(value: string | undefined, problems: string[]): Map<string, string> {
  const fields = objectOf('failsafe', value, problems) ?? {}
  const addresses = new Map<string, string>()
  for (const [name, url] of Object.entries(fields)) {
    const base = typeof url === 'string' ? apiBase(url) : undefined
    if (base === undefined) problems.push(`failsafe: ${excerpt(name)} has no REST address`)
    else addresses.set(name, base)
  }
  return addresses
}

function objectOf(key: string, value: string | undefined, problems: string[]) {
  if (value === undefined || value.trim() === '') return undefined
  const json = readJson(value)
  if (json.ok && json.value === null) return undefined
  const fields = json.ok ? asObject(json.value) : undefined
  if (fields === undefined) problems.push(`${key}: ${json.ok ? `not a JSON object: ${excerpt(value)}` : json.why}`)
  return fields
}
