// COPY of a whole table, out and in, in PostgreSQL's binary format (which costs the server least): how fast, and what the proxy
// spends on a gibibyte. Rows that come in are counted and dropped (`where false`), so that no disk is measured.

import { join } from 'node:path'
import { bulkTable } from '../measure/bulk-table.js'
import { countCpu } from '../measure/cpu.js'
import { perGib, rateOf } from '../measure/moved.js'
import type { Scenario } from '../scenario.js'

export const COPY_OUT = 'COPY out'
export const COPY_IN = 'COPY in'

export const copy: Scenario = {
  name: 'copy',
  says: 'COPY of 1 GiB out and in',
  headline: 'rate',
  rival: 'haproxy-splice',
  inQuick: true,
  plan: ({ rounds, quick }) => ({
    contenders: ['direct', 'haproxy', 'haproxy-splice', 'pgbouncer', 'mekare', 'mekare-net'],
    loads: [COPY_OUT, COPY_IN],
    rounds,
    secondsEach: quick ? 0.5 : 1.7,
    secondsBefore: quick ? 5 : 15,
    repeats: 2,
  }),
  async open(scope, { contenders }, { quick }) {
    const site = await scope.site()
    const { table, bytes } = await bulkTable(site, quick ? 256 : 1024)
    const file = join(site.clients.dir, `${table}.copy`)
    const running = await scope.contend(contenders, site.postgres)
    const psql = async (port: number, host: string, statement: string, redirect: string) => {
      const argv = [
        join(site.clients.bin, 'psql'),
        '-Xq',
        '-h',
        host,
        '-p',
        String(port),
        '-U',
        'postgres',
        '-c',
        statement,
      ]
      const { code, stderr } = await site.clients.exec(['sh', '-c', `exec "$@" ${redirect}`, 'sh', ...argv])
      if (code !== 0) throw new Error(`psql: ${stderr.trim()}`)
    }
    const out = `copy ${table} to stdout (format binary)`
    const back = `copy ${table} from stdin (format binary) where false`
    await psql(site.postgres.port, site.postgres.host, out, `>'${file}'`)
    return async (contender, load) => {
      const { address, pid } = running(contender)
      const counted = countCpu(pid)
      if (load === COPY_OUT) await psql(address.port, address.host, out, '>/dev/null')
      else await psql(address.port, address.host, back, `<'${file}'`)
      const { machine, own, elapsed } = counted()
      return {
        rate: rateOf(bytes, elapsed / 1e6),
        machineGibCpu: perGib(bytes, machine),
        ...(pid ? { gibCpu: perGib(bytes, own) } : {}),
      }
    }
  },
}
