// What a drill is: a name, the site it happens on, and a run that measures. Knows no drill and no server.

import type { Figure } from './figure.js'

/** What drills happen on. Drills that stand together and have the same site share it, one after the other. */
export interface Site {
  /** Versions of the programs it is made of, by name. */
  versions(): Readonly<Record<string, string>>
  raise(): Promise<void>
  /** What mekare logged on it so far; empty when it is down. */
  logged(): readonly string[]
  down(): Promise<void>
}

export interface Amount {
  /** How often the drill does what it does; its own number when not asked for. */
  readonly runs: number | undefined
  /** How long an outage of all of etcd lasts, in ms. */
  readonly outage: number
}

export interface Drill {
  readonly name: string
  readonly says: string
  readonly site: Site
  /** `say` takes one line for each thing done. */
  run(amount: Amount, say: (line: string) => void): Promise<readonly Figure[]>
}
