// `drain --wait`: comes back when no session is left at what was drained, and says how many there are when that changes.

import { setTimeout as sleep } from 'node:timers/promises'
import type { SessionStatus } from '../pools/status.js'
import { plural } from '../units/units.js'
import { ask } from './ask.js'
import { type CliDeps, EXIT } from './deps.js'

const LOOK_MS = 500

/** `what`: a member, or `self` for the whole router. Ends with 69 when the router is gone meanwhile. */
export async function untilEmpty(socket: string, what: string, deps: CliDeps): Promise<number> {
  let told: number | undefined
  for (;;) {
    const reply = await ask(socket, 'GET', '/sessions')
    if (reply.kind === 'unavailable') {
      deps.err(`${reply.why}\n`)
      return EXIT.unavailable
    }
    const sessions = JSON.parse(reply.body) as readonly SessionStatus[]
    const left = sessions.filter(({ member }) => what === 'self' || member === what).length
    if (left === 0) {
      deps.out('no session is left\n')
      return EXIT.good
    }
    if (left !== told) deps.out(`${plural(left, 'session')} left\n`)
    told = left
    await sleep(LOOK_MS)
  }
}
