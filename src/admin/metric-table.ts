// Every metric of the router, declared once: type, help, labels, buckets. The registry and the reference page come from here.
// Labels come from closed lists (configuration, member names, the words of the code); never a client address.

import { CAUSES, MOMENTS } from '../incidents/incident.js'
import { OWNERS } from '../incidents/phases.js'
import { SESSION_STATES } from '../pools/status.js'
import { ENDS } from '../sessions/end.js'
import { ROLES, WITNESS_SAYS } from '../vrrp/conversation.js'
import { DROPS } from '../vrrp/read.js'

export interface MetricSpec {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
  /** Upper bounds of a histogram, in seconds. */
  readonly buckets?: readonly number[]
}

export const PREFIX = 'mekare_'

export const HOOK_RESULTS = ['told', 'failed', 'dropped'] as const

const DIAL = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]
const WAIT = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 20, 30, 45, 60, 120]

export const METRICS = {
  reloads_total: {
    type: 'counter',
    help: 'Reloads of the configuration: `applied`, or `refused` and nothing changed.',
    labels: ['outcome'],
  },
  sessions: {
    type: 'gauge',
    help: 'Sessions open now, by state.',
    labels: ['cluster', 'listen', 'state'],
  },
  sessions_total: {
    type: 'counter',
    help: 'Sessions that have ended, by the reason of their end; refused ones too.',
    labels: ['cluster', 'listen', 'end'],
  },
  held_sessions: {
    type: 'gauge',
    help: 'Clients kept waiting now until a member can take them.',
    labels: ['cluster', 'listen'],
  },
  listener_paused: {
    type: 'gauge',
    help: '1 while an operator has everyone new wait on the listener (`mekare pause`), else 0.',
    labels: ['cluster', 'listen'],
  },
  router_drained: {
    type: 'gauge',
    help: '1 while an operator has this router out of service (`mekare drain self`), else 0.',
    labels: [],
  },
  hold_seconds: {
    type: 'histogram',
    help: 'How long sessions that were held and then joined had waited.',
    labels: ['cluster', 'listen'],
    buckets: WAIT,
  },
  bytes_total: {
    type: 'counter',
    help: 'Bytes taken from clients (direction `up`) and from members (`down`); open sessions are counted too.',
    labels: ['cluster', 'listen', 'member', 'direction'],
  },
  queries_total: {
    type: 'counter',
    help: 'Queries that clients sent in plaintext sessions; open sessions are counted too. No sample unless `relay.countQueries` is on.',
    labels: ['cluster', 'listen', 'member'],
  },
  connect_seconds: {
    type: 'histogram',
    help: 'How long the dial of a member took, until its first byte, of sessions that joined one.',
    labels: ['cluster', 'listen'],
    buckets: DIAL,
  },
  gate_open: {
    type: 'gauge',
    help: '1 while the gate is open: new write sessions join the confirmed primary. 0 while it is closed.',
    labels: ['cluster'],
  },
  leader_info: {
    type: 'gauge',
    help: '1 for the member that the leader key names; no sample while there is none.',
    labels: ['cluster', 'member'],
  },
  leader_changes_total: {
    type: 'counter',
    help: 'How often a new term of leadership was seen; the first one after the start is not counted.',
    labels: ['cluster'],
  },
  incidents_total: {
    type: 'counter',
    help: 'Leader changes that have ended, by what began them; `switchover` was asked for, the others were not.',
    labels: ['cluster', 'cause'],
  },
  incident_phase_seconds: {
    type: 'histogram',
    help: 'Leader changes: time until the moment `phase` since the moment before it; `mekare`, `patroni`, `nobody`: the sum of those that were theirs; `whole`: from the first sign to the end.',
    labels: ['cluster', 'phase'],
    buckets: WAIT,
  },
  member_up: {
    type: 'gauge',
    help: '1 while the member is healthy by probes and dials, else 0.',
    labels: ['cluster', 'member'],
  },
  pooler_up: {
    type: 'gauge',
    help: '1 while the pooler beside the member answers, else 0; no sample where no session is dialled through it.',
    labels: ['cluster', 'member'],
  },
  member_sessions: {
    type: 'gauge',
    help: 'Sessions joined to the member now.',
    labels: ['cluster', 'member'],
  },
  member_lag_bytes: {
    type: 'gauge',
    help: 'How far the replica is behind the primary; no sample where it is not known.',
    labels: ['cluster', 'member'],
  },
  pool_members: {
    type: 'gauge',
    help: 'Members that the listener could give a new session to now.',
    labels: ['cluster', 'listen'],
  },
  fleet_proxies: {
    type: 'gauge',
    help: 'Proxies of the scope that are registered in etcd, this one among them; no sample while they are not known.',
    labels: ['cluster'],
  },
  fleet_warnings: {
    type: 'gauge',
    help: 'What is not as it should be among them, as `mekare status` words it: configurations that differ, an address held twice, a name used twice.',
    labels: ['cluster'],
  },
  source_age_seconds: {
    type: 'gauge',
    help: 'Time since the source of the topology (etcd, Patroni) last answered; no sample before it first did.',
    labels: ['cluster'],
  },
  source_problems: {
    type: 'gauge',
    help: 'Parts of the topology that could not be read or make no sense now (a member that is not JSON, a leader key naming nobody).',
    labels: ['cluster'],
  },
  etcd_reconnects_total: {
    type: 'counter',
    help: 'How often another etcd member had to be taken because the one in use failed.',
    labels: ['cluster'],
  },
  probe_seconds: {
    type: 'histogram',
    help: 'How long members took to answer a probe.',
    labels: ['cluster', 'member'],
    buckets: DIAL,
  },
  cancels_total: {
    type: 'counter',
    help: 'Cancel requests: `known` key, `asked` around, `limited` by rate, `nobody` to ask.',
    labels: ['cluster', 'how'],
  },
  refused_total: {
    type: 'counter',
    help: 'Sessions refused, by reason.',
    labels: ['cluster', 'listen', 'why'],
  },
  hook_runs_total: {
    type: 'counter',
    help: 'What a hook was to be told: `told`, `failed` to be, or `dropped` since it had been told `perMinute` times, or too much waited.',
    labels: ['hook', 'result'],
  },
  vrrp_state: {
    type: 'gauge',
    help: 'Of a virtual router, as the sidecar says: 2 master, 1 backup, 0 fault or not started; no sample while no sidecar is connected.',
    labels: ['name'],
  },
  vrrp_transitions_total: {
    type: 'counter',
    help: 'How often the virtual router entered a state, since its sidecar started.',
    labels: ['name', 'to'],
  },
  vrrp_rivals_total: {
    type: 'counter',
    help: 'Adverts of another master heard while this one was master: two at one time.',
    labels: ['name'],
  },
  vrrp_dropped_total: {
    type: 'counter',
    help: 'VRRP packets dropped, by reason; those of other virtual routers (`vrid`) are counted too.',
    labels: ['name', 'drop'],
  },
  vrrp_witness: {
    type: 'gauge',
    help: '1 for what the witness of the virtual router says now: `ours`, `other`, `free`, `silent` (VRRP alone decides) or `unheard`; no sample without a witness.',
    labels: ['name', 'says'],
  },
} as const satisfies Record<string, MetricSpec>

export type MetricName = keyof typeof METRICS

/** The values a label can take, where code decides them; names of clusters, listeners and members come from outside. */
export const LABEL_VALUES = {
  state: SESSION_STATES,
  end: ENDS,
  why: ENDS.filter(end => end.startsWith('refused_')),
  direction: ['up', 'down'],
  phase: [...MOMENTS, ...OWNERS, 'whole'],
  cause: CAUSES,
  outcome: ['applied', 'refused'],
  result: HOOK_RESULTS,
  how: ['known', 'asked', 'limited', 'nobody'],
  to: ROLES,
  drop: DROPS,
  says: WITNESS_SAYS,
} as const satisfies Record<string, readonly string[]>
