// The site of drills about a whole cluster: a stand of real servers, and for each drill a mekare before it with the observers.

import { join } from 'node:path'
import type { StandOptions } from '../../test/lab/options.js'
import { findPrograms } from '../../test/lab/programs.js'
import type { ProxyOptions } from '../../test/lab/proxy.js'
import { createStand, type Stand } from '../../test/lab/stand.js'
import type { Amount, Drill, Site } from './drill.js'
import { type Field, logged, openField } from './field.js'
import type { Figure } from './figure.js'
import { version } from './machine.js'

export interface StandSite extends Site {
  open(options: ProxyOptions, say: (line: string) => void): Promise<Field>
}

function createStandSite(options: StandOptions): StandSite {
  let stand: Stand | undefined
  return {
    versions() {
      const { postgres, patroni, etcd, python } = findPrograms()
      return {
        postgres: version(join(postgres, 'postgres'), '--version'),
        patroni: version(patroni, '--version'),
        etcd: version(etcd, '--version'),
        psycopg: version(python, '-c', 'import psycopg2; print(psycopg2.__version__, psycopg2.__libpq_version__)'),
      }
    },
    async raise() {
      stand = await createStand(options)
      try {
        await stand.up()
      } catch (error) {
        console.error(stand.tails(15))
        await this.down()
        throw error
      }
    },
    logged: () => (stand ? logged(stand) : []),
    async down() {
      await stand?.down()
      stand = undefined
    },
    async open(proxy, say) {
      if (!stand) throw new Error('the stand is not up')
      return openField(stand, proxy, say)
    },
  }
}

export const PLAIN = createStandSite({})
export const FAILSAFE = createStandSite({ failsafeMode: true })
export const SYNCHRONOUS = createStandSite({ synchronousMode: true })

interface StandDrill {
  readonly name: string
  readonly says: string
  /** PLAIN when it is not given. */
  readonly site?: StandSite
  readonly proxy?: ProxyOptions
  run(field: Field, amount: Amount): Promise<readonly Figure[]>
}

/** A drill on a stand: the field is opened for it and ended after it, however it ends. */
export function onStand({ name, says, site = PLAIN, proxy = {}, run }: StandDrill): Drill {
  return {
    name,
    says,
    site,
    async run(amount, say) {
      const field = await site.open(proxy, say)
      try {
        return await run(field, amount)
      } finally {
        await field.end()
      }
    },
  }
}
