// The rows of Grafana's dashboard about clients: sessions, those held and refused, traffic.

import { q, quantile, type Row, rate } from './panel.js'

export const CLIENTS: readonly Row[] = [
  {
    title: 'Sessions',
    height: 8,
    panels: [
      {
        title: 'Sessions, by listener and state',
        doc: 'held: they wait for a member. startup, dialing: on the way; many of them means slow clients or members.',
        kind: 'timeseries',
        width: 8,
        queries: [q('sum by (listen, state) (mekare_sessions{$c})', '{{listen}} {{state}}')],
        stacked: true,
      },
      {
        title: 'Sessions, by member',
        doc: 'Joined now. A read port should spread them by balance and weight.',
        kind: 'timeseries',
        width: 8,
        queries: [q('sum by (member) (mekare_member_sessions{$c})', '{{member}}')],
        stacked: true,
      },
      {
        title: 'How sessions end',
        doc: 'client: as it should be. cut_…: mekare cut them, with the reason. backend, backend_reset: the member did.',
        kind: 'timeseries',
        unit: 'cps',
        width: 8,
        queries: [q(`sum by (end) (${rate('mekare_sessions_total', '{$c}')})`, '{{end}}')],
      },
    ],
  },
  {
    title: 'Held and refused',
    height: 8,
    panels: [
      {
        title: 'Clients held',
        doc: 'They wait, unanswered, for a member.',
        kind: 'timeseries',
        width: 8,
        queries: [q('sum by (cluster, listen) (mekare_held_sessions{$c})', '{{cluster}} {{listen}}')],
      },
      {
        title: 'How long they had waited',
        doc: 'Of those who were let through.',
        kind: 'timeseries',
        unit: 's',
        width: 8,
        queries: [
          q(quantile(0.5, 'mekare_hold_seconds', 'listen'), '{{listen}} median'),
          q(quantile(0.99, 'mekare_hold_seconds', 'listen'), '{{listen}} 99 %'),
        ],
      },
      {
        title: 'Refused, by reason',
        doc: 'The error that clients saw says more; the log names their addresses.',
        kind: 'timeseries',
        unit: 'cps',
        width: 8,
        queries: [q(`sum by (listen, why) (${rate('mekare_refused_total', '{$c}')})`, '{{listen}} {{why}}')],
      },
    ],
  },
  {
    title: 'Traffic',
    height: 8,
    panels: [
      {
        title: 'Bytes, by listener',
        doc: 'up: from clients; down: from members.',
        kind: 'timeseries',
        unit: 'Bps',
        width: 8,
        queries: [q(`sum by (listen, direction) (${rate('mekare_bytes_total', '{$c}')})`, '{{listen}} {{direction}}')],
      },
      {
        title: 'Bytes, by member',
        doc: 'Both directions.',
        kind: 'timeseries',
        unit: 'Bps',
        width: 8,
        queries: [q(`sum by (member) (${rate('mekare_bytes_total', '{$c}')})`, '{{member}}')],
        stacked: true,
      },
      {
        title: 'Queries, by member',
        doc: 'Of plaintext sessions, where relay.countQueries is on; else empty.',
        kind: 'timeseries',
        unit: 'ops',
        width: 8,
        queries: [q(`sum by (member) (${rate('mekare_queries_total', '{$c}')})`, '{{member}}')],
        stacked: true,
      },
    ],
  },
]
