// What must hold of the gate after each step of any order of events, whatever was said before.

import fc from 'fast-check'
import t from 'tap'
import type { Answer } from '../../../src/health/answer.js'
import { type ClusterInput, type ClusterState, newCluster, step } from '../../../src/pools/cluster.js'
import { ms } from '../../../src/units/units.js'
import {
  ALL,
  dialFailed,
  outcome,
  primary,
  RULES,
  recovery,
  refused,
  silent,
  timeout,
  topology,
} from './cluster-script.js'

const name = fc.constantFrom(...ALL)
const answer = fc.constantFrom<Answer>(
  primary(),
  primary(200, 2),
  primary(100, 1, '6666'),
  recovery(),
  timeout,
  refused,
)
const input = fc.oneof(
  fc.record({
    kind: fc.constant('news' as const),
    leader: fc.option(name, { nil: undefined }),
    rev: fc.integer({ min: 1, max: 4 }),
    failover: fc.boolean(),
    names: fc.subarray(ALL),
  }),
  fc.record({ kind: fc.constant('silent' as const) }),
  fc.record({ kind: fc.constant('probed' as const), name, answer, age: fc.integer({ min: 0, max: 30 }) }),
  fc.record({ kind: fc.constant('dialled' as const), name }),
  fc.record({ kind: fc.constant('tick' as const) }),
)

type Made = typeof input extends fc.Arbitrary<infer T> ? T : never

function inputOf(made: Made, now: number): ClusterInput {
  switch (made.kind) {
    case 'news': {
      const term =
        made.leader === undefined ? {} : { term: { leader: made.leader, revision: `${made.leader}-${made.rev}` } }
      const failover = made.failover ? { failover: {} } : {}
      return { kind: 'topology', topology: topology({ names: made.names, ...term, ...failover }) }
    }
    case 'silent':
      return silent(now)
    case 'probed':
      return { kind: 'probed', outcome: outcome(made.name, made.answer, Math.max(0, now - made.age - 1)) }
    case 'dialled':
      return dialFailed(made.name, now)
    default:
      return { kind: 'tick' }
  }
}

/** Whether an open gate is open to whom it may be. */
function holds(state: ClusterState): boolean {
  const { gate, topology: known, words } = state
  if (gate.kind === 'closed') return true
  const word = words.get(gate.member)
  const said = word?.answer
  if (said?.answer.kind !== 'primary' || said.answer.systemId !== known?.systemId) return false
  if (word?.turnedAway && word.turnedAway.at >= said.askedAt) return false
  // With the source speaking, only the leader of the term known, confirmed since that term was seen, is ever opened to.
  if (!state.silent) return known?.term?.leader === gate.member && said.askedAt >= state.termSince
  // Without it, never to one that another confirmed primary outranks by timeline.
  const mine = said.answer.timeline ?? 0
  return [...words].every(([other, { answer: theirs, last }]) => {
    const outranks =
      theirs?.answer.kind === 'primary' &&
      theirs.answer.systemId === known?.systemId &&
      (theirs.answer.timeline ?? 0) > mine
    const stands =
      outranks && last?.answer.kind === 'primary' && theirs.askedAt >= state.termSince && belongs(other, state)
    const away = words.get(other)?.turnedAway
    return !stands || (away !== undefined && away.at >= theirs.askedAt)
  })
}

/** Whom the source has dropped while it still listed the leader is none of this cluster any more. */
function belongs(name: string, { topology: known }: ClusterState): boolean {
  const member = known?.members.get(name)
  const leader = known?.term && known.members.get(known.term.leader)
  const listed = leader !== undefined && leader.vanishedAt === undefined
  return member !== undefined && (member.vanishedAt === undefined || !listed)
}

t.test('no order of events opens the gate towards a member that is not a confirmed leader', async () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), input), { maxLength: 80 }), steps => {
      let state = newCluster('demo', ms(0))
      let now = 0
      for (const [by, one] of steps) {
        now += by
        const [next] = step(state, inputOf(one, now), RULES, ms(now))
        state = next
        if (!holds(state)) return false
      }
      return true
    }),
    { numRuns: 400 },
  )
})
