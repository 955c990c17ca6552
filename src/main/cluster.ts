// Drives one cluster's machine: feeds it from its source and its prober, reports what comes out, and asks whom it should.

import type { ClusterConfig, Config, ListenConfig } from '../config/shape.js'
import type { Report } from '../events/event.js'
import { type ClusterInput, type ClusterState, isCalm, newCluster, probePeriod, step } from '../pools/cluster.js'
import type { PoolEntry } from '../pools/pool.js'
import { poolNow } from '../pools/view.js'
import { createProber } from '../probes/create.js'
import { createKnocker } from '../probes/knock.js'
import type { SourceStatus } from '../sources/source.js'
import type { EpochMs, Ms } from '../units/units.js'
import { createPoolWatch } from './pool-watch.js'
import { createSourceSeat } from './source-seat.js'

/** What of a pool changes by time alone (lags that are no longer fresh, a slow start's share) may be so old. */
const POOL_STANDS_MS = 20
/** No more often than this time passes for a cluster of which nothing falls due by it: what changes in its pools all the same is then told. */
const CALM_TICK_MS = 1000

export interface ClusterDeps {
  readonly now: () => Ms
  readonly wall: () => EpochMs
  readonly report: Report
  /** The configuration in force; asked each time. */
  readonly config: () => Pick<Config, 'listen'>
  /** Something a session would notice has changed. */
  readonly changed: (cluster: Cluster) => void
}

export interface Cluster {
  readonly name: string
  config(): ClusterConfig
  state(): ClusterState
  tell(input: ClusterInput): void
  pool(listen: ListenConfig): readonly PoolEntry[]
  source(): SourceStatus
  start(): void
  /** From now on this holds. What is known stays; a new source takes the old one's place when it first speaks. */
  change(config: ClusterConfig, what: { readonly source: boolean; readonly probes: boolean }): void
  /** It goes on for the sessions it has, and tells nothing any more: its name is another's now, or nobody's. */
  retire(): void
  stop(): Promise<void>
}

/** A cluster that asks nobody before start(). */
export function createCluster(name: string, first: ClusterConfig, deps: ClusterDeps): Cluster {
  const { now, wall } = deps
  let retired = false
  const report: Report = event => {
    if (!retired) deps.report(event)
  }
  let config = first
  let state = newCluster(name, now())
  const source = createSourceSeat(name, config, { now, wall, report })
  const newProber = () =>
    createProber(config, {
      now,
      period: (member, via) => probePeriod(state, member, via, config.probe.interval, now()),
      told: outcome => tell({ kind: 'probed', outcome }),
    })
  let prober = newProber()
  const newKnocker = () => createKnocker(config.probe, { now, told: outcome => tell({ kind: 'pooler', outcome }) })
  let knocker = newKnocker()
  let poolers = ''

  /** Poolers matter only where sessions are dialled through them: a reload may change that, and so may the source. */
  function knock(): void {
    const listens = Object.values(deps.config().listen)
    const used = listens.some(({ cluster, target }) => cluster === name && target === 'pooler')
    const doors = used ? doorsOf(state) : []
    const next = JSON.stringify(doors)
    if (next === poolers) return
    poolers = next
    knocker.want(doors)
  }

  const watch = createPoolWatch(name, deps.config)
  let pools = new WeakMap<ListenConfig, { of: ClusterState; at: Ms; entries: readonly PoolEntry[] }>()
  const pool = (listen: ListenConfig) => {
    const known = pools.get(listen)
    const at = now()
    if (known?.of === state && at - known.at < POOL_STANDS_MS) return known.entries
    const entries = poolNow(state, listen, config.probe, at)
    pools.set(listen, { of: state, at, entries })
    return entries
  }

  let tickedAt = Number.NEGATIVE_INFINITY
  /** Whether a tick is to be taken: ten times a second where it matters. */
  function isDue(): boolean {
    const at = now()
    if (isCalm(state) && at - tickedAt < CALM_TICK_MS) return false
    tickedAt = at
    return true
  }

  function tell(input: ClusterInput): void {
    if (input.kind === 'tick' && !isDue()) return
    const before = state
    const [next, events] = step(state, input, config.probe, now())
    state = next
    for (const event of events) report(event)
    if (before.topology?.members !== next.topology?.members) prober.want(targets(next))
    if (before.gate !== next.gate) prober.recheck()
    if (input.kind === 'dialled' && !input.outcome.ok) source.hint()
    const notice = noticeable(before, next)
    if (input.kind === 'tick' || input.kind === 'topology') knock()
    if (notice || input.kind === 'tick') for (const event of watch.look(pool)) report(event)
    if (notice) deps.changed(cluster)
  }

  const cluster: Cluster = {
    name,
    config: () => config,
    state: () => state,
    tell,
    pool,
    source: source.status,
    start: () => source.start(tell),
    change(next, { source: another, probes }) {
      config = next
      pools = new WeakMap()
      if (another) source.seat(config)
      if (probes) {
        void prober.stop()
        prober = newProber()
        prober.want(targets(state))
        knocker.stop()
        knocker = newKnocker()
        poolers = ''
      }
      prober.recheck()
    },
    retire() {
      retired = true
    },
    async stop() {
      knocker.stop()
      await Promise.all([source.stop(), prober.stop()])
    },
  }
  return cluster
}

function targets(state: ClusterState) {
  return [...(state.topology?.members.values() ?? [])].map(({ name, address, apiUrl }) => ({
    name,
    address,
    ...(apiUrl === undefined ? {} : { apiUrl }),
  }))
}

const doorsOf = ({ topology }: ClusterState) =>
  [...(topology?.members.values() ?? [])].flatMap(({ name, pooler }) =>
    pooler === undefined ? [] : [{ name, address: pooler }],
  )

/** Answers come fifty times a second while the gate waits; sessions care only for what could move, admit or cut one. */
function noticeable(before: ClusterState, next: ClusterState): boolean {
  return (
    before.gate !== next.gate ||
    before.topology !== next.topology ||
    before.drained !== next.drained ||
    before.silent !== next.silent ||
    differ(before.words, next.words, ({ answer }) => answer?.answer.kind) ||
    differ(before.health, next.health, ({ up }) => up) ||
    differ(before.poolers, next.poolers, ({ up }) => up)
  )
}

/** Whether anybody came, went, or has another value of `of`. Asked with each dial. */
function differ<V>(before: ReadonlyMap<string, V>, next: ReadonlyMap<string, V>, of: (value: V) => unknown): boolean {
  if (before === next) return false
  if (before.size !== next.size) return true
  for (const [name, value] of next) {
    const old = before.get(name)
    if (old === undefined || of(old) !== of(value)) return true
  }
  return false
}
