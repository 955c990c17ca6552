// What the admin address and the control socket show and do: gathers it from the clusters and the proxy when asked.

import type { ByteCount } from '../admin/byte-totals.js'
import type { AdminDeps, Outcome } from '../admin/deps.js'
import type { EventFeed } from '../admin/feed.js'
import { createSidecars } from '../admin/sidecars.js'
import type { Config, ListenConfig } from '../config/shape.js'
import type { Report } from '../events/event.js'
import type { Status } from '../pools/status.js'
import { clusterStatus, explainLines, type StatusInput } from '../pools/view.js'
import type { ProxyServer } from '../proxy/proxy.js'
import { type Ms, ms } from '../units/units.js'
import type { Cluster } from './cluster.js'
import type { Recorder } from './recorder.js'

export interface OfficeDeps {
  /** The configuration in force; asked each time. */
  readonly config: () => Config
  readonly version: string
  readonly now: () => Ms
  readonly clusters: ReadonlyMap<string, Cluster>
  readonly proxy: ProxyServer
  readonly report: Report
  readonly recorder: Recorder
  readonly feed: EventFeed
  readonly metrics: () => Promise<string>
  readonly reload: () => Promise<Outcome>
}

export interface Office extends AdminDeps {
  /** The proxy is stopping: incidents are its successor's to record, and the sidecars hear of it now. */
  stop(): void
  /** Lets go of the sidecars. */
  close(): void
  liveBytes(): Iterable<ByteCount>
}

export function createOffice(deps: OfficeDeps): Office {
  const { config, clusters, proxy, now } = deps
  const startedAt = now()
  let drained = false
  const named = (is: (cluster: Cluster) => boolean) => [...clusters.values()].filter(is).map(({ name }) => name)
  const sidecars = createSidecars(() => ({
    gateClosed: named(cluster => cluster.state().gate.kind === 'closed'),
    sourceSilent: named(cluster => cluster.state().silent !== undefined),
    stopping: proxy.stopping(),
    drained,
  }))
  const vrrp = () =>
    Object.keys(config().vrrp).map(name => {
      const report = sidecars.reports().find(one => one.name === name)
      return report ? { name, report } : { name }
    })

  const listensOf = (cluster: string) =>
    new Map<string, ListenConfig>(Object.entries(config().listen).filter(([, listen]) => listen.cluster === cluster))

  const inputOf = (cluster: Cluster): StatusInput => ({
    state: cluster.state(),
    scope: cluster.config().scope,
    source: cluster.source(),
    rules: cluster.config().probe,
    listens: listensOf(cluster.name),
    sessionsOn: member => proxy.sessionsOn(cluster.name, member),
  })

  const status = (): Status => ({
    name: config().fleet.name,
    version: deps.version,
    up: ms(now() - startedAt),
    stopping: proxy.stopping(),
    clusters: [...clusters.values()].map(cluster => clusterStatus(inputOf(cluster), now())),
    listeners: proxy.listeners(),
    ...(Object.keys(config().vrrp).length > 0 && { vrrp: vrrp() }),
  })

  function ready(name?: string): { ok: boolean; why: string } {
    const names = Object.keys(config().listen)
    if (name !== undefined && !names.includes(name))
      return { ok: false, why: `no listener "${name}"; there are ${names.join(', ')}` }
    if (drained) return { ok: false, why: 'this router is drained by an operator (mekare undrain self)' }
    const asked = name === undefined ? names : [name]
    const answers = asked.map(listen => ({ listen, ...proxy.ready(listen) }))
    const wrong = answers.filter(answer => !answer.ok)
    const words = (wrong.length > 0 ? wrong : answers).map(({ listen, why }) => `${listen}: ${why}`)
    return { ok: wrong.length === 0, why: words.join('\n') }
  }

  /** Out of service means: /readyz says no, so that whoever holds the address moves it; sessions, old and new, are served on. */
  function drainSelf(on: boolean): Outcome {
    drained = on
    sidecars.pulse()
    const sessions = proxy.size()
    if (!on) return { ok: true, said: 'in service again: /readyz says what is true' }
    return {
      ok: true,
      said: `out of service: /readyz says no; ${sessions} sessions go on, and whoever still comes is served`,
    }
  }

  function drain(member: string, on: boolean): Outcome {
    if (member === 'self') return drainSelf(on)
    const homes = [...clusters.values()].filter(cluster => cluster.state().topology?.members.has(member))
    const known = [...clusters.values()].flatMap(cluster => [...(cluster.state().topology?.members.keys() ?? [])])
    if (homes.length === 0)
      return { ok: false, why: `no member "${member}"; there are ${known.join(', ') || 'none yet'}` }
    for (const cluster of homes) cluster.tell({ kind: 'drain', member, on })
    const sessions = homes.reduce((sum, cluster) => sum + proxy.sessionsOn(cluster.name, member), 0)
    if (!on) return { ok: true, said: `${member} takes new read sessions again` }
    const writes = homes.some(cluster => isPrimary(cluster, member))
      ? '; it is the primary: writes stay until a switchover'
      : ''
    return {
      ok: true,
      said: `${member} gets no new read sessions; ${sessions} sessions are there now and end by themselves${writes}`,
    }
  }

  return {
    status,
    ready,
    drain,
    explain(listen) {
      const found = config().listen[listen]
      const cluster = found && clusters.get(found.cluster)
      return cluster && explainLines(found, inputOf(cluster), now())
    },
    sessions: () => proxy.sessions(),
    incidents: () => deps.recorder.incidents(),
    metrics: deps.metrics,
    reload: deps.reload,
    events: deps.feed,
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
      sidecars.pulse()
    },
    close: sidecars.stop,
    liveBytes: () =>
      proxy.sessions().flatMap(({ member, ...rest }) => (member === undefined ? [] : [{ ...rest, member }])),
  }
}

function isPrimary(cluster: Cluster, member: string): boolean {
  const { gate } = cluster.state()
  return gate.kind === 'open' && gate.member === member
}
