// Puts a new configuration in force, whole or not at all. Everything that can fail is done first: reading, checking, opening what
// is to be opened. Then it is made so in one turn of the event loop, with no session dropped and no socket closed that stays.

import type { Outcome } from '../admin/deps.js'
import { collide } from '../config/addresses.js'
import { cautions } from '../config/cautions.js'
import { changesBetween } from '../config/changes.js'
import { configDigest } from '../config/digest.js'
import { ConfigError } from '../config/problems.js'
import type { Config } from '../config/shape.js'
import type { Report } from '../events/event.js'
import type { ProxyServer } from '../proxy/proxy.js'
import { type Plan, planReload } from '../reload/plan.js'
import { plural } from '../units/units.js'
import type { AdminServers } from './admin-servers.js'
import type { Clusters } from './clusters.js'

export interface ReloadDeps {
  readonly config: () => Config
  readonly set: (config: Config) => void
  /** Reads it anew. Throws a ConfigError. */
  readonly load: () => Config
  readonly report: Report
  readonly clusters: Clusters
  readonly proxy: ProxyServer
  readonly admin: AdminServers
  readonly setLog: (log: Config['log']) => void
  /** Why there can be no reload now, if so. */
  readonly hindrance: () => string | undefined
}

type Refused = Extract<Outcome, { ok: false }>

/**
 * Gives what reloads. One that is asked for while another is under way begins after it, and answers all who have asked by then:
 * a storm of signals is two reloads.
 */
export function createReload(deps: ReloadDeps): () => Promise<Outcome> {
  let running: Promise<Outcome> | undefined
  let next: Promise<Outcome> | undefined

  function begin(): Promise<Outcome> {
    running = reload(deps).finally(() => {
      running = undefined
    })
    return running
  }
  return () => {
    if (!running) return begin()
    next ??= running.then(() => {
      next = undefined
      return begin()
    })
    return next
  }
}

async function reload(deps: ReloadDeps): Promise<Outcome> {
  const outcome = await tryReload(deps)
  if (outcome.ok) return outcome
  deps.report({ kind: 'reload_refused', why: outcome.why })
  return { ...outcome, why: `nothing is changed:\n${outcome.why}` }
}

async function tryReload(deps: ReloadDeps): Promise<Outcome> {
  const hindrance = deps.hindrance()
  if (hindrance !== undefined) return { ok: false, why: hindrance }
  const before = deps.config()
  const after = read(deps.load)
  if ('why' in after) return after
  const plan = planReload(before, after, { collide })
  if (plan.needsRestart.length > 0) return needsRestart(plan, changesBetween(before, after))
  const problem = await apply(plan, after, deps)
  if (problem) return problem
  const [from, to] = [configDigest(before), configDigest(after)].map(digest => digest.slice(0, 12))
  const changes = changesBetween(before, after)
  deps.report({ kind: 'reloaded', from: from ?? '', to: to ?? '', changes })
  const known = new Set(cautions(before))
  for (const what of cautions(after)) if (!known.has(what)) deps.report({ kind: 'warned', what })
  return { ok: true, said: inWords(changes, plan, `${from} → ${to}`) }
}

function read(load: () => Config): Config | Refused {
  try {
    return load()
  } catch (error) {
    if (error instanceof ConfigError) return { ok: false, why: error.message, blame: 'config' }
    throw error
  }
}

function needsRestart({ needsRestart: keys }: Plan, changes: readonly string[]): Refused {
  const lines = changes.filter(change => keys.some(key => change === key || change.startsWith(key)))
  const why = [...lines.map(line => `${line}; needs a restart: mekare restart, which drops no session either`)]
  return { ok: false, why: why.join('\n'), blame: 'config' }
}

/** What can fail comes first; why it did, with all as before. */
async function apply(plan: Plan, after: Config, deps: ReloadDeps): Promise<Refused | undefined> {
  const clusters = deps.clusters.prepare(plan.clusters)
  const admin = plan.admin ? await deps.admin.prepareMove(after.admin.address) : undefined
  if (admin && !admin.ok) return { ok: false, why: admin.why, blame: 'config' }
  const ways = await deps.proxy.prepare(plan, clusters.next)
  const stopping = deps.hindrance()
  if (!ways.ok || stopping !== undefined) {
    await admin?.move.abort()
    if (!ways.ok) return { ok: false, why: ways.problems.map(({ why }) => why).join('\n'), blame: 'config' }
    await ways.change.abort()
    return { ok: false, why: stopping ?? '' }
  }
  deps.set(after)
  clusters.commit()
  ways.change.commit()
  admin?.move.commit()
  if (plan.log) deps.setLog(after.log)
  return undefined
}

function inWords(changes: readonly string[], { sidecar }: Plan, digests: string): string {
  if (changes.length === 0) return 'reloaded: nothing has changed'
  const note = sidecar ? ['vrrp is the sidecar’s: reload it too (systemctl reload mekare-vrrp)'] : []
  return [`reloaded: ${plural(changes.length, 'change')} (${digests})`, ...changes, ...note].join('\n')
}
