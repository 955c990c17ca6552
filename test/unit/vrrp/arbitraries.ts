// Any setup, any input, any pair of hosts and any wire between them, for properties.

import fc from 'fast-check'
import { ms } from '../../../src/units/units.js'
import type { Input, Setup } from '../../../src/vrrp/state.js'
import { ip } from '../ip-words.js'
import type { Disturbance } from './endurance.js'
import { FREE, OTHER, OURS, SILENT, START, STOP, says, TIME } from './script.js'
import { WHOLE } from './wire.js'

const anyAddress = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.1.0', '200.0.0.1').map(ip)

export const anySetup: fc.Arbitrary<Setup> = fc.record({
  version: fc.constantFrom(2 as const, 3 as const),
  priority: fc.integer({ min: 1, max: 255 }),
  interval: fc.constantFrom(10, 100, 1000, 5000).map(ms),
  preempt: fc.boolean(),
  preemptDelay: fc.constantFrom(0, 0, 700, 5000).map(ms),
  garp: fc.record({
    repeat: fc.constantFrom(1, 5),
    again: fc.constantFrom(0, 5000).map(ms),
    refresh: fc.constantFrom(0, 60_000).map(ms),
  }),
  address: anyAddress,
  grouped: fc.constant(false),
})

const anyFault = fc.constantFrom('eth0', 'proxy')
export const anyInput: fc.Arbitrary<Input> = fc.oneof(
  fc.constant(TIME),
  fc.constantFrom<Input>(START, STOP, { kind: 'takeover' }, { kind: 'claim' }, { kind: 'yield', why: 'asked' }),
  fc.record({
    kind: fc.constant('advert' as const),
    from: fc.oneof(anyAddress, fc.uint8Array({ maxLength: 16 })),
    priority: fc.integer({ min: 0, max: 255 }),
    interval: fc.integer({ min: 1, max: 4095 }).map(n => ms(n * 10)),
  }),
  fc.integer({ min: -5, max: 300 }).map((by): Input => ({ kind: 'lowered', by })),
  anyFault.map((name): Input => ({ kind: 'fault', name, why: `${name} is down` })),
  anyFault.map((name): Input => ({ kind: 'fault_over', name })),
  anySetup.map((setup): Input => ({ kind: 'setup', setup })),
  fc.constantFrom<Input>(FREE, OURS, OTHER, SILENT, says({ kind: 'unheard' }), { kind: 'campaign' }),
)

export const anyPair = fc
  .record({
    version: fc.constantFrom(2 as const, 3 as const),
    intervals: fc.tuple(fc.constantFrom(100, 250, 1000), fc.constantFrom(100, 250, 1000)),
    a: anySetup,
    b: anySetup,
    alike: fc.boolean(),
  })
  .map(({ version, intervals, a, b, alike }): [Setup, Setup] => {
    const [first, second] = version === 2 ? [1000, 1000] : intervals
    const priority = alike ? a.priority : b.priority
    return [
      { ...a, version, interval: ms(first), address: ip('10.0.0.1') },
      { ...b, version, interval: ms(second), address: ip('10.0.0.2'), priority },
    ]
  })

const anyFate = fc.record({ lost: fc.boolean(), delay: fc.constantFrom(1, 5, 90, 400, 2500) })
const anyDisturbance: fc.Arbitrary<Disturbance> = fc.record({
  at: fc.integer({ min: 0, max: WHOLE - 1 }),
  who: fc.constantFrom(0, 1),
  what: fc.oneof(
    fc.constantFrom<Input>(START, STOP, { kind: 'takeover' }, { kind: 'fault', name: 'eth0', why: 'down' }),
    fc.constant<Input>({ kind: 'fault_over', name: 'eth0' }),
    fc.integer({ min: 0, max: 200 }).map((by): Input => ({ kind: 'lowered', by })),
    fc.integer({ min: 1, max: 9000 }).map(length => ({ kind: 'stall' as const, for: length })),
  ),
})

const trialOf = (disturbance: fc.Arbitrary<Disturbance>) =>
  fc.record({
    fates: fc.array(anyFate, { minLength: 1, maxLength: 40 }),
    disturbances: fc.array(disturbance, { maxLength: 12 }),
  })
export const anyTrial = trialOf(anyDisturbance)
/** Nobody's priority is lowered: the machines of a sync group keep the rank of their host. */
export const anyCalmTrial = trialOf(anyDisturbance.filter(({ what }) => what.kind !== 'lowered'))
export const anyDelays = fc.array(fc.constantFrom(1, 3, 30, 400), { minLength: 1, maxLength: 20 })
