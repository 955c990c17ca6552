// Words for scripts of a cluster: what the source says and what members answer, in a line each, and how to play them.

import type { Event } from '../../../src/events/event.js'
import type { Answer, ProbeOutcome } from '../../../src/health/answer.js'
import { type ClusterInput, type ClusterState, newCluster, step } from '../../../src/pools/cluster.js'
import type { Member, Settings, Topology } from '../../../src/topology/topology.js'
import { bytes, lsn, ms } from '../../../src/units/units.js'

export const RULES = { rise: 2, fall: 2 }
export const VIEW = { slowStart: ms(10_000), interval: ms(1000) }
export const SETTINGS: Settings = {
  ttl: ms(30_000),
  loopWait: ms(10_000),
  pause: false,
  standbyCluster: false,
  failsafeMode: false,
  synchronousMode: false,
  maximumLagOnFailover: bytes(1_048_576),
}

export const member = (name: string, more: Partial<Member> = {}): Member => ({
  name,
  address: { host: `10.0.0.${name.slice(2)}`, port: 5432 },
  role: name === 'pg1' ? 'primary' : 'replica',
  state: name === 'pg1' ? 'running' : 'streaming',
  tags: { noloadbalance: false, nofailover: false, nosync: false, weight: 1 },
  pendingRestart: false,
  ...more,
})

export const ALL = ['pg1', 'pg2', 'pg3']

export function topology(more: Partial<Topology> & { leader?: string; names?: readonly string[] } = {}): Topology {
  const { leader, names = ALL, ...rest } = more
  return {
    scope: 'demo',
    revision: '1',
    readAt: ms(0),
    systemId: '7001',
    members: new Map(names.map(name => [name, member(name)])),
    history: [],
    settings: SETTINGS,
    failsafe: new Map(),
    problems: [],
    leaderless: false,
    ...(leader === undefined ? {} : { term: { leader, revision: `r-${leader}` } }),
    ...rest,
  }
}

export const news = (more: Parameters<typeof topology>[0]): ClusterInput => ({
  kind: 'topology',
  topology: topology(more),
})
export const silent = (at: number): ClusterInput => ({ kind: 'silent', since: ms(at), why: 'no etcd member answers' })
export const primary = (at = 100, timeline = 1, systemId = '7001'): Answer => ({
  kind: 'primary',
  systemId,
  timeline,
  lsn: lsn(at),
})
export const recovery = (at = 100, timeline = 1): Answer => ({
  kind: 'recovery',
  systemId: '7001',
  timeline,
  receiveLsn: lsn(at),
  replayLsn: lsn(at),
})
export const timeout: Answer = { kind: 'unasked', reason: 'timeout', why: 'no answer within 1s' }
export const refused: Answer = { kind: 'unasked', reason: 'refused', why: 'connection refused' }

export const outcome = (name: string, answer: Answer, askedAt: number): ProbeOutcome => ({
  member: name,
  via: 'sql',
  askedAt: ms(askedAt),
  answeredAt: ms(askedAt + 1),
  answer,
})

/** Runs a transcript: `[time, input or [member, answer]]` a line; gives the last state and every event. */
export type Line = readonly [number, ClusterInput | readonly [string, Answer]]
export function play(lines: readonly Line[], from: ClusterState = newCluster('demo', ms(0))) {
  let state = from
  const events: Event[] = []
  for (const [at, what] of lines) {
    const input: ClusterInput = 'kind' in what ? what : { kind: 'probed', outcome: outcome(what[0], what[1], at - 1) }
    const [next, told] = step(state, input, RULES, ms(at))
    state = next
    events.push(...told)
  }
  return {
    state,
    events,
    gate: state.gate.kind === 'open' ? `open ${state.gate.member}` : `closed ${state.gate.because}`,
  }
}

export const dialFailed = (name: string, at: number): ClusterInput => ({
  kind: 'dialled',
  outcome: { member: name, at: ms(at), ok: false, took: ms(1), reason: 'refused', why: 'ECONNREFUSED' },
})

export const RUNNING: Line[] = [
  [10, news({ leader: 'pg1' })],
  [20, ['pg1', primary()]],
  [21, ['pg2', recovery()]],
  [22, ['pg3', recovery()]],
]

export const withMember = (name: string, more: Partial<Member>): ClusterInput => {
  const members = new Map(ALL.map(n => [n, n === name ? member(n, more) : member(n)]))
  return news({ leader: 'pg1', members })
}
