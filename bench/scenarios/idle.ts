// Thousands of sessions that do nothing, with PgBouncer behind: what each keeps of the proxy's memory, and of a processor at rest.
// Every measurement has a process of its own, warmed up by sessions that came and went: what only the first ones take is no
// price of a session.

import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Address } from '../contenders/contender.js'
import { startPgbouncer } from '../contenders/pgbouncer.js'
import { startContender } from '../contenders/table.js'
import { endProgram } from '../ends/end.js'
import { countCpu } from '../measure/cpu.js'
import { residentBytes } from '../measure/memory.js'
import { pgbench } from '../measure/pgbench.js'
import type { Scenario } from '../scenario.js'
import type { Site } from '../site.js'
import { select1Script } from './queries.js'

const SESSIONS = 9000
const QUICK_SESSIONS = 2000

export const idleLoad = (sessions: number): string => `${sessions.toLocaleString('en-US')} idle sessions`

/** Long enough for what was opened to settle, and for a hundredth of a percent to show. */
const SETTLE_MS = 3000
const REST_MS = 5000

export const idle: Scenario = {
  name: 'idle',
  says: 'sessions that do nothing, PgBouncer behind',
  headline: 'perSession',
  rival: 'haproxy',
  ofProxies: true,
  inQuick: true,
  plan: ({ rounds, quick }) => ({
    contenders: ['haproxy', 'pgbouncer-tx', 'mekare', 'mekare-net'],
    loads: [idleLoad(quick ? QUICK_SESSIONS : SESSIONS)],
    rounds: Math.min(rounds, 3),
    secondsEach: quick ? 5 : 14,
    secondsBefore: 3,
    repeats: 0,
  }),
  async open(scope, _plan, { quick }) {
    const site = await scope.site()
    const script = await select1Script(site)
    const pooler = await startPgbouncer(site, site.postgres, 'transaction', 'pg1')
    scope.defer(pooler.stop)
    const [wanted, patience] = quick ? [QUICK_SESSIONS, 1 / 3] : [SESSIONS, 1]
    return async spec => {
      const { address, pid, stop } = await startContender(site, pooler.address, spec)
      try {
        if (pid === undefined) throw new Error(`${spec}: nothing stands between, nothing has memory`)
        await pgbench(site.clients, address, { args: ['-C', ...script], clients: 8, seconds: 3 * patience })
        await sleep(SETTLE_MS * patience)
        const before = residentBytes(pid)
        const sitters = await seat(site, address, wanted)
        await sleep(SETTLE_MS * patience)
        const perSession = (residentBytes(pid) - before) / sitters.held
        const counted = countCpu(pid)
        await sleep(REST_MS * patience)
        const { own, elapsed } = counted()
        await sitters.leave()
        return { held: sitters.held, perSession, restCpu: (100 * own) / elapsed }
      } finally {
        await stop()
      }
    }
  },
}

/** Opens sessions one after another; answers when all sit, or no further one was let in. */
async function seat(site: Site, to: Address, count: number) {
  const child = site.ground.start('client', 'sitters', endProgram('sitters', to.host, to.port, count), { pipes: true })
  const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer]
  const held = Number.parseInt(line.toString(), 10)
  return {
    held,
    leave: async () => {
      const ended = once(child, 'exit')
      child.stdin?.end()
      await ended
    },
  }
}
