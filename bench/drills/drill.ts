// What a drill is: a name, the stand it needs, and a run that measures. Knows no drill.

import type { StandOptions } from '../../test/lab/options.js'
import type { ProxyOptions } from '../../test/lab/proxy.js'
import type { Field } from './field.js'
import type { Figure } from './figure.js'

export interface Amount {
  /** How often the drill does what it does; its own number when not asked for. */
  readonly runs: number | undefined
  /** How long an outage of all of etcd lasts, in ms. */
  readonly outage: number
}

export interface Drill {
  readonly name: string
  readonly says: string
  readonly stand: StandOptions
  readonly proxy?: ProxyOptions
  run(field: Field, amount: Amount): Promise<readonly Figure[]>
}
