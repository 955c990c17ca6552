// What holds of a machine for any order of events.

import fc from 'fast-check'
import t from 'tap'
import { ms } from '../../../src/units/units.js'
import { describeState } from '../../../src/vrrp/describe.js'
import { holdsAddresses, newMachine, step, wakeAt } from '../../../src/vrrp/machine.js'
import { type Input, WHYS } from '../../../src/vrrp/state.js'
import { anyInput, anySetup } from './arbitraries.js'
import { SILENT, START, TIME } from './script.js'

t.test(
  'no input makes it throw, every acquire is matched by a release, and it never asks to be woken in the past',
  async () => {
    const moments = fc.array(fc.tuple(fc.constantFrom(0, 1, 50, 900, 4000, 90_000), anyInput), { maxLength: 80 })
    const reasons = new Set<string>(WHYS)
    fc.assert(
      fc.property(anySetup, moments, (setup, script) => {
        let state = newMachine(setup, ms(0))
        let now = 0
        let held = false
        for (const [gap, input] of script) {
          now += gap
          const [next, actions] = step(state, input, ms(now))
          for (const action of actions) {
            if (action.kind === 'acquire' || action.kind === 'release') {
              if (held === (action.kind === 'acquire')) return false
              held = action.kind === 'acquire'
            }
            if (action.kind === 'transition' && (!reasons.has(action.why) || action.from === action.to)) return false
          }
          if (held !== holdsAddresses(next) || describeState(next, ms(now)) === '') return false
          const [after] = step(next, TIME, ms(now))
          const wake = wakeAt(after)
          if (wake !== undefined && wake <= now) return false
          state = next
        }
        return true
      }),
      { numRuns: 500 },
    )
  },
)

t.test(
  'a lone machine always becomes master, whatever befell it and however late it first wakes, once its witness is silent',
  async () => {
    const moments = fc.array(fc.tuple(fc.constantFrom(1, 900, 90_000), anyInput), { maxLength: 30 })
    const delays = fc.array(fc.integer({ min: 0, max: 100_000 }), { maxLength: 5 })
    fc.assert(
      fc.property(anySetup, moments, delays, (setup, script, late) => {
        let state = newMachine(setup, ms(0))
        let now = 0
        const feed = (input: Input) => {
          state = step(state, input, ms(now))[0]
        }
        for (const [gap, input] of script) {
          now += gap
          feed(input)
        }
        for (const name of ['eth0', 'proxy']) feed({ kind: 'fault_over', name })
        feed(SILENT)
        feed(START)
        for (const delay of [...late, 0, 0, 0]) {
          now = Math.max(now, wakeAt(state) ?? now) + delay
          feed(TIME)
        }
        return state.phase.role === 'master'
      }),
      { numRuns: 500 },
    )
  },
)
