// `mekare run`: builds clusters, proxy, log, metrics and admin, joins them, and owns signals and the exit code.

import { createFeed } from '../admin/feed.js'
import { createLog } from '../admin/log.js'
import { createMetrics } from '../admin/metrics.js'
import { EXIT } from '../cli/deps.js'
import { sessionLimit } from '../config/rules.js'
import type { Config } from '../config/shape.js'
import type { Event } from '../events/event.js'
import { createBind } from '../listening/bind.js'
import { NOTHING } from '../listening/inherited.js'
import { createProxy, type ProxyServer } from '../proxy/proxy.js'
import { createEngine } from '../relay/create.js'
import { planOpening } from '../reload/plan.js'
import { epochMs, type Ms, ms } from '../units/units.js'
import { createAdminServers } from './admin-servers.js'
import { createClusters } from './clusters.js'
import { descriptorLimit } from './limits.js'
import { createNotifier } from './notify.js'
import { createOffice } from './office.js'
import { createRecorder } from './recorder.js'
import { createReload } from './reload.js'
import { hearSignals, whenAsked } from './signals.js'

export const now = (): Ms => ms(performance.now())
export const wall = () => epochMs(Date.now())

export interface RunInput {
  readonly config: Config
  readonly version: string
  /** Loads the configuration anew. Throws a ConfigError. */
  readonly load: () => Config
}

/** Runs until a signal or a bug ends it; gives the exit code. */
export async function runProxy({ config: given, version, load }: RunInput): Promise<number> {
  let inForce = given
  const config = () => inForce
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
  const bind = createBind(NOTHING)
  let ended: (code: number) => void = () => {}
  const bug = (error: unknown) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    report({ kind: 'warned', what: `a bug in mekare, please report it: ${text}` })
  }
  const signals = hearSignals()

  const created = await createEngine(given.relay, what => report({ kind: 'warned', what }))
  if (!created.ok) {
    process.stderr.write(`mekare: ${created.why}\n`)
    await log.close()
    return EXIT.config
  }
  const { engine } = created
  const clusters = createClusters({ now, wall, report, config, changed: changed => proxy.reconcile(changed) })
  const first = planOpening(given)
  const begun = clusters.prepare(first.clusters)
  const proxy: ProxyServer = createProxy({
    report,
    now,
    listen: given.listen,
    clusters: begun.next,
    bug,
    engine,
    chance: Math.random,
    bind,
    maxSessions: () => sessionLimit(config().session.max, descriptors),
    tick: () => {
      clusters.tick(proxy.uses)
      for (const made of recorder.tick()) report(made)
    },
  })
  const notifier = createNotifier(process.env, what => report({ kind: 'warned', what }))
  const reload = async () => {
    notifier.reloading()
    const outcome = await reloadOnce()
    notifier.reloaded()
    return outcome
  }
  const office = createOffice({
    config,
    version,
    now,
    clusters: clusters.inForce,
    proxy,
    report,
    recorder,
    feed,
    metrics: () => metrics.text(),
    reload,
  })
  const metrics = createMetrics({
    status: office.status,
    liveBytes: office.liveBytes,
    clusterOf: listen => config().listen[listen]?.cluster,
  })
  const admin = createAdminServers(office, report, bind)
  const reloadOnce = createReload({
    config,
    set: next => {
      inForce = next
    },
    load,
    report,
    clusters,
    proxy,
    admin,
    setLog: log.change,
    hindrance: () => (proxy.stopping() ? 'the proxy is stopping' : undefined),
  })
  const endAll = async () => {
    await proxy.stop()
    await engine.stop?.()
    await Promise.all([clusters.stop(), admin.stop()])
  }

  report({ kind: 'started', version, name: given.fleet.name, engine: engine.name })
  if (created.why !== undefined)
    report({ kind: 'warned', what: `relay.engine: net is used, native does not work here: ${created.why}` })
  begun.commit()
  const ways = await proxy.prepare(first, begun.next)
  const problems = [...(ways.ok ? [] : ways.problems), ...(await admin.open(given.admin))]
  if (problems.length > 0 || !ways.ok) {
    for (const { why } of problems) process.stderr.write(`mekare: ${why}\n`)
    if (ways.ok) await ways.change.abort()
    office.close()
    await endAll()
    await log.close()
    // What passes by itself (an address not up yet) may be tried again; what does not is for the operator to change.
    return problems.every(problem => problem.passing) ? EXIT.unavailable : EXIT.config
  }
  ways.change.commit()
  notifier.ready()

  const stopping = whenAsked(signals, {
    drainTimeout: () => config().session.drainTimeout,
    proxy,
    report,
    office,
    notifier,
    reload,
  })
  const broken = new Promise<number>(resolve => (ended = resolve))
  process.on('uncaughtException', error => {
    bug(error)
    ended(EXIT.failed)
  })
  const code = await Promise.race([stopping, broken])
  office.close()
  await endAll()
  notifier.stop()
  report({ kind: 'stopped' })
  await recorder.close()
  await log.close()
  return code
}
