// Two hosts on a bad wire, with a witness and without: who holds the addresses in the end, and never both where a witness answers.

import fc from 'fast-check'
import t from 'tap'
import type { Setup } from '../../../src/vrrp/state.js'
import { ip } from '../ip-words.js'
import { anyCalmTrial, anyDelays, anyPair, anyTrial } from './arbitraries.js'
import { endure } from './endurance.js'
import { SETUP, START, STOP } from './script.js'
import { WHOLE, Wire } from './wire.js'

const alone = (setups: readonly Setup[]) => setups.map(setup => [setup])
const anyPairWithoutOwner = anyPair.filter(setups => setups.every(({ priority }) => priority < 255))

t.test('two machines on a lossy, reordering wire end with exactly one master once it is whole', async t => {
  let elections = 0
  fc.assert(
    fc.property(anyPair, anyTrial, (setups, trial) => {
      const { held, changes, calm } = endure(alone(setups), trial)
      elections += changes
      return held === '0,1' && calm
    }),
    { numRuns: 300 },
  )
  t.ok(elections > 1000, `${elections} changes of role on the way`)
})

t.test(
  'on a whole wire the one of higher priority is master, and the handover never leaves two for longer than a packet takes',
  async t => {
    const pair = (a: number, b: number, more: Partial<Setup> = {}) =>
      new Wire(
        [
          [{ ...SETUP, ...more, priority: a, address: ip('10.0.0.1') }],
          [{ ...SETUP, ...more, priority: b, address: ip('10.0.0.2') }],
        ],
        [{ lost: false, delay: 1 }],
      )
    const wire = pair(250, 240)
    wire.feed(1, START)
    wire.run(5000)
    t.equal(wire.state(1).phase.role, 'master')
    wire.feed(0, START)
    wire.run(9000)
    t.same(
      [0, 1].map(who => wire.state(who).phase.role),
      ['master', 'backup'],
    )
    wire.feed(0, STOP)
    wire.run(9000 + 1 + 63)
    t.equal(wire.state(1).phase.role, 'master', 'a goodbye costs the skew: 62.5 ms at priority 240')
    const equal = pair(200, 200)
    for (const who of [0, 1]) equal.feed(who, START)
    equal.run(5000)
    t.same(equal.held(), [0, 1], 'equal priorities, started at once: the greater address')
  },
)

t.test('with a witness that answers, two machines on any lossy wire never both hold the addresses', async t => {
  let elections = 0
  const anyEnd = fc.constantFrom(WHOLE, Number.POSITIVE_INFINITY)
  fc.assert(
    fc.property(anyPairWithoutOwner, anyTrial, anyDelays, anyEnd, (setups, trial, delays, wholeAt) => {
      const { held, both, changes, calm } = endure(alone(setups), { ...trial, delays, wholeAt })
      elections += changes
      return both === 0 && (wholeAt !== WHOLE || (held === '0,1' && calm))
    }),
    { numRuns: 300 },
  )
  t.ok(elections > 1000, `${elections} changes of role on the way`)
})

t.test('cut off from one another for good, one of two holds the addresses, and no other ever does', async () => {
  const cutOff = { fates: [{ lost: true, delay: 1 }], disturbances: [], wholeAt: Number.POSITIVE_INFINITY }
  fc.assert(
    fc.property(anyPairWithoutOwner, anyDelays, (setups, delays) => {
      const { held, both, changes } = endure(alone(setups), { ...cutOff, delays })
      return both === 0 && held === '0,1' && changes === 3
    }),
    { numRuns: 100 },
  )
})

for (const [title, witnessed] of [
  ['two hosts with a sync group each: on a whole wire exactly one holds all of it', false],
  ['the same with a witness: all of one host, or nothing, and never of both', true],
] as const)
  t.test(title, async () => {
    const ranks = fc.uniqueArray(fc.integer({ min: 1, max: 254 }), { minLength: 2, maxLength: 2 })
    const delays = witnessed ? anyDelays : fc.constant(undefined)
    fc.assert(
      fc.property(ranks, fc.tuple(anyPair, anyPair), anyCalmTrial, delays, (ranks, pairs, trial, delays) => {
        const setups = ranks.map((priority, who) =>
          pairs.map(pair => ({ ...SETUP, ...pair[who], priority, grouped: true })),
        )
        const { held, both, calm } = endure(setups, { ...trial, delays })
        return held === '0,2' && calm && (!witnessed || both === 0)
      }),
      { numRuns: 200 },
    )
  })
