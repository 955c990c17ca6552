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

const relay = { scenario: 'select1', contender: 'mekare' } as const

const clients = (n: number) => `${n} client${n === 1 ? '' : 's'}`

const throughput = (n: number, limit: number, aim?: number): Goal => ({
  ...relay,
  says: `throughput, ${clients(n)}, of HAProxy’s`,
  ...{ metric: 'tps', load: clients(n), how: 'ratio', bound: 'at least', limit, ...(aim ? { aim } : {}) },
})

const cpu = (n: number, limit: number, aim?: number): Goal => ({
  ...relay,
  says: `CPU per transaction above direct, ${clients(n)}, of HAProxy’s`,
  ...{
    metric: 'machineCpu',
    load: clients(n),
    how: 'ratio above direct',
    bound: 'at most',
    limit,
    ...(aim ? { aim } : {}),
  },
})

export const GOALS: readonly Goal[] = [
  throughput(1, 1.25),
  ...[16, 64, 256].map(n => throughput(n, 1, 1.15)),
  cpu(1, 0.5),
  ...[16, 64].map(n => cpu(n, 1, 0.8)),
]
