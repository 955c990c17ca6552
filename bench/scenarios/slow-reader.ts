// One client that asks for a gibibyte and reads nothing, then a little at a time, then the rest: how far the proxy's memory grows over
// what it was after a client that read a table at once.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Address } from '../contenders/contender.js'
import { endProgram } from '../ends/end.js'
import { bulkTable } from '../measure/bulk-table.js'
import { highestResident, residentBytes } from '../measure/memory.js'
import type { Scenario } from '../scenario.js'

export const slowLoad = (mebibytes: number): string =>
  `${mebibytes === 1024 ? '1 GiB' : `${mebibytes} MiB`} read slowly`

/** Of each slow part. */
const SECONDS = 2
const QUICK_SECONDS = 1

export const slowReader: Scenario = {
  name: 'slow-reader',
  says: 'one client that reads a gibibyte slowly: what the proxy’s memory grows by',
  headline: 'growth',
  rival: 'haproxy',
  ofProxies: true,
  inQuick: true,
  plan: ({ rounds, quick }) => ({
    contenders: ['haproxy', 'pgbouncer', 'mekare', 'mekare-net'],
    loads: [slowLoad(quick ? 256 : 1024)],
    rounds: Math.min(rounds, 3),
    secondsEach: quick ? 3 : 7,
    secondsBefore: quick ? 3 : 15,
    repeats: 0,
  }),
  async open(scope, { contenders }, { quick }) {
    const site = await scope.site()
    const small = await bulkTable(site, 16)
    const large = await bulkTable(site, quick ? 256 : 1024)
    const running = await scope.contend(contenders, site.postgres)
    const read = async ({ host, port }: Address, { table, bytes }: typeof small, seconds: number) => {
      const argv = endProgram('slow', host, port, table, seconds)
      const { code, stdout, stderr } = await site.clients.exec(argv)
      if (code !== 0 || !(Number(stdout) >= bytes))
        throw new Error(`of ${bytes} bytes ${stdout.trim() || 'none'} came through ${host}:${port}: ${stderr.trim()}`)
    }
    return async contender => {
      const { address, pid } = running(contender)
      if (pid === undefined) throw new Error(`${contender}: nothing stands between, nothing has memory`)
      await read(address, small, 0)
      await sleep(500)
      const before = residentBytes(pid)
      const highest = await highestResident(pid, read(address, large, quick ? QUICK_SECONDS : SECONDS))
      return { growth: (highest - before) / 2 ** 20 }
    }
  },
}
