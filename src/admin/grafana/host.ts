// The rows of Grafana's dashboard about proxies and their hosts: floating addresses, the process.

import { q, type Row, rate, type Words } from './panel.js'

const VRRP: Words = { 0: ['fault', 'red'], 1: ['backup', 'blue'], 2: ['MASTER', 'green'] }

export const HOSTS: readonly Row[] = [
  {
    title: 'Floating addresses',
    height: 7,
    panels: [
      {
        title: 'State of each virtual router',
        doc: 'One MASTER, the others backup. fault: mekare status on that host says why.',
        kind: 'state-timeline',
        width: 12,
        queries: [q('mekare_vrrp_state{$h}', '{{name}} ({{instance}})')],
        words: VRRP,
      },
      {
        title: 'Takeovers, rivals, packets dropped',
        doc: 'rivals: adverts of a second master. Dropped for vrid: other virtual routers on the network.',
        kind: 'timeseries',
        width: 12,
        queries: [
          q(
            'increase(mekare_vrrp_transitions_total{$h,to="master"}[$__rate_interval])',
            'took {{name}} ({{instance}})',
          ),
          q('increase(mekare_vrrp_rivals_total{$h}[$__rate_interval])', 'rivals {{name}} ({{instance}})'),
          q('increase(mekare_vrrp_dropped_total{$h}[$__rate_interval])', 'dropped {{drop}} ({{instance}})'),
        ],
      },
    ],
  },
  {
    title: 'The process',
    height: 7,
    panels: [
      {
        title: 'CPU',
        doc: 'Of one core: 1 is all a thread can have.',
        kind: 'timeseries',
        unit: 'percentunit',
        width: 6,
        queries: [q(rate('process_cpu_seconds_total', '{$h}'), '{{instance}}')],
      },
      {
        title: 'Memory',
        doc: 'Resident.',
        kind: 'timeseries',
        unit: 'bytes',
        width: 6,
        queries: [q('process_resident_memory_bytes{$h}', '{{instance}}')],
      },
      {
        title: 'Event loop, 99 %',
        doc: 'How late the process hears of things. Over 50 ms: it has too little CPU.',
        kind: 'timeseries',
        unit: 's',
        width: 6,
        queries: [q('nodejs_eventloop_lag_p99_seconds{$h}', '{{instance}}')],
      },
      {
        title: 'Open files',
        doc: 'Of those it may have; a session takes two.',
        kind: 'timeseries',
        unit: 'percentunit',
        width: 6,
        queries: [q('process_open_fds{$h} / process_max_fds{$h}', '{{instance}}')],
      },
    ],
  },
]
