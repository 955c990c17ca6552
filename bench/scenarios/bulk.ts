// Bytes as fast as they go between a source and a sink that spend next to nothing themselves (no PostgreSQL): what a relay can move.

import type { Address } from '../contenders/contender.js'
import { launch } from '../contenders/launch.js'
import { endProgram } from '../ends/end.js'
import { countCpu } from '../measure/cpu.js'
import { perGib, rateOf } from '../measure/moved.js'
import type { Scenario } from '../scenario.js'

export const DOWN = 'from the server'
export const UP = 'to the server'

export const bulk: Scenario = {
  name: 'bulk',
  says: 'bytes between a source and a sink that spend next to nothing',
  headline: 'rate',
  rival: 'haproxy-splice',
  inQuick: true,
  plan: ({ rounds, quick }) => ({
    contenders: ['direct', 'haproxy', 'haproxy-splice', 'mekare', 'mekare-net'],
    loads: [DOWN, UP],
    rounds,
    secondsEach: quick ? 0.9 : 1.8,
    secondsBefore: 4,
    repeats: 2,
  }),
  async open(scope, { contenders }, { quick }) {
    const site = await scope.site()
    const { host, port } = await site.vacant('pg1')
    const argv = endProgram('source', host, port, site.postgres.host, site.postgres.port)
    const move = async (to: Address, way: string, bytes: number) => {
      const { code, stdout, stderr } = await site.clients.exec(endProgram('sink', to.host, to.port, way, bytes))
      if (code !== 0) throw new Error(`the sink at ${to.host}:${to.port}: ${stderr.trim()}`)
      return Number(stdout)
    }
    const ask = (at: Address) => move(at, 'out', 1)
    const source = await launch(site, 'source', argv, { host, port }, { ask }, { host: 'pg1' })
    scope.defer(source.stop)
    const running = await scope.contend(contenders, source.address)
    const bytes = (quick ? 1 : 2) * 2 ** 30
    return async (contender, load) => {
      const { address, pid } = running(contender)
      const counted = countCpu(pid)
      const seconds = await move(address, load === DOWN ? 'out' : 'in', bytes)
      const { own } = counted()
      return { rate: rateOf(bytes, seconds), ...(pid ? { gibCpu: perGib(bytes, own) } : {}) }
    }
  },
}
