// The janitor's one timer: it sleeps where nothing is at hand, wakes for who stirs it, and is gone once it was stopped, so that the process may end.

import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createCancelLimit } from '../../src/proxy/cancel.js'
import { startJanitor } from '../../src/proxy/janitor.js'
import type { Session } from '../../src/proxy/session.js'
import { createTable } from '../../src/sessions/table.js'
import { ms } from '../../src/units/units.js'

t.test('it sleeps, is stirred, and stops for good, though it is stirred again', async t => {
  let sweeps = 0
  const premises = {
    now: () => ms(performance.now()),
    table: createTable<Session>(),
    unanswered: new Set<Session>(),
    cancelLimit: createCancelLimit(),
  }
  const janitor = startJanitor(premises, () => {
    sweeps += 1
    return 10_000
  })
  await sleep(600)
  t.equal(sweeps, 1, 'nothing was at hand')
  janitor.stir()
  await sleep(600)
  t.equal(sweeps, 2, 'whoever stirs it has it look')
  janitor.stop()
  janitor.stir()
  await sleep(600)
  t.equal(sweeps, 2, 'and never again')
})
