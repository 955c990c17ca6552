// `mekare run`: builds clusters, proxy, log, metrics and admin, joins them, and owns signals and the exit code.

import { startControl } from '../admin/control.js'
import type { AdminDeps, Listening, Started } from '../admin/deps.js'
import { createFeed } from '../admin/feed.js'
import { createLog } from '../admin/log.js'
import { createMetrics } from '../admin/metrics.js'
import { startAdmin } from '../admin/server.js'
import { EXIT } from '../cli/deps.js'
import { sessionLimit } from '../config/rules.js'
import type { Config } from '../config/shape.js'
import type { Event } from '../events/event.js'
import { createProxy, type OpenProblem, type ProxyServer } from '../proxy/proxy.js'
import { createEngine } from '../relay/create.js'
import type { Engine } from '../relay/relay.js'
import { epochMs, type Ms, ms } from '../units/units.js'
import { type Cluster, createCluster } from './cluster.js'
import { descriptorLimit } from './limits.js'
import { createNotifier } from './notify.js'
import { createOffice } from './office.js'
import { createRecorder } from './recorder.js'
import { whenAsked } from './signals.js'

export const now = (): Ms => ms(performance.now())
export const wall = () => epochMs(Date.now())

export interface RunInput {
  readonly config: Config
  readonly version: string
}

/** Runs until a signal or a bug ends it; gives the exit code. */
export async function runProxy({ config: given, version }: RunInput): Promise<number> {
  const config = () => given
  const feed = createFeed(wall)
  const log = createLog({ ...given.log, now, told: line => feed.push(line) })
  // Its warnings go to the log alone: nothing else is built yet.
  const recorder = createRecorder(config, { now, wall, warn: what => log.report({ kind: 'warned', what }) })
  const report = (event: Event): void => {
    log.report(event)
    metrics.count(event)
    for (const made of recorder.hear(event)) report(made)
  }
  const descriptors = descriptorLimit()
  let proxy: ProxyServer | undefined
  let ended: (code: number) => void = () => {}
  const bug = (error: unknown) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    report({ kind: 'warned', what: `a bug in mekare, please report it: ${text}` })
  }

  const created = await createEngine(given.relay, what => report({ kind: 'warned', what }))
  if (!created.ok) {
    process.stderr.write(`mekare: ${created.why}\n`)
    await log.close()
    return EXIT.config
  }
  const { engine } = created
  const clusters = new Map<string, Cluster>()
  for (const [name, cluster] of Object.entries(given.clusters))
    clusters.set(
      name,
      createCluster(name, cluster, { now, wall, report, config, changed: changed => proxy?.reconcile(changed) }),
    )

  proxy = createProxy({
    report,
    now,
    config,
    clusters,
    bug,
    engine,
    chance: Math.random,
    maxSessions: () => sessionLimit(config().session.max, descriptors),
    tick: () => {
      for (const cluster of clusters.values()) cluster.tell({ kind: 'tick' })
      for (const made of recorder.tick()) report(made)
    },
  })
  const office = createOffice({
    config,
    version,
    now,
    clusters,
    proxy,
    report,
    recorder,
    feed,
    metrics: () => metrics.text(),
  })
  const metrics = createMetrics({
    status: office.status,
    liveBytes: office.liveBytes,
    clusterOf: listen => config().listen[listen]?.cluster,
  })

  report({ kind: 'started', version, name: given.fleet.name, engine: engine.name })
  if (created.why !== undefined)
    report({ kind: 'warned', what: `relay.engine: net is used, native does not work here: ${created.why}` })
  for (const cluster of clusters.values()) cluster.start()
  const servers: Listening[] = []
  const problems = [...(await proxy.open()), ...(await openAdmin(given, office, report, servers))]
  if (problems.length > 0) {
    for (const { why } of problems) process.stderr.write(`mekare: ${why}\n`)
    office.close()
    await endAll(proxy, engine, clusters, servers)
    await log.close()
    // What passes by itself (an address not up yet) may be tried again; what does not is for the operator to change.
    return problems.every(problem => problem.passing) ? EXIT.unavailable : EXIT.config
  }
  const notifier = createNotifier(process.env, what => report({ kind: 'warned', what }))
  notifier.ready()

  const stopping = whenAsked({ drainTimeout: () => config().session.drainTimeout, proxy, report, office, notifier })
  const broken = new Promise<number>(resolve => (ended = resolve))
  process.on('uncaughtException', error => {
    bug(error)
    ended(EXIT.failed)
  })
  const code = await Promise.race([stopping, broken])
  office.close()
  await endAll(proxy, engine, clusters, servers)
  notifier.stop()
  report({ kind: 'stopped' })
  await recorder.close()
  await log.close()
  return code
}

async function openAdmin(
  config: Config,
  deps: AdminDeps,
  report: (event: Event) => void,
  servers: Listening[],
): Promise<OpenProblem[]> {
  const started: Started[] = [
    await startAdmin(config.admin.address, deps, report),
    await startControl(config.admin.socket, deps),
  ]
  const problems: OpenProblem[] = []
  for (const one of started) {
    if (one.ok) servers.push(one.server)
    else problems.push({ why: one.why, passing: /EADDRINUSE|EADDRNOTAVAIL/.test(one.why) })
  }
  return problems
}

async function endAll(
  proxy: ProxyServer,
  engine: Engine,
  clusters: ReadonlyMap<string, Cluster>,
  servers: readonly Listening[],
): Promise<void> {
  await proxy.stop()
  await engine.stop?.()
  await Promise.all([...[...clusters.values()].map(cluster => cluster.stop()), ...servers.map(server => server.stop())])
}
