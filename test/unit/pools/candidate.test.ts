// Who can take the lead over: every rule of Patroni that can be known before, in the words of the refusal.

import t from 'tap'
import { candidateOf } from '../../../src/pools/candidate.js'
import type { ClusterState } from '../../../src/pools/cluster.js'
import type { Member, Settings, Topology } from '../../../src/topology/topology.js'
import { bytes, ms } from '../../../src/units/units.js'
import {
  ALL,
  type Line,
  member,
  news,
  play,
  primary,
  RUNNING,
  recovery,
  SETTINGS,
  timeout,
  VIEW,
} from './cluster-script.js'

const NOW = ms(100)
const judge = (state: ClusterState, to?: string) => candidateOf(state, to, VIEW, NOW)
const why = (lines: readonly Line[], to?: string) => {
  const candidate = judge(play(lines).state, to)
  return candidate.ok ? `${candidate.from} → ${candidate.to} (${candidate.why})` : candidate.why
}
const known = (more: Partial<Topology> = {}, members: Readonly<Record<string, Partial<Member>>> = {}): Line => [
  50,
  news({ leader: 'pg1', members: new Map(ALL.map(name => [name, member(name, members[name])])), ...more }),
]
const settings = (more: Partial<Settings>) => ({ settings: { ...SETTINGS, ...more } })

t.test('the one that is least behind is the best, a synchronous standby before it', async t => {
  const behind: readonly Line[] = [
    ...RUNNING,
    [60, ['pg1', primary(5000)]],
    [61, ['pg2', recovery(2000)]],
    [62, ['pg3', recovery(4000)]],
  ]
  t.equal(why(behind), 'pg1 → pg3 (streaming, 1000B behind)')
  t.equal(
    why([...behind, known({ sync: { leader: 'pg1', standbys: ['PG2'] } })]),
    'pg1 → pg2 (streaming, 2.9KiB behind, synchronous)',
  )
  t.equal(why(behind, 'pg2'), 'pg1 → pg2 (streaming, 2.9KiB behind)')
})

t.test('who cannot is told so by name', async t => {
  const of = (more: Partial<Member>, topology: Partial<Topology> = {}) =>
    why([...RUNNING, known(topology, { pg2: more })], 'pg2')
  const tags = { noloadbalance: false, nosync: false, weight: 1 }
  t.equal(
    of({ tags: { ...tags, nofailover: true } }),
    'pg2 cannot take over: it has the tag nofailover (or failover_priority 0)',
  )
  t.equal(of({ state: 'starting' }), 'pg2 cannot take over: its state is starting')
  t.equal(of({ vanishedAt: ms(40) }), 'pg2 cannot take over: its member key is gone: Patroni does not know it any more')
  t.match(of({}, settings({ synchronousMode: true })), /no synchronous standby, and Patroni runs in synchronous_mode/)
  t.equal(
    of({}, { ...settings({ synchronousMode: true }), sync: { standbys: ['pg2'] } }),
    'pg1 → pg2 (streaming, 0B behind, synchronous)',
  )
  const far: readonly Line[] = [
    ...RUNNING,
    known(settings({ maximumLagOnFailover: bytes(1024) })),
    [60, ['pg1', primary(9000)]],
    [61, ['pg2', recovery()]],
  ]
  t.match(why(far, 'pg2'), /it is 8\.7KiB behind, over Patroni's maximum_lag_on_failover of 1\.0KiB/)
  t.equal(
    why([...RUNNING, [30, { kind: 'drain', member: 'pg2', on: true }]], 'pg2'),
    'pg2 cannot take over: it is drained (mekare undrain pg2)',
  )
  t.match(
    why([...RUNNING, [40, ['pg2', timeout]], [50, ['pg2', timeout]]], 'pg2'),
    /^pg2 cannot take over: it does not answer: no answer within 1s/,
  )
  t.equal(why(RUNNING, 'pg1'), 'pg1 is the leader already')
  t.equal(why(RUNNING, 'pg9'), 'no member is named pg9; there are, beside pg1: pg2, pg3')
})

t.test('when nobody can, each is told; a leader alone has nobody', async t => {
  const drained: readonly Line[] = ['pg2', 'pg3'].map((name, i) => [30 + i, { kind: 'drain', member: name, on: true }])
  t.equal(
    why([...RUNNING, ...drained]),
    'nobody could take over: pg2: it is drained (mekare undrain pg2); pg3: it is drained (mekare undrain pg3)',
  )
  const alone: Line = [10, news({ leader: 'pg1', names: ['pg1'] })]
  t.equal(why([alone, [20, ['pg1', primary()]]]), 'nobody could take over: pg1 is alone')
  t.equal(why([alone, [20, ['pg1', primary()]]], 'pg2'), 'no member is named pg2; pg1 is alone')
})

t.test('a cluster in trouble is left alone', async t => {
  t.match(why([]), /nothing is known of the cluster yet/)
  t.match(why([[10, news({ leader: 'pg1' })]]), /^the gate is closed: .*; a switchover needs a primary that works$/)
  t.match(
    why([...RUNNING, [30, { kind: 'silent', since: ms(20), why: 'no etcd member answers' }]]),
    /^the source is silent/,
  )
  t.match(why([...RUNNING, known(settings({ pause: true }))]), /^Patroni is paused .* name the member with --to$/)
  t.match(why([...RUNNING, known(settings({ pause: true }))], 'pg2'), /^pg1 → pg2/)
  t.match(
    why([...RUNNING, known({ failover: { leader: 'pg1', dueAt: ms(9e6) } })]),
    /^another switchover is under way or planned/,
  )
  t.match(why([[10, news({})]]), /^there is no leader to switch over from/)
  t.match(why([[10, news({ leaderless: true })]]), /^the source is static/)
})
