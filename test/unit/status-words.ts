// Words for tests that need a status document: a whole one with nothing remarkable in it, and what is to be different.

import type { ClusterStatus, ListenerStatus, MemberStatus, Status } from '../../src/pools/status.js'
import { bytes, epochMs, ms } from '../../src/units/units.js'

export function member(name: string, more: Partial<MemberStatus> = {}): MemberStatus {
  return {
    name,
    address: `10.77.0.2${name.slice(2)}:5432`,
    role: 'replica',
    published: { role: 'replica', state: 'streaming' },
    healthy: true,
    health: 'healthy for 2h 4min',
    healthFor: ms(7_440_000),
    drained: false,
    vanished: false,
    sessions: 0,
    mostSessions: 0,
    totals: {
      joined: 0,
      rate: 0,
      mostRate: 0,
      cut: 0,
      failedDials: 0,
      checks: 7440,
      failedChecks: 0,
      downs: 0,
      downFor: ms(0),
      fromClient: bytes(0),
      fromMember: bytes(0),
    },
    pools: [],
    ...more,
  }
}

export function listener(name: string, more: Partial<ListenerStatus> = {}): ListenerStatus {
  return {
    name,
    cluster: 'demo',
    address: name === 'write' ? '0.0.0.0:5000' : '0.0.0.0:5001',
    role: name === 'write' ? 'primary' : 'replica',
    ready: true,
    why: 'takes sessions for pg1',
    sessions: { startup: 0, held: 0, dialing: 0, joined: 0 },
    limits: { open: 1000, held: 5000 },
    most: { open: 0, held: 0, rate: 0 },
    rate: 0,
    totals: {
      came: 0,
      held: 0,
      ended: {},
      failedDials: 0,
      retries: 0,
      fromClient: bytes(0),
      fromMember: bytes(0),
    },
    ...more,
  }
}

export function cluster(members: readonly MemberStatus[], more: Partial<ClusterStatus> = {}): ClusterStatus {
  return {
    name: 'demo',
    scope: 'demo',
    leaderFor: ms(7_440_000),
    gate: { kind: 'open', member: 'pg1', for: ms(7_440_000) },
    pause: false,
    standbyCluster: false,
    source: { kind: 'etcd', endpoints: [], age: ms(300), reconnects: 0 },
    members,
    problems: [],
    ...more,
  }
}

export function status(more: Partial<Status> = {}): Status {
  return {
    name: 'gate1',
    version: '0.1.0',
    at: epochMs(Date.UTC(2026, 1, 3, 3, 4, 5, 678)),
    up: ms(11_100_000),
    stopping: false,
    pid: 7,
    clusters: [],
    listeners: [],
    ...more,
  }
}
