// What the admin address and the control socket show and do: gathers it from the clusters and the proxy when asked.

import type { AdminDeps, Outcome } from '../admin/deps.js'
import type { Feeds } from '../admin/feed.js'
import { createSidecars } from '../admin/sidecars.js'
import { configDigest } from '../config/digest.js'
import type { Config, ListenConfig } from '../config/shape.js'
import type { Report } from '../events/event.js'
import type { ProxyRecord } from '../fleet/record.js'
import { EVERY, record as keep, noHistory } from '../history/history.js'
import { createLifeline } from '../linux/lifeline.js'
import type { Facts } from '../notices/notice.js'
import type { ListenerStatus, Status } from '../pools/status.js'
import { clusterStatus, explainLines, type StatusInput } from '../pools/view.js'
import type { ProxyServer } from '../proxy/proxy.js'
import type { ByteCount } from '../sessions/byte-totals.js'
import type { Tally } from '../sessions/tally.js'
import { bytes, type EpochMs, formatMs, type Ms, ms } from '../units/units.js'
import type { Cluster } from './cluster.js'
import { createFleet } from './fleet.js'
import type { Hooks } from './hooks.js'
import { createOrders, type Orders } from './orders.js'
import type { Recorder } from './recorder.js'
import type { Draining } from './successor.js'
import { createSwitchover } from './switchover.js'

export interface OfficeDeps {
  /** The configuration in force; asked each time. */
  readonly config: () => Config
  readonly version: string
  readonly now: () => Ms
  readonly wall: () => EpochMs
  readonly clusters: ReadonlyMap<string, Cluster>
  readonly proxy: ProxyServer
  readonly report: Report
  readonly recorder: Recorder
  readonly hooks: Hooks
  readonly tally: Tally
  readonly feeds: Feeds
  readonly metrics: () => Promise<string>
  readonly reload: () => Promise<Outcome>
  readonly restart: () => Promise<Outcome>
  /** The process before this one, while it drains. */
  readonly predecessor: () => Draining | undefined
}

export interface Office extends AdminDeps {
  readonly orders: Orders
  /** How things are now, for the hooks. */
  facts(): Facts
  /** The proxy is stopping: incidents are its successor's to record, and the sidecars hear of it now. */
  stop(): void
  /** Another process is about to take this one's place: incidents are its to record, and the sidecars hear that it comes. */
  giveWay(): void
  /** The other process does not come after all: this one records and tells on. */
  stay(): void
  /** Time passes: keeps what is drawn of the last minutes. */
  tick(): void
  /** Lets go of the sidecars, and of what is registered in etcd. */
  close(): Promise<void>
  /** Bytes moved since the start, by listener and member. */
  bytes(): readonly ByteCount[]
}

export function createOffice(deps: OfficeDeps): Office {
  const { config, clusters, proxy, now } = deps
  const begunAt = now()
  const startedAt = deps.wall()
  const digest = digestOf(config)
  let history = noHistory
  let sampledAt = ms(Number.NEGATIVE_INFINITY)
  const named = (is: (cluster: Cluster) => boolean) => [...clusters.values()].filter(is).map(({ name }) => name)
  const tick = () => ({
    gateClosed: named(cluster => cluster.state().gate.kind === 'closed'),
    sourceSilent: named(cluster => cluster.state().silent !== undefined),
    stopping: proxy.stopping(),
    drained: orders.drainedFor() !== undefined,
  })
  const sidecars = createSidecars(tick, createLifeline())
  const orders = createOrders({ ...deps, sidecars })
  const switchover = createSwitchover(deps)
  const fleet = createFleet({ ...deps, record })
  const vrrp = () =>
    Object.keys(config().vrrp).map(name => {
      const report = sidecars.reports().find(one => one.name === name)
      return report ? { name, report } : { name }
    })

  /** What the others are told of this proxy. */
  function record(cluster: string): ProxyRecord {
    const gate = clusters.get(cluster)?.state().gate
    const own = proxy.listeners().filter(one => one.cluster === cluster)
    return {
      version: deps.version,
      startedAt,
      listen: Object.fromEntries(own.map(({ name, address }) => [name, address])),
      gate: gate?.kind === 'open' ? { kind: 'open', member: gate.member } : { kind: 'closed', why: gate?.why ?? '' },
      sessions: own.reduce((sum, { sessions }) => sum + sessions.joined, 0),
      digest: digest(),
      holds: sidecars.reports().flatMap(({ role, addresses }) => (role === 'master' ? addresses : [])),
    }
  }

  const listensOf = (cluster: string) =>
    new Map<string, ListenConfig>(Object.entries(config().listen).filter(([, listen]) => listen.cluster === cluster))

  const clusterOf = (listen: string) => config().listen[listen]?.cluster
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

  function listeners(counts: readonly ByteCount[]): ListenerStatus[] {
    return proxy.listeners().map(({ came, ...listener }) => {
      const { name } = listener
      const totals = { came, ...deps.tally.listener(name), ...sum(counts.filter(({ listen }) => listen === name)) }
      return { ...listener, totals }
    })
  }

  function statusWith(counts: readonly ByteCount[]): Status {
    return {
      name: config().fleet.name,
      version: deps.version,
      at: deps.wall(),
      up: ms(now() - begunAt),
      stopping: proxy.stopping(),
      pid: process.pid,
      ...withDefined('drained', orders.drainedFor()),
      ...withDefined('predecessor', deps.predecessor()),
      clusters: [...clusters.values()].map(cluster => ({
        ...clusterStatus(inputOf(cluster, counts), now()),
        ...withDefined('fleet', fleet.status(cluster.name)),
      })),
      listeners: listeners(counts),
      ...(Object.keys(config().vrrp).length > 0 && { vrrp: vrrp() }),
    }
  }

  const status = () => statusWith(moved())

  const facts = (): Facts => ({
    gates: [...clusters.values()].map(({ name, state }) => {
      const { gate } = state()
      if (gate.kind === 'open') return { cluster: name, kind: 'open', member: gate.member }
      return { cluster: name, kind: 'closed', for: ms(now() - gate.since), why: gate.why }
    }),
    routers: sidecars.reports().map(({ name, addresses, role }) => ({ name, addresses, here: role === 'master' })),
  })

  function ready(name?: string): { ok: boolean; why: string } {
    const names = Object.keys(config().listen)
    if (name !== undefined && !names.includes(name))
      return { ok: false, why: `no listener "${name}"; there are ${names.join(', ')}` }
    const drained = orders.drainedFor()
    if (drained !== undefined)
      return { ok: false, why: `this router is drained by an operator for ${formatMs(drained)} (mekare undrain self)` }
    const asked = name === undefined ? names : [name]
    const answers = asked.map(listen => ({ listen, ...proxy.ready(listen) }))
    const wrong = answers.filter(answer => !answer.ok)
    const words = (wrong.length > 0 ? wrong : answers).map(({ listen, why }) => `${listen}: ${why}`)
    return { ok: wrong.length === 0, why: words.join('\n') }
  }

  return {
    orders,
    facts,
    status,
    ready,
    drain: orders.drain,
    pause: orders.pause,
    planSwitchover: switchover.plan,
    switchover: switchover.order,
    cutSession(id) {
      if (proxy.cut(id)) return { ok: true, said: `session ${id} is cut` }
      return { ok: false, why: `no session ${id} is open; mekare sessions lists them (the number is its ID)` }
    },
    explain(listen) {
      const found = config().listen[listen]
      const cluster = found && clusters.get(found.cluster)
      if (!cluster) return undefined
      const paused = proxy.paused().get(listen)
      const first =
        paused === undefined ? [] : [`${listen}: paused by an operator for ${formatMs(paused)}: everyone new waits`]
      return [...first, ...explainLines(found, inputOf(cluster, []), now())]
    },
    sessions: () => proxy.sessions(),
    incidents: () => deps.recorder.incidents(),
    metrics: deps.metrics,
    reload: deps.reload,
    restart: deps.restart,
    feeds: deps.feeds,
    history: () => history,
    sidecar: sidecars.join,
    successor() {
      sidecars.announceSuccessor()
      return {
        ok: true,
        said: `for half a minute ${sidecars.connected()} sidecars keep the address when this process ends`,
      }
    },
    stop() {
      deps.recorder.retire()
      deps.hooks.retire()
      sidecars.pulse()
      void fleet.stop()
    },
    stay() {
      deps.recorder.resume()
      deps.hooks.resume()
      fleet.resume()
    },
    giveWay() {
      deps.recorder.retire()
      deps.hooks.retire()
      sidecars.announceSuccessor()
      void fleet.stop()
    },
    tick() {
      fleet.tick()
      if (now() - sampledAt < EVERY) return
      sampledAt = now()
      // No bytes are drawn, and counting them asks every session.
      history = keep(history, statusWith([]))
    },
    async close() {
      sidecars.stop()
      await fleet.stop()
    },
    bytes: moved,
  }
}

function sum(counts: readonly ByteCount[]): Pick<ByteCount, 'fromClient' | 'fromMember'> {
  return {
    fromClient: bytes(counts.reduce((total, { fromClient }) => total + fromClient, 0)),
    fromMember: bytes(counts.reduce((total, { fromMember }) => total + fromMember, 0)),
  }
}

/** Worked out once for each configuration. */
function digestOf(config: () => Config): () => string {
  let of: Config | undefined
  let digest = ''
  return () => {
    const now = config()
    if (now !== of) digest = configDigest(now).slice(0, 12)
    of = now
    return digest
  }
}

/** The field, unless it is undefined. */
function withDefined<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: V })
}
