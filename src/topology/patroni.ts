// Patroni's REST answers → Topology. GET /cluster discovers members; GET /patroni of each decides who leads.
// Never throws: an answer that cannot be read counts as none.

import type { EpochMs, Ms } from '../units/units.js'
import { beside } from './address.js'
import { claimsOf, termOf } from './claims.js'
import { failoverFrom, historyFrom } from './keys.js'
import { lastResort, unpublished } from './lastResort.js'
import { apiOf, parseTags, pendingRestart } from './member.js'
import { parseSettings } from './settings.js'
import type { Address, Member, Topology } from './topology.js'
import { asObject, count, flag, type Json, number, objectsOf, position, present, roleOf, text } from './values.js'

/** What was asked over REST. A body that did not arrive, or is no JSON object, is undefined. */
export interface RestAnswers {
  /** GET /cluster, fresh or undefined: an old answer must not be passed again. */
  readonly cluster?: unknown
  /** GET /config and GET /history, the last ones known. */
  readonly config?: unknown
  readonly history?: unknown
  /** GET /patroni by base of the REST address; undefined where it was asked and did not answer. */
  readonly patroni: ReadonlyMap<string, unknown>
}

export interface RestContext {
  readonly scope: string
  readonly revision: string
  readonly readAt: Ms
  readonly wall: EpochMs
  readonly addresses?: readonly Address[]
  /** The snapshot before: it keeps addresses and the term while nobody says otherwise. */
  readonly previous?: Topology
}

/** Reads Patroni's REST answers (patroni/api.py). Never throws. */
export function parsePatroni(answers: RestAnswers, ctx: RestContext): Topology {
  const problems: string[] = []
  const cluster = asObject(answers.cluster)
  const asked = objectsOf([...answers.patroni.values()])
  const members = new Map(
    [...listed(cluster, answers, ctx, problems)].map(([name, m]) => [name, refined(m, answers, problems)]),
  )
  const systemIds = new Set(asked.flatMap(body => text(body.database_system_identifier) ?? []))
  const rebuilt = ctx.previous?.systemId !== undefined && systemIds.size > 0 && !systemIds.has(ctx.previous.systemId)
  const term = termOf({
    claims: claimsOf(members, answers.patroni),
    members,
    leader: leaderOf(cluster),
    answers: answers.patroni,
    previous: rebuilt ? undefined : ctx.previous,
    problems,
  })
  if (systemIds.size > 1)
    problems.push(`members of different clusters answer: system identifiers ${[...systemIds].join(', ')}`)
  noteScope(asked, ctx.scope, problems)
  const settings = parseSettings(answers.config)
  const standby = term !== undefined && members.get(term.leader)?.role === 'standby_leader'
  const pause = cluster ? flag(cluster.pause) : asked.some(body => flag(body.pause))
  return present<Topology>({
    scope: ctx.scope,
    revision: ctx.revision,
    readAt: ctx.readAt,
    systemId: systemIds.size === 1 ? [...systemIds][0] : ctx.previous?.systemId,
    term,
    leaderless: false,
    members,
    failover: cluster ? scheduled(cluster, ctx, problems) : ctx.previous?.failover,
    sync: cluster ? syncOf(cluster) : ctx.previous?.sync,
    history: historyFrom(answers.history),
    optime: term && members.get(term.leader)?.replayLsn,
    settings: { ...settings, pause: settings.pause || pause, standbyCluster: settings.standbyCluster || standby },
    failsafe: new Map(),
    problems,
  })
}

// Who there is: GET /cluster if it answered, else the members known before, else whoever answers at the configured addresses.
function listed(
  cluster: Json | undefined,
  answers: RestAnswers,
  ctx: RestContext,
  problems: string[],
): ReadonlyMap<string, Member> {
  const named = namedBy(cluster)
  const published = named.flatMap(fields => fromCluster(fields, problems) ?? [])
  if (published.length > 0) return new Map(published.map(member => [member.name, member]))
  if (ctx.previous !== undefined && ctx.previous.members.size > 0) return ctx.previous.members
  const guessed = new Map<string, string>()
  for (const [url, body] of answers.patroni) {
    const name = text(asObject(asObject(body)?.patroni)?.name)
    if (name !== undefined) guessed.set(name, url)
  }
  return lastResort(guessed, ctx.addresses ?? [], ctx.readAt)
}

function namedBy(cluster: Json | undefined): Json[] {
  return objectsOf(cluster?.members)
}

function fromCluster(fields: Json, problems: string[]): Member | undefined {
  const name = text(fields.name)
  if (name === undefined) return undefined
  const host = text(fields.host)
  const port = number(fields.port)
  const apiUrl = apiOf(fields.api_url)
  const address =
    host === undefined
      ? apiUrl && beside(apiUrl)
      : { host, port: port && port >= 1 && port <= 65_535 ? Math.trunc(port) : 5432 }
  if (!address) {
    problems.push(`${name}: GET /cluster gives no address for it`)
    return undefined
  }
  const known = position(fields.lsn)
  return present<Member>({
    ...unpublished(name, address),
    apiUrl,
    role: roleOf(fields.role),
    state: text(fields.state) ?? 'unknown',
    timeline: count(fields.timeline),
    receiveLsn: position(fields.receive_lsn) ?? known,
    replayLsn: position(fields.replay_lsn) ?? known,
    tags: parseTags(fields.tags, name, problems),
    pendingRestart: pendingRestart(fields.pending_restart),
  })
}

// What the member says of itself is newer than what the DCS has of it.
function refined(member: Member, answers: RestAnswers, problems: string[]): Member {
  const body = member.apiUrl === undefined ? undefined : asObject(answers.patroni.get(member.apiUrl))
  if (body === undefined) return member
  const xlog = asObject(body.xlog)
  const location = position(xlog?.location)
  // GET /cluster says `streaming` of a replica that GET /patroni calls `running`: the first says more.
  const streaming = member.state === 'streaming' && body.state === 'running' && roleOf(body.role) !== 'primary'
  return present<Member>({
    ...member,
    role: body.role === undefined ? member.role : roleOf(body.role),
    state: streaming ? member.state : (text(body.state) ?? member.state),
    timeline: count(body.timeline) ?? member.timeline,
    receiveLsn: location ?? position(xlog?.received_location) ?? member.receiveLsn,
    replayLsn: location ?? position(xlog?.replayed_location) ?? member.replayLsn,
    tags: body.tags === undefined ? member.tags : parseTags(body.tags, member.name, problems),
    pendingRestart: pendingRestart(body.pending_restart),
  })
}

function leaderOf(cluster: Json | undefined): { readonly name: string; readonly timeline?: number } | undefined {
  const leads = namedBy(cluster).find(
    ({ role }) => typeof role === 'string' && ['leader', 'master', 'primary', 'standby_leader'].includes(role),
  )
  const name = text(leads?.name)
  return name === undefined
    ? undefined
    : present<{ name: string; timeline?: number }>({ name, timeline: count(leads?.timeline) })
}

function syncOf(cluster: Json): Topology['sync'] {
  const standbys = namedBy(cluster).flatMap(({ role, name }) =>
    role === 'sync_standby' || role === 'quorum_standby' ? (text(name) ?? []) : [],
  )
  const leader = leaderOf(cluster)?.name
  if (standbys.length === 0) return undefined
  return leader === undefined ? { standbys } : { leader, standbys }
}

function scheduled(cluster: Json, ctx: RestContext, problems: string[]): Topology['failover'] {
  const wanted = asObject(cluster.scheduled_switchover)
  return wanted && failoverFrom({ leader: wanted.from, candidate: wanted.to, at: wanted.at }, ctx, problems)
}

function noteScope(asked: readonly Json[], scope: string, problems: string[]): void {
  const scopes = new Set(asked.flatMap(body => text(asObject(body.patroni)?.scope) ?? []))
  const others = [...scopes].filter(found => found !== scope)
  if (others.length > 0)
    problems.push(`scope is ${scope}, but Patroni answers for scope ${others.join(', ')}: check scope and patroni.urls`)
}
