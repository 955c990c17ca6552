// The rows of Grafana's dashboard about the cluster: gate, leader, its changes, members, the source.

import { GATE, q, quantile, type Row, rate, type Words } from './panel.js'

const UP: Words = { 0: ['DOWN', 'red'], 1: ['up', 'green'] }
const LEADS: Words = { 1: ['leader', 'green'] }

export const CLUSTER: readonly Row[] = [
  {
    title: 'Gate and leader',
    height: 6,
    panels: [
      {
        title: 'Gate, by proxy',
        doc: 'All proxies of a cluster should show the same.',
        kind: 'state-timeline',
        width: 12,
        queries: [q('mekare_gate_open{$c}', '{{cluster}} {{instance}}')],
        words: GATE,
      },
      {
        title: 'Leader',
        doc: 'Who held the leader key when.',
        kind: 'state-timeline',
        width: 12,
        queries: [q('max by (cluster, member) (mekare_leader_info{$c})', '{{cluster}} {{member}}')],
        words: LEADS,
      },
    ],
  },
  {
    title: 'Leader changes',
    height: 8,
    panels: [
      {
        title: 'Leader changes, by cause',
        doc: 'switchover was asked for; the others were not. mekare incidents tells each.',
        kind: 'timeseries',
        width: 8,
        queries: [
          q('max by (cluster, cause) (mekare_incidents_total{$c})', '{{cluster}} {{cause}}'),
          q('max by (cluster) (mekare_leader_changes_total{$c})', '{{cluster}} terms seen'),
        ],
      },
      {
        title: 'Time of each phase, mean over the range shown',
        doc: 'Each phase counts from the moment before it.',
        kind: 'bargauge',
        unit: 's',
        width: 8,
        queries: [
          q(
            'sum by (phase) (increase(mekare_incident_phase_seconds_sum{$c,phase!~"mekare|patroni|nobody|whole"}[$__range])) / sum by (phase) (increase(mekare_incident_phase_seconds_count{$c,phase!~"mekare|patroni|nobody|whole"}[$__range]))',
            '{{phase}}',
          ),
        ],
      },
      {
        title: 'Whose time it was, sum',
        doc: "Patroni's and PostgreSQL's, mekare's, and time in which nobody waited.",
        kind: 'timeseries',
        unit: 's',
        width: 8,
        queries: [
          q('max by (phase) (mekare_incident_phase_seconds_sum{$c,phase=~"mekare|patroni|nobody|whole"})', '{{phase}}'),
        ],
      },
    ],
  },
  {
    title: 'Members',
    height: 8,
    panels: [
      {
        title: 'Health, by proxy',
        doc: 'By probes and dials. A member down for one proxy only: look at the network between them.',
        kind: 'state-timeline',
        width: 8,
        queries: [q('mekare_member_up{$c}', '{{member}} ({{instance}})')],
        words: UP,
      },
      {
        title: 'Lag',
        doc: 'Behind the primary, as replayed. Past maxLag a replica gets no new session.',
        kind: 'timeseries',
        unit: 'bytes',
        width: 8,
        queries: [q('max by (cluster, member) (mekare_member_lag_bytes{$c})', '{{cluster}} {{member}}')],
      },
      {
        title: 'Members that can be given sessions',
        doc: 'By listener and proxy. 0: nobody can connect there.',
        kind: 'timeseries',
        width: 8,
        queries: [q('min by (cluster, listen) (mekare_pool_members{$c})', '{{cluster}} {{listen}}')],
      },
      {
        title: 'Probe, 95 %',
        doc: 'How long a member takes to say what it is.',
        kind: 'timeseries',
        unit: 's',
        width: 12,
        queries: [q(quantile(0.95, 'mekare_probe_seconds', 'member'), '{{member}}')],
      },
      {
        title: 'Dial, 95 %',
        doc: 'How long a connection to a member takes, of sessions that joined one.',
        kind: 'timeseries',
        unit: 's',
        width: 12,
        queries: [q(quantile(0.95, 'mekare_connect_seconds', 'listen'), '{{listen}}')],
      },
    ],
  },
  {
    title: 'Source, cancel requests and hooks',
    height: 7,
    panels: [
      {
        title: 'Source age, by proxy',
        doc: 'Since etcd or Patroni last answered.',
        kind: 'timeseries',
        unit: 's',
        width: 6,
        queries: [q('mekare_source_age_seconds{$c}', '{{cluster}} {{instance}}')],
      },
      {
        title: 'Etcd members changed, problems in keys',
        doc: 'Changes of the etcd member in use, and parts of the topology that make no sense now.',
        kind: 'timeseries',
        width: 6,
        queries: [
          q('increase(mekare_etcd_reconnects_total{$c}[$__rate_interval])', 'changes {{cluster}} {{instance}}'),
          q('max by (cluster) (mekare_source_problems{$c})', 'problems {{cluster}}'),
        ],
      },
      {
        title: 'Cancel requests',
        doc: 'known: to the one member; asked: around, for TLS sessions and those of the other proxy.',
        kind: 'timeseries',
        unit: 'cps',
        width: 6,
        queries: [q(`sum by (how) (${rate('mekare_cancels_total', '{$c}')})`, '{{how}}')],
      },
      {
        title: 'Hooks',
        doc: 'What each was to be told. failed: the log says why; dropped: more than perMinute, counted in the next one told.',
        kind: 'timeseries',
        width: 6,
        queries: [
          q('sum by (hook, result) (increase(mekare_hook_runs_total{$h}[$__rate_interval]))', '{{hook}} {{result}}'),
        ],
      },
    ],
  },
]
