// A switchover by order of an operator: judges who could take over, and has Patroni do it. Changes nothing itself: what follows
// from it (the gate, cuts, holds, the incident) comes by the source, as with any other leader change.

import type { Outcome, SwitchoverPlan, SwitchoverWish } from '../admin/deps.js'
import type { Config, PatroniConfig } from '../config/shape.js'
import type { Report } from '../events/event.js'
import { candidateOf } from '../pools/candidate.js'
import type { ProxyServer } from '../proxy/proxy.js'
import { type Asked, createAsker } from '../sources/patroni/ask.js'
import { apiBase } from '../topology/address.js'
import { formatMs, type Ms } from '../units/units.js'
import type { Cluster } from './cluster.js'
import type { Recorder } from './recorder.js'

type Refused = Extract<Outcome, { ok: false }>

export interface Switchover {
  plan(wish: SwitchoverWish): SwitchoverPlan | Refused
  /** Resolves when Patroni has answered, which is when it is done. */
  order(wish: SwitchoverWish): Promise<Outcome>
}

export interface SwitchoverDeps {
  readonly config: () => Config
  readonly now: () => Ms
  readonly report: Report
  readonly clusters: ReadonlyMap<string, Cluster>
  readonly proxy: ProxyServer
  readonly recorder: Recorder
}

/** Patroni answers once the new leader runs: it has its own limit, `loop_wait` and more. In ms. */
const PATIENCE = 80_000

export function createSwitchover(deps: SwitchoverDeps): Switchover {
  const { clusters } = deps
  const underWay = new Set<string>()

  function find(wish: SwitchoverWish): Cluster | string {
    const names = [...clusters.keys()].join(', ')
    if (wish.cluster === undefined && clusters.size > 1) return `which cluster? Name one with --cluster: ${names}`
    const found = wish.cluster === undefined ? [...clusters.values()][0] : clusters.get(wish.cluster)
    return found ?? `no cluster is named ${wish.cluster}; there are: ${names}`
  }

  function plan(wish: SwitchoverWish): SwitchoverPlan | Refused {
    const cluster = find(wish)
    if (typeof cluster === 'string') return { ok: false, why: cluster }
    const { name } = cluster
    if (underWay.has(name)) return { ok: false, why: `${name}: a switchover is under way` }
    const candidate = candidateOf(cluster.state(), wish.to, cluster.config().probe, deps.now())
    if (!candidate.ok) return { ok: false, why: `${name}: ${candidate.why}` }
    if (wish.from !== undefined && wish.from !== candidate.from)
      return { ok: false, why: `${name}: ${candidate.from} leads by now, not ${wish.from}` }
    const { ok: _, ...fit } = candidate
    return { cluster: name, ...fit, ...whatItCosts(name, fit.from) }
  }

  function whatItCosts(cluster: string, from: string): Pick<SwitchoverPlan, 'sessions' | 'holds' | 'incident'> {
    const writes = Object.entries(deps.config().listen).filter(
      ([, { cluster: of, role }]) => of === cluster && role === 'primary',
    )
    return {
      sessions: deps.proxy.sessionsOn(cluster, from),
      holds: writes.map(([listen, { holdFor }]) => `${listen} ${formatMs(holdFor)}`),
      incident: Math.max(0, ...deps.recorder.incidents().map(({ number }) => number)),
    }
  }

  async function order(wish: SwitchoverWish): Promise<Outcome> {
    const planned = plan(wish)
    if ('ok' in planned) return planned
    const { cluster: name, from, to } = planned
    const cluster = clusters.get(name)
    if (cluster === undefined) return { ok: false, why: `${name} is gone` }
    underWay.add(name)
    deps.report({ kind: 'switchover_ordered', cluster: name, from, to })
    const outcome = await askPatroni(cluster.config().patroni, basesOf(cluster, from), { leader: from, candidate: to })
    underWay.delete(name)
    if (outcome.ok) return { ok: true, said: `Patroni: ${outcome.said}` }
    deps.report({ kind: 'switchover_refused', cluster: name, from, to, why: outcome.why })
    return { ok: false, why: `${name}: ${outcome.why}` }
  }

  return { plan, order }
}

/** The leader's own REST API first: it is who gives the lead away. */
function basesOf(cluster: Cluster, leader: string): readonly string[] {
  const members = [...(cluster.state().topology?.members.values() ?? [])]
  const sorted = members.toSorted((a, b) => Number(b.name === leader) - Number(a.name === leader))
  const configured = cluster
    .config()
    .patroni.urls.map(url => apiBase(/^https?:/i.test(url) ? url : `http://${url}`) ?? url)
  return [...new Set([...sorted.flatMap(({ apiUrl }) => apiUrl ?? []), ...configured])]
}

/** Asks one after another until somebody has heard it: an order that may have been heard is not given twice. */
async function askPatroni(config: PatroniConfig, bases: readonly string[], body: object): Promise<Outcome> {
  const asker = createAsker(config)
  const failed: string[] = []
  try {
    for (const base of bases) {
      const asked = await asker.post(base, '/switchover', body, PATIENCE)
      if (asked.kind === 'answer') return inWords(asked)
      failed.push(`${base}: ${asked.why}`)
      if (asked.kind === 'lost') break
    }
  } finally {
    asker.close()
  }
  if (failed.length === 0)
    return { ok: false, why: 'no REST address of Patroni is known; give clusters.*.patroni.urls' }
  return { ok: false, why: `Patroni could not be asked: ${failed.join('; ')}` }
}

/** 200 is said when it is done (patroni/api.py, do_POST_switchover); 202 that it is planned; others why not. */
function inWords({ status, text }: Extract<Asked, { kind: 'answer' }>): Outcome {
  if (status === 200 || status === 202) return { ok: true, said: text }
  if (status === 401 || status === 403)
    return {
      ok: false,
      why: `Patroni wants to know who asks (HTTP ${status}): give clusters.*.patroni.username and passwordFile`,
    }
  return { ok: false, why: `Patroni refused: ${text} (HTTP ${status})` }
}
