// The parts of `mekare run`, built and joined: clusters, proxy, log, metrics, admin. Owns no signal and no exit code.

import type { Outcome } from '../admin/deps.js'
import { createFeeds } from '../admin/feed.js'
import { createLog } from '../admin/log.js'
import { createMetrics } from '../admin/metrics.js'
import { cautions } from '../config/cautions.js'
import { descriptorsForSessions, sessionLimit } from '../config/rules.js'
import type { Config } from '../config/shape.js'
import type { Event, Report } from '../events/event.js'
import { createBind } from '../listening/bind.js'
import { type Inherited, storedName } from '../listening/inherited.js'
import type { Listening } from '../listening/listening.js'
import type { OpenProblem } from '../proxy/entrances.js'
import { createProxy, type ProxyServer } from '../proxy/proxy.js'
import { createEngine } from '../relay/create.js'
import { planOpening } from '../reload/plan.js'
import { createTally } from '../sessions/tally.js'
import { epochMs, type Ms, ms } from '../units/units.js'
import { createAdminServers } from './admin-servers.js'
import { createClusters } from './clusters.js'
import { createHooks } from './hooks.js'
import { watchDescriptors } from './limits.js'
import type { Notifier, Stored } from './notify.js'
import { createOffice, type Office, type OfficeDeps } from './office.js'
import { createRecorder, type Recorder } from './recorder.js'
import { createReload } from './reload.js'

export const now = (): Ms => ms(performance.now())
export const wall = () => epochMs(Date.now())

export interface RouterInput extends Pick<OfficeDeps, 'restart' | 'predecessor'> {
  readonly config: Config
  readonly version: string
  /** Loads the configuration anew. Throws a ConfigError. */
  readonly load: () => Config
  readonly inherited: Inherited
  readonly notifier: Notifier
  /** Why the configuration cannot be changed now, if so. */
  readonly hindrance: () => string | undefined
}

export interface Router {
  config(): Config
  readonly proxy: ProxyServer
  readonly office: Office
  readonly recorder: Recorder
  readonly report: Report
  bug(error: unknown): void
  /** Opens every address, inherited ones last: these accept at once. The problems of those that could not be; then none is open. */
  open(): Promise<readonly OpenProblem[]>
  /** Every socket that listens. */
  listening(): readonly Listening[]
  /** Those for the service manager to keep over a restart of its own. Unix sockets are not: their files go with the runtime directory. */
  stored(): readonly Stored[]
  /** Nothing of it listens any more, and nobody new comes; requests under way are answered. */
  close(): void
  end(): Promise<void>
}

/** Builds it; clusters are followed from here on, and nothing listens before open(). Gives why it cannot be, if so. */
export async function createRouter(input: RouterInput): Promise<Router | string> {
  const { version, inherited } = input
  let inForce = input.config
  const config = () => inForce
  const feeds = createFeeds(wall)
  const log = createLog({ ...inForce.log, now, told: feeds.push })
  // Its warnings go to the log alone: nothing else is built yet.
  const recorder = createRecorder(config, { now, wall, warn: what => log.report({ kind: 'warned', what }) })
  const tally = createTally(listen => config().listen[listen]?.cluster)
  const report = (event: Event): void => {
    log.report(event)
    metrics.count(event)
    tally.hear(event, now())
    hooks.hear(event)
    for (const made of recorder.hear(event)) report(made)
  }
  const hooks = createHooks({ config, now, wall, report: event => report(event) })
  const bug = (error: unknown) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    report({ kind: 'warned', what: `a bug in mekare, please report it: ${text}` })
  }
  const bind = createBind(inherited)
  const created = await createEngine(inForce.relay, what => report({ kind: 'warned', what }))
  if (!created.ok) {
    await log.close()
    return created.why
  }
  const { engine } = created
  const clusters = createClusters({ now, wall, report, config, changed: changed => proxy.reconcile(changed) })
  const first = planOpening(inForce)
  const begun = clusters.prepare(first.clusters)
  const descriptors = watchDescriptors(report, now)
  const proxy: ProxyServer = createProxy({
    ...{ report, now, bug, engine, bind },
    listen: inForce.listen,
    clusters: begun.next,
    chance: Math.random,
    maxSessions: () => sessionLimit(config().session.max, descriptors.limit(), config().relay.threads),
    descriptors: {
      ...descriptors,
      forSessions: () => descriptorsForSessions(descriptors.limit(), config().relay.threads),
    },
    tick: late => {
      descriptors.look()
      metrics.tick(late)
      const calm = clusters.tick(proxy.uses)
      for (const made of recorder.tick()) report(made)
      try {
        const due = office.tick()
        hooks.look(office.facts)
        if (calm && !recorder.isRecording() && !hooks.any()) return due
      } catch (error) {
        bug(error)
      }
      return 0
    },
  })
  const office = createOffice({
    ...{ config, version, now, wall, proxy, report, recorder, tally, feeds, hooks },
    ...{ restart: input.restart, predecessor: input.predecessor },
    clusters: clusters.inForce,
    metrics: () => metrics.text(),
    reload: () => reloadAloud(),
  })
  const metrics = createMetrics({
    hooks: () => Object.keys(config().hooks),
    status: office.status,
    bytes: office.bytes,
    clusterOf: listen => config().listen[listen]?.cluster,
  })
  const admin = createAdminServers(office, report, bind)
  const reload = createReload({
    ...{ config, report, clusters, proxy, admin },
    load: input.load,
    set: next => {
      inForce = next
    },
    setLog: log.change,
    hindrance: () => (proxy.stopping() ? 'the proxy is stopping' : input.hindrance()),
  })
  /** The service manager hears when it begins and ends, and gets the sockets to keep. */
  async function reloadAloud(): Promise<Outcome> {
    input.notifier.reloading()
    const outcome = await reload()
    input.notifier.store(stored())
    input.notifier.reloaded()
    return outcome
  }

  const listening = () => [...proxy.listening(), ...admin.listening()]
  const stored = () =>
    listening().flatMap(({ key, address, bound, fd }) => {
      const open = address.kind === 'tcp' ? fd() : undefined
      return open === undefined ? [] : [{ name: storedName(key), bound, fd: open }]
    })

  report({ kind: 'started', version, name: inForce.fleet.name, engine: engine.name })
  for (const what of cautions(inForce)) report({ kind: 'warned', what })
  if (created.why !== undefined)
    report({ kind: 'warned', what: `relay.engine: net is used, native does not work here: ${created.why}` })
  begun.commit()

  const listeners = first.listeners
    .map(one => ({
      ...one,
      handedOn: inherited.has({ key: `listen.${one.name}.address`, address: one.rules.address, mode: 0 }),
    }))
    .sort((a, b) => Number(a.handedOn) - Number(b.handedOn))
  const takesOver = listeners.some(({ handedOn }) => handedOn)

  async function openProxy(): Promise<readonly OpenProblem[]> {
    const ways = await proxy.prepare({ ...first, listeners }, begun.next)
    if (ways.ok) ways.change.commit()
    return ways.ok ? [] : ways.problems
  }

  return {
    ...{ config, proxy, office, recorder, report, bug },
    async open() {
      const { socket } = config().admin
      // A monitor must not ask before the listeners are there; an address of our own may fail, and must do so before they are.
      const adminFirst = !inherited.has({ key: 'admin.socket', address: { kind: 'unix', path: socket }, mode: 0 })
      const openAdmin = () => admin.open(config().admin)
      const order = adminFirst ? [openAdmin, openProxy] : [openProxy, openAdmin]
      const problems: OpenProblem[] = []
      for (const each of order) if (problems.length === 0 || !takesOver) problems.push(...(await each()))
      return problems
    },
    listening,
    stored,
    close() {
      admin.close()
      void office.close()
    },
    async end() {
      hooks.stop()
      const gone = office.close()
      await proxy.stop()
      await engine.stop?.()
      await Promise.all([clusters.stop(), admin.stop(), gone])
      report({ kind: 'stopped' })
      await recorder.close()
      await log.close()
    },
  }
}
