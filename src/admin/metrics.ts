// The metrics sink: events move counters and histograms at once; gauges are read from the status document when somebody asks.
// Owns its registry. Knows no session and no socket.

import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Event } from '../events/event.js'
import type { Incident } from '../incidents/incident.js'
import { OWNERS, phasesOf, sharesOf } from '../incidents/phases.js'
import type { ClusterStatus, ListenerStatus, Status } from '../pools/status.js'
import type { ByteCount } from '../sessions/byte-totals.js'
import type { Ms } from '../units/units.js'
import type { RouterReport } from '../vrrp/conversation.js'
import { createLoopLag, NEVER } from './loop-lag.js'
import { createMeters, type Meters } from './meters.js'
import { HOOK_RESULTS, type MetricName } from './metric-table.js'

export interface MetricsDeps {
  readonly status: () => Status
  /** Bytes moved, an entry for each listener and member. */
  readonly bytes: () => Iterable<ByteCount>
  readonly clusterOf: (listen: string) => string | undefined
  /** The names of the hooks. */
  readonly hooks: () => readonly string[]
}

export interface Metrics {
  /** Moves what an event moves: for most events one counter or none. */
  count(event: Event): void
  /** The time passes; by how late this comes it shows how late the event loop is. */
  tick(late: Ms): void
  /** Prometheus' text format, as of now. */
  text(): Promise<string>
}

/** Makes the metrics of one process, with those of Node.js itself (`process_…`, `nodejs_…`) beside them. */
export function createMetrics(deps: MetricsDeps): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: NEVER })
  const tick = createLoopLag(registry)
  const meters = createMeters(registry)
  const clusterOf = (listen: string) => deps.clusterOf(listen) ?? ''

  return {
    tick,
    count(event) {
      countEvent(meters, clusterOf, event)
    },
    text() {
      gauge(meters, deps.status())
      // A counter that is not there before it first counts has no increase to see.
      for (const hook of deps.hooks()) for (const result of HOOK_RESULTS) meters.hook_runs_total.put(0, hook, result)
      for (const { listen, member, fromClient, fromMember, queries } of deps.bytes()) {
        meters.bytes_total.put(fromClient, clusterOf(listen), listen, member, 'up')
        meters.bytes_total.put(fromMember, clusterOf(listen), listen, member, 'down')
        if (queries !== undefined) meters.queries_total.put(queries, clusterOf(listen), listen, member)
      }
      return registry.metrics()
    },
  }
}

function countEvent(meters: Meters, clusterOf: (listen: string) => string, event: Event): void {
  switch (event.kind) {
    case 'session_joined':
      meters.connect_seconds.put(event.connectTook / 1000, clusterOf(event.listen), event.listen)
      if (event.heldFor > 0) meters.hold_seconds.put(event.heldFor / 1000, clusterOf(event.listen), event.listen)
      return
    case 'session_ended':
      meters.sessions_total.put(1, clusterOf(event.listen), event.listen, event.end)
      return
    case 'session_refused':
      // A refused session has no session_ended: this is its end.
      meters.sessions_total.put(1, clusterOf(event.listen), event.listen, event.end)
      meters.refused_total.put(1, clusterOf(event.listen), event.listen, event.end)
      return
    case 'reloaded':
      meters.reloads_total.put(1, 'applied')
      return
    case 'reload_refused':
      meters.reloads_total.put(1, 'refused')
      return
    case 'hook_ran':
      meters.hook_runs_total.put(1, event.hook, event.why === undefined ? 'told' : 'failed')
      return
    case 'hook_dropped':
      meters.hook_runs_total.put(1, event.hook, 'dropped')
      return
    case 'cancel':
      meters.cancels_total.put(1, clusterOf(event.listen), event.how)
      return
    case 'leader_changed':
      if (event.from !== undefined && event.from !== event.to) meters.leader_changes_total.put(1, event.cluster)
      return
    case 'probed':
      meters.probe_seconds.put(event.took / 1000, event.cluster, event.member)
      return
    case 'incident_ended':
      countPhases(meters, event.incident)
      return
    case 'member_forgotten':
      meters.probe_seconds.forget(([cluster, member]) => cluster === event.cluster && member === event.member)
      return
    default:
      return
  }
}

function countPhases(meters: Meters, incident: Incident): void {
  const { cluster, lasted } = incident
  const shares = sharesOf(incident)
  meters.incidents_total.put(1, cluster, incident.cause)
  for (const { name, took } of phasesOf(incident)) meters.incident_phase_seconds.put(took / 1000, cluster, name)
  for (const owner of OWNERS) meters.incident_phase_seconds.put(shares[owner] / 1000, cluster, owner)
  if (lasted !== undefined) meters.incident_phase_seconds.put(lasted / 1000, cluster, 'whole')
}

const FROM_STATUS = [
  'bytes_total',
  'queries_total',
  'sessions',
  'held_sessions',
  'listener_paused',
  'router_drained',
  'gate_open',
  'leader_info',
  'member_up',
  'pooler_up',
  'member_sessions',
  'member_lag_bytes',
  'pool_members',
  'fleet_proxies',
  'fleet_warnings',
  'source_age_seconds',
  'source_problems',
  'etcd_reconnects_total',
  'vrrp_state',
  'vrrp_transitions_total',
  'vrrp_rivals_total',
  'vrrp_dropped_total',
  'vrrp_witness',
] as const satisfies readonly MetricName[]

/** Puts every gauge anew, so that what is no longer there has no sample. */
function gauge(meters: Meters, status: Status): void {
  for (const name of FROM_STATUS) meters[name].forget()
  for (const cluster of status.clusters) gaugeCluster(meters, cluster)
  meters.router_drained.put(status.drained === undefined ? 0 : 1)
  for (const listener of status.listeners) gaugeListener(meters, listener, status)
  for (const router of status.vrrp ?? []) if (router.report) gaugeRouter(meters, router.report)
}

const STATE_NUMBER = { master: 2, backup: 1, fault: 0, initialize: 0 } as const

function gaugeRouter(meters: Meters, { name, role, transitions, rivals, dropped, witness }: RouterReport): void {
  meters.vrrp_state.put(STATE_NUMBER[role], name)
  for (const [to, count] of Object.entries(transitions)) meters.vrrp_transitions_total.put(count, name, to)
  meters.vrrp_rivals_total.put(rivals, name)
  for (const [drop, count] of Object.entries(dropped)) meters.vrrp_dropped_total.put(count, name, drop)
  if (witness !== undefined) meters.vrrp_witness.put(1, name, witness)
}

function gaugeCluster(meters: Meters, cluster: ClusterStatus): void {
  const { name, source, fleet } = cluster
  meters.gate_open.put(cluster.gate.kind === 'open' ? 1 : 0, name)
  if (cluster.leader !== undefined) meters.leader_info.put(1, name, cluster.leader)
  if (source.age !== undefined) meters.source_age_seconds.put(source.age / 1000, name)
  if (fleet && fleet.unknown === undefined) {
    meters.fleet_proxies.put(fleet.proxies.length, name)
    meters.fleet_warnings.put(fleet.warnings.length, name)
  }
  meters.source_problems.put(cluster.problems.length, name)
  if (source.kind === 'etcd') meters.etcd_reconnects_total.put(source.reconnects, name)
  for (const member of cluster.members) {
    meters.member_up.put(member.healthy ? 1 : 0, name, member.name)
    const pooled = member.pooler?.healthy
    if (pooled !== undefined) meters.pooler_up.put(pooled ? 1 : 0, name, member.name)
    meters.member_sessions.put(member.sessions, name, member.name)
    if (member.lag !== undefined) meters.member_lag_bytes.put(member.lag, name, member.name)
  }
}

function gaugeListener(meters: Meters, listener: ListenerStatus, status: Status): void {
  const { cluster, name, sessions } = listener
  for (const [state, count] of Object.entries(sessions)) meters.sessions.put(count, cluster, name, state)
  meters.held_sessions.put(sessions.held, cluster, name)
  meters.listener_paused.put(listener.paused === undefined ? 0 : 1, cluster, name)
  const members = status.clusters.find(c => c.name === cluster)?.members ?? []
  const usable = members.filter(m => m.pools.some(p => p.listen === name && p.usable))
  meters.pool_members.put(usable.length, cluster, name)
}
