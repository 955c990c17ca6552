// A test on one engine that leaves no descriptor, no unhandled error and no second ending behind.

import t, { type Test } from 'tap'
import type { Engine } from '../../../src/relay/relay.js'
import type { Stream as End } from '../../../src/relay/wire.js'
import type { Open } from './play.js'
import { close, descriptors, type Relayed, relay, settled, unhandled, type Wire } from './wires.js'

/** Gives what runs a test under the engine's name, on connections made by `make` where the test brings none. */
export function testsOn(name: string, engine: Engine, make: () => Promise<Wire<End>>) {
  return (title: string, body: (t: Test, open: Open<End>) => Promise<void>) =>
    t.test(`${name}: ${title}`, async t => {
      const before = descriptors()
      const relays: Relayed[] = []
      const wires: Wire<End>[] = []
      await body(t, async (w, given) => {
        const made = w ?? (await make())
        wires.push(made)
        const relayed = relay(engine, made, given)
        relays.push(relayed)
        return [made, relayed]
      })
      for (const made of wires) close(made)
      await Promise.all(relays.map(r => r.ended))
      t.equal(await settled(before), before, 'every descriptor is closed')
      t.ok(
        relays.every(r => r.endings.length === 1),
        'every session ended once',
      )
      t.same(unhandled, [], 'no unhandled error')
    })
}
