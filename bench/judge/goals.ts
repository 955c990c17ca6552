// What mekare must reach, in one table. Each goal is checked by every run that measures it. Knows no server.

import type { Comparison } from './compare.js'

export interface Goal extends Comparison {
  readonly scenario: string
  readonly says: string
  readonly bound: 'at least' | 'at most'
  readonly limit: number
  /** What is hoped for beyond the limit; shown, and no run fails for it. */
  readonly aim?: number
}

const clients = (n: number) => `${n} client${n === 1 ? '' : 's'}`

const throughput = (n: number, limit: number): Goal => ({
  ...{ scenario: 'select1', says: `throughput, ${clients(n)}`, load: clients(n) },
  ...{ contender: 'mekare', metric: 'tps', how: 'ratio', bound: 'at least', limit },
})

const cpu = (n: number, limit: number): Goal => ({
  ...{ scenario: 'select1', says: `CPU above direct, ${clients(n)}`, load: clients(n) },
  ...{ contender: 'mekare', metric: 'machineCpu', how: 'ratio above direct', bound: 'at most', limit },
})

const AT_HALF = 'half of HAProxy’s rate, 16 clients'
const AS_FAST = 'as fast as it goes, 16 clients'
const IDLE = '9,000 idle sessions'

/** COPY and bulk are set against HAProxy as it is best for them. */
const bulk = { contender: 'mekare', how: 'ratio', rival: 'haproxy-splice' } as const
const copyOut = { ...bulk, scenario: 'copy', load: 'COPY out' } as const
const idle = { scenario: 'idle', load: IDLE, contender: 'mekare', how: 'itself' } as const
const switchover = { scenario: 'switchover', load: 'planned switchover', contender: 'mekare' } as const
const mekare = { contender: 'mekare' } as const
const [atLeast, atMost] = [{ bound: 'at least' } as const, { bound: 'at most' } as const]

export const GOALS: readonly Goal[] = [
  throughput(1, 1.25),
  ...[16, 64, 256].map(n => ({ ...throughput(n, 1), aim: 1.15 })),
  cpu(1, 0.5),
  ...[16, 64].map(n => ({ ...cpu(n, 1), aim: 0.8 })),
  {
    ...mekare,
    scenario: 'latency',
    load: AT_HALF,
    says: 'p99 at half rate',
    metric: 'p99',
    how: 'ratio',
    ...atMost,
    limit: 1,
  },
  {
    ...mekare,
    scenario: 'connect',
    load: AS_FAST,
    says: 'new connections',
    metric: 'connects',
    how: 'ratio',
    ...atLeast,
    limit: 0.95,
  },
  { ...copyOut, says: 'COPY out', metric: 'rate', ...atLeast, limit: 1 },
  { ...copyOut, says: 'COPY out, CPU of the proxy', metric: 'gibCpu', ...atMost, limit: 0.6 },
  { ...bulk, scenario: 'bulk', load: 'from the server', says: 'bulk', metric: 'rate', ...atLeast, limit: 1.5 },
  { ...idle, says: 'idle sessions held', metric: 'held', ...atLeast, limit: 9000 },
  { ...idle, says: 'memory of an idle session', metric: 'perSession', ...atMost, limit: 1024 },
  { ...idle, says: 'CPU at rest', metric: 'restCpu', ...atMost, limit: 0.5 },
  {
    ...mekare,
    scenario: 'slow-reader',
    load: '1 GiB read slowly',
    says: 'growth by a slow reader',
    metric: 'growth',
    how: 'itself',
    ...atMost,
    limit: 1,
  },
  {
    ...switchover,
    says: 'gap of a switchover',
    metric: 'gap',
    how: 'ratio',
    rival: 'haproxy-tuned',
    ...atMost,
    limit: 1,
  },
  {
    ...{ scenario: 'address', load: 'router killed, adverts every second', says: 'address of a killed router' },
    ...{ contender: 'mekare-vrrp', metric: 'unanswered', how: 'itself' },
    ...atMost,
    limit: 100,
  },
  {
    ...{ scenario: 'pooled-switchover', load: '500 writers through 20 servers of each member', contender: 'mekare' },
    ...{ says: 'errors of 500 pooled writers in a switchover', metric: 'errors', how: 'ratio', rival: 'haproxy-tuned' },
    ...atMost,
    limit: 1,
  },
  { ...switchover, says: 'errors of a session in a switchover', metric: 'errors', how: 'itself', ...atMost, limit: 1 },
]
