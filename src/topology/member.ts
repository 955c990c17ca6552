// Reads one member: its key in the DCS, or what the REST API says of it. A value that cannot be read becomes a problem line.

import { apiBase, parseConnUrl } from './address.js'
import type { Address, Member, Tags } from './topology.js'
import {
  asObject,
  count,
  excerpt,
  flag,
  type Json,
  number,
  position,
  present,
  readJson,
  roleOf,
  text,
} from './values.js'

export const NO_TAGS: Tags = { noloadbalance: false, nofailover: false, nosync: false, weight: 1 }

/** Patroni's tags; Patroni publishes only those that are set, as booleans, numbers or text. */
export function parseTags(value: unknown, what: string, problems: string[]): Tags {
  const tags = asObject(value)
  if (tags === undefined) return NO_TAGS
  const priority = number(tags.failover_priority)
  return {
    noloadbalance: flag(tags.noloadbalance),
    nofailover: flag(tags.nofailover) || (priority !== undefined && priority <= 0),
    nosync: flag(tags.nosync),
    weight: weightOf(tags.mekare_weight, what, problems),
  }
}

function weightOf(value: unknown, what: string, problems: string[]): number {
  if (value === undefined || value === null) return 1
  const weight = number(value)
  if (weight !== undefined && weight >= 0) return weight
  problems.push(
    `${what}: tag mekare_weight is ${excerpt(String(JSON.stringify(value)))}, not a number of at least 0; 1 is used`,
  )
  return 1
}

/** Reads `members/<name>`. Undefined, with a problem line, when it is not JSON or has no usable conn_url. */
export function parseMember(name: string, value: string, problems: string[]): Member | undefined {
  const what = `members/${name}`
  const json = readJson(value)
  const fields = json.ok ? asObject(json.value) : undefined
  if (fields === undefined) {
    problems.push(`${what}: ${json.ok ? `not a JSON object: ${excerpt(value)}` : json.why}`)
    return undefined
  }
  const address = addressOf(fields.conn_url, `${what}: conn_url`, problems)
  return address === undefined ? undefined : memberFrom(name, address, fields, problems)
}

function memberFrom(name: string, address: Address, fields: Json, problems: string[]): Member {
  const what = `members/${name}`
  const xlog = position(fields.xlog_location)
  return present<Member>({
    name,
    address,
    pooler: fields.proxy_url === undefined ? undefined : addressOf(fields.proxy_url, `${what}: proxy_url`, problems),
    apiUrl: apiOf(fields.api_url),
    role: roleOf(fields.role),
    state: text(fields.state) ?? 'unknown',
    timeline: count(fields.timeline),
    receiveLsn: position(fields.receive_lsn) ?? xlog,
    replayLsn: position(fields.replay_lsn) ?? xlog,
    tags: parseTags(fields.tags, what, problems),
    pendingRestart: pendingRestart(fields.pending_restart),
    vanishedAt: undefined,
  })
}

/** Patroni 4 may publish an object of reasons instead of `true`. */
export function pendingRestart(value: unknown): boolean {
  return flag(value) || asObject(value) !== undefined
}

/** The base of a REST address out of an unchecked value. */
export function apiOf(value: unknown): string | undefined {
  const url = text(value)
  return url === undefined ? undefined : apiBase(url)
}

function addressOf(value: unknown, what: string, problems: string[]): Address | undefined {
  const url = text(value)
  if (url === undefined) {
    problems.push(`${what} is missing: the member cannot be used until Patroni publishes it`)
    return undefined
  }
  const read = parseConnUrl(url)
  // The URL is not quoted: it may carry a password.
  if (read === undefined) problems.push(`${what} has no readable host and port`)
  else if (read.several) problems.push(`${what} names several hosts; the first, ${read.address.host}, is used`)
  return read?.address
}
