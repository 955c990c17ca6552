// The first row of Grafana's dashboard: how it is now.

import { GATE, q, type Row, rate } from './panel.js'

export const NOW: Row = {
  title: 'Now',
  height: 4,
  panels: [
    {
      title: 'Gate',
      doc: 'Open: new write sessions join the confirmed primary. Closed for more than a failover takes: mekare status says what it waits for.',
      kind: 'stat',
      width: 4,
      queries: [q('min by (cluster) (mekare_gate_open{$c})', '{{cluster}}')],
      words: GATE,
    },
    {
      title: 'Leader',
      doc: 'The member that the leader key names.',
      kind: 'stat',
      width: 4,
      queries: [q('max by (cluster, member) (mekare_leader_info{$c})', '{{member}}')],
      names: true,
    },
    {
      title: 'Floating address',
      doc: 'The proxy whose host holds it. Two: the hosts do not hear each other.',
      kind: 'stat',
      width: 4,
      queries: [q('mekare_vrrp_state{$h} == 2', '{{name}}: {{instance}}')],
      names: true,
    },
    {
      title: 'Sessions',
      doc: 'Joined to a member.',
      kind: 'stat',
      width: 3,
      queries: [q('sum(mekare_sessions{$c,state="joined"})', 'joined')],
    },
    {
      title: 'Held',
      doc: 'Clients that wait for a member. Not for long: a switchover. For a minute: mekare explain.',
      kind: 'stat',
      width: 3,
      queries: [q('sum(mekare_held_sessions{$c})', 'held')],
    },
    {
      title: 'Refused',
      doc: 'A second; below, by reason.',
      kind: 'stat',
      unit: 'cps',
      width: 3,
      queries: [q(`sum(${rate('mekare_refused_total', '{$c}')})`, 'refused')],
    },
    {
      title: 'Source age',
      doc: 'Since etcd (or Patroni) last answered the proxy that has waited longest. Over a few seconds: etcd is away.',
      kind: 'stat',
      unit: 's',
      width: 3,
      queries: [q('max(mekare_source_age_seconds{$c})', 'age')],
    },
  ],
}
