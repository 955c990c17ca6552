// The keys of one cluster: PostgreSQL's and Patroni's addresses, as HAProxy's servers have them.

import { type Finding, type Line, maybe, note } from '../finding.js'
import { askedBy } from './checks.js'
import type { Group } from './clusters.js'
import { linesBehind } from './params.js'
import { readProbe } from './probe.js'
import { type Server, saidBy } from './servers.js'

/** Patroni's REST API, as the checks reach it, and PostgreSQL. */
export interface Places {
  readonly urls: readonly string[]
  readonly members: readonly string[]
  /** Whether Patroni was asked at all. */
  readonly patroni: boolean
  /** The role of pgsql-check. */
  readonly user: string | undefined
}

/** The port PgBouncer has unless told otherwise. */
const POOLER = '6432'

/** The keys of a cluster at `path`: members, Patroni, how members are asked. */
export function readCluster(
  group: Group,
  path: string,
): { readonly findings: readonly Finding[]; readonly places: Places } {
  const asked = group.ports.map(({ back }) => askedBy(back))
  const patroni = asked.some(one => one.patroni)
  const servers = group.servers.filter(({ given }) => !given.has('disabled'))
  const members = collect(
    servers.filter(({ port }) => port !== POOLER),
    ({ host, port }) => `${host}:${port}`,
  )
  const urls = collect(patroni ? servers : [], urlOf)
  const ca = patroni ? saidBy(servers, 'ca-file') : []
  const findings = [
    ...remarks(group.servers),
    ...maybe(`${path}.patroni.urls`, some(urls.values), urls.from),
    ...maybe(`${path}.patroni.ca`, ca[0]?.value, linesBehind(ca)),
    ...maybe(`${path}.static.members`, some(members.values), members.from, patroni ? LAST_RESORT : ''),
    ...readProbe(group, servers, path),
  ]
  const user = asked.find(one => one.user !== undefined)?.user
  return { findings, places: { urls: urls.values, members: members.values, patroni, user } }
}

const some = (values: readonly string[]): readonly string[] | undefined => (values.length === 0 ? undefined : values)

function remarks(servers: readonly Server[]): readonly Finding[] {
  return servers.flatMap(({ line, port, given }) => [
    ...(given.has('disabled') ? [note('gone', line, DISABLED)] : []),
    ...(port === POOLER ? [note('gone', line, POOLED)] : []),
    ...(given.get('verify')?.value === 'none' ? [note('gone', line, VERIFIES, 'verify none')] : []),
  ])
}

const DISABLED = 'disabled: mekare drain MEMBER takes a member out of the read pool while mekare runs'
const POOLED = `${POOLER} is PgBouncer's port: to go through it, let Patroni publish proxy_url and set target: pooler; without, PostgreSQL itself is dialled`
const VERIFIES = 'certificates of Patroni are verified: give patroni.ca, or let the system trust their issuer'
const LAST_RESORT = 'used only while no member key is in etcd; members are named and found by Patroni'

interface Collected {
  readonly values: readonly string[]
  readonly from: readonly Line[]
}

/** What servers yield, each once, with the lines it came from. */
function collect(servers: readonly Server[], of: (server: Server) => string | undefined): Collected {
  const found = servers.flatMap(server => {
    const value = of(server)
    return value === undefined ? [] : [{ value, line: server.line, check: server.given.get('port')?.line }]
  })
  return {
    values: [...new Set(found.map(({ value }) => value))],
    from: [...new Set(found.flatMap(({ line, check }) => (check === undefined ? [line] : [line, check])))],
  }
}

/** Where Patroni is asked: `check port 8008`, on the server's address or the one of `addr`. */
function urlOf({ host, given }: Server): string | undefined {
  const port = given.get('port')?.value
  return port === undefined
    ? undefined
    : `${given.has('check-ssl') ? 'https' : 'http'}://${given.get('addr')?.value ?? host}:${port}`
}
