// How things are, as one looks at them: the status document, what hooks and the other proxies are told, whether a listener is ready,
// and why. Gathers it from the clusters and the proxy when asked, and keeps nothing.

import type { Config, ListenConfig } from '../config/shape.js'
import type { FleetStatus } from '../fleet/fleet.js'
import type { ProxyRecord } from '../fleet/record.js'
import type { Drawn } from '../history/history.js'
import type { Facts } from '../notices/notice.js'
import type { ListenerStatus, Status } from '../pools/status.js'
import { clusterStatus, explainLines, lagShown, type StatusInput } from '../pools/view.js'
import type { ProxyServer } from '../proxy/proxy.js'
import type { ByteCount } from '../sessions/byte-totals.js'
import type { Tally } from '../sessions/tally.js'
import { bytes, type EpochMs, formatMs, type Ms, ms } from '../units/units.js'
import type { RouterReport } from '../vrrp/conversation.js'
import type { Cluster } from './cluster.js'
import type { Draining } from './successor.js'

export interface OverviewDeps {
  /** The configuration in force; asked each time. */
  readonly config: () => Config
  readonly version: string
  readonly now: () => Ms
  readonly wall: () => EpochMs
  readonly clusters: ReadonlyMap<string, Cluster>
  readonly proxy: ProxyServer
  readonly tally: Tally
  /** The process before this one, while it drains. */
  readonly predecessor: () => Draining | undefined
  /** What the sidecars said last. */
  readonly reports: () => readonly RouterReport[]
  /** How long this router has been drained by an operator, if it is. */
  readonly drainedFor: () => Ms | undefined
  readonly fleet: (cluster: string) => FleetStatus | undefined
}

export interface Overview {
  status(): Status
  /** Only what is drawn, and so without bytes, which cost a question to every session. */
  sample(): Drawn
  /** Bytes moved since the start, by listener and member. */
  moved(): readonly ByteCount[]
  /** Why each member would or would not get a new session of a listener; nothing where there is no such listener. */
  explain(listen: string): readonly string[] | undefined
}

export function createOverview(deps: OverviewDeps): Overview {
  const { config, clusters, proxy, now } = deps
  const begunAt = now()

  const clusterOf = (listen: string) => config().listen[listen]?.cluster
  const listensOf = (cluster: string) =>
    new Map<string, ListenConfig>(Object.entries(config().listen).filter(([, listen]) => listen.cluster === cluster))

  /** What is moved to and from a member counts as long as the member is known. */
  const moved = () =>
    deps.tally.bytes(proxy.moved(), ({ listen, member }) => {
      const cluster = clusters.get(clusterOf(listen) ?? '')
      return cluster?.state().topology?.members.has(member) ?? false
    })

  const inputOf = (cluster: Cluster, counts: readonly ByteCount[]): StatusInput => ({
    state: cluster.state(),
    scope: cluster.config().scope,
    source: cluster.source(),
    rules: cluster.config().probe,
    listens: listensOf(cluster.name),
    sessions: member => ({ now: proxy.sessionsOn(cluster.name, member), most: proxy.mostOn(cluster.name, member) }),
    totals: member => ({
      ...deps.tally.member(cluster.name, member, now()),
      ...sum(counts.filter(one => one.member === member && clusterOf(one.listen) === cluster.name)),
    }),
  })

  const clustersWith = (counts: readonly ByteCount[]) =>
    [...clusters.values()].map(cluster => ({
      ...clusterStatus(inputOf(cluster, counts), now()),
      ...withDefined('fleet', deps.fleet(cluster.name)),
    }))

  const drawn = ({ name: cluster, state, config: rules }: Cluster) => ({
    name: cluster,
    members: [...(state().topology?.members.values() ?? [])].map(member => ({
      name: member.name,
      sessions: proxy.sessionsOn(cluster, member.name),
      ...withDefined('lag', lagShown(state(), member, rules().probe, now())),
    })),
  })

  const statusOf = (counts: readonly ByteCount[]): Status => ({
    name: config().fleet.name,
    version: deps.version,
    at: deps.wall(),
    up: ms(now() - begunAt),
    stopping: proxy.stopping(),
    pid: process.pid,
    ...withDefined('drained', deps.drainedFor()),
    ...withDefined('predecessor', deps.predecessor()),
    clusters: clustersWith(counts),
    listeners: listenersOf(deps, counts),
    ...(Object.keys(config().vrrp).length > 0 && { vrrp: routersOf(deps) }),
  })

  return {
    status: () => statusOf(moved()),
    sample: () => ({
      at: deps.wall(),
      clusters: [...clusters.values()].map(drawn),
      listeners: proxy.atListeners().map(({ came, ...listener }) => ({ ...listener, totals: { came } })),
    }),
    moved,
    explain(listen) {
      const found = config().listen[listen]
      const cluster = found && clusters.get(found.cluster)
      if (!cluster) return undefined
      const paused = proxy.paused().get(listen)
      const first =
        paused === undefined ? [] : [`${listen}: paused by an operator for ${formatMs(paused)}: everyone new waits`]
      return [...first, ...explainLines(found, inputOf(cluster, []), now())]
    },
  }
}

function listenersOf({ proxy, tally }: OverviewDeps, counts: readonly ByteCount[]): ListenerStatus[] {
  return proxy.listeners().map(({ came, ...listener }) => {
    const { name } = listener
    const totals = { came, ...tally.listener(name), ...sum(counts.filter(({ listen }) => listen === name)) }
    return { ...listener, totals }
  })
}

function routersOf({ config, reports }: OverviewDeps) {
  return Object.keys(config().vrrp).map(name => {
    const report = reports().find(one => one.name === name)
    return report ? { name, report } : { name }
  })
}

type RecordDeps = Pick<OverviewDeps, 'clusters' | 'proxy' | 'reports' | 'version'>

/** What the others of a cluster's scope are told of this proxy. */
export function recordOf(
  { clusters, proxy, reports, version }: RecordDeps,
  cluster: string,
  rest: Pick<ProxyRecord, 'startedAt' | 'digest'>,
): ProxyRecord {
  const gate = clusters.get(cluster)?.state().gate
  const own = proxy.listeners().filter(one => one.cluster === cluster)
  return {
    ...rest,
    version,
    listen: Object.fromEntries(own.map(({ name, address }) => [name, address])),
    gate: gate?.kind === 'open' ? { kind: 'open', member: gate.member } : { kind: 'closed', why: gate?.why ?? '' },
    sessions: own.reduce((total, { sessions }) => total + sessions.joined, 0),
    holds: reports().flatMap(({ role, addresses }) => (role === 'master' ? addresses : [])),
  }
}

/** How things are for the hooks. */
export function factsOf({ clusters, reports, now }: Pick<OverviewDeps, 'clusters' | 'reports' | 'now'>): Facts {
  return {
    gates: [...clusters.values()].map(({ name, state }) => {
      const { gate } = state()
      if (gate.kind === 'open') return { cluster: name, kind: 'open', member: gate.member }
      return { cluster: name, kind: 'closed', for: ms(now() - gate.since), why: gate.why }
    }),
    routers: reports().map(({ name, addresses, role }) => ({ name, addresses, here: role === 'master' })),
  }
}

/** Whether a listener could serve a client now, or all of them, and why. */
export function readiness(
  { config, proxy, drainedFor }: Pick<OverviewDeps, 'config' | 'proxy' | 'drainedFor'>,
  name?: string,
): { readonly ok: boolean; readonly why: string } {
  const names = Object.keys(config().listen)
  if (name !== undefined && !names.includes(name))
    return { ok: false, why: `no listener "${name}"; there are ${names.join(', ')}` }
  const drained = drainedFor()
  if (drained !== undefined)
    return { ok: false, why: `this router is drained by an operator for ${formatMs(drained)} (mekare undrain self)` }
  const asked = name === undefined ? names : [name]
  const answers = asked.map(listen => ({ listen, ...proxy.ready(listen) }))
  const wrong = answers.filter(answer => !answer.ok)
  const words = (wrong.length > 0 ? wrong : answers).map(({ listen, why }) => `${listen}: ${why}`)
  return { ok: wrong.length === 0, why: words.join('\n') }
}

function sum(counts: readonly ByteCount[]): Pick<ByteCount, 'fromClient' | 'fromMember'> {
  return {
    fromClient: bytes(counts.reduce((total, { fromClient }) => total + fromClient, 0)),
    fromMember: bytes(counts.reduce((total, { fromMember }) => total + fromMember, 0)),
  }
}

/** The field, unless it is undefined. */
function withDefined<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: V })
}
