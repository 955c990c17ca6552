// Every relay engine under whatever peers may do, thousands of times: what arrives is what was sent, or a beginning of it, every session ends
// once, and no descriptor is kept.

import fc from 'fast-check'
import t from 'tap'
import type { Stream as End } from '../../src/relay/wire.js'
import { testsOn } from './relay/onengine.js'
import { cutAfter, heavy, type Open, playOut, side } from './relay/play.js'
import {
  close,
  descriptors,
  ENGINES,
  hasty,
  hastyWire,
  native,
  net,
  ownWire,
  relay,
  settled,
  unbatched,
  unhandled,
  type Wire,
  wire,
} from './relay/wires.js'

for (const [name, engine, make] of ENGINES) {
  const test = testsOn(name, engine, make)

  test('whatever is sent, paused, ended, reset or cut: what arrives is what was sent, or a beginning of it', async (_t, open) => {
    const sides = fc.tuple(fc.record(side), fc.record(side), cutAfter)
    await fc.assert(
      fc.asyncProperty(fc.array(sides, { minLength: 4, maxLength: 8 }), async plans => {
        await Promise.all(plans.map(plan => playOut<End>(plan, make, open)))
      }),
      { numRuns: 24, endOnFailure: true },
    )
  })

  test('streams to readers that stop: what waits on the way comes whole, and first', async (_t, open) => {
    const sides = fc.tuple(fc.record(heavy), fc.record(heavy), fc.option(fc.nat(200), { freq: 5 }))
    await fc.assert(
      fc.asyncProperty(fc.array(sides, { minLength: 2, maxLength: 3 }), async plans => {
        await Promise.all(plans.map(plan => playOut<End>(plan, make, open)))
      }),
      { numRuns: 4, endOnFailure: true },
    )
  })
}

/** How long each engine is stormed, in ms (longer by hand: MEKARE_STORM_SECONDS=600, with TAP_TIMEOUT to match), and how many sessions at one time. */
const STORM = 1000 * Number(process.env.MEKARE_STORM_SECONDS ?? 3.5)
const AT_ONCE = 48

for (const [title, engine, make] of [
  ['net', net, wire],
  ['native', native, ownWire],
  ['native, handed over while they speak', hasty, hastyWire],
  ['native without io_uring, connections made by Node', unbatched, wire],
] as const)
  t.test(`${title}: some hundred sessions a second, ended, reset and cut at random, mix up no byte`, async t => {
    const before = descriptors()
    const until = performance.now() + STORM
    let played = 0
    let endings = 0
    const opening =
      (wires: Wire<End>[]): Open<End> =>
      async (w, given) => {
        const made = w ?? (await make())
        const relayed = relay(engine, made, given)
        relayed.ended.then(() => {
          endings += relayed.endings.length
        })
        wires.push(made)
        return [made, relayed]
      }
    const short = { ...side, chunks: fc.array(fc.integer({ min: 1, max: 9000 }), { maxLength: 8 }) }
    const plans = fc.tuple(fc.record(short), fc.record(short), cutAfter)
    const player = async () => {
      while (performance.now() < until)
        for (const plan of fc.sample(plans, 8)) {
          const wires: Wire<End>[] = []
          await playOut<End>(plan, make, opening(wires))
          for (const made of wires) close(made)
          played++
        }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, player))
    t.equal(endings, played, 'every session ended once')
    t.ok(played > 300, `${played} sessions`)
    t.equal(await settled(before), before, 'every descriptor is closed')
    t.same(unhandled, [], 'no unhandled error')
  })
