// The command line of `npm run demo`.

import { parseArgs } from 'node:util'

export const USAGE = `usage: npm run demo -- [--pooler] [--exit] [--json] [--network auto|namespaces|loopback]

Replays an operator's exercise on real servers and judges each step; stays until Ctrl-C.
  --pooler   a PgBouncer beside each PostgreSQL, and mekare goes through it (target: pooler)
  --exit     ends by itself, with 0 when every verdict is good
  --json     the same, with one JSON document on standard output
  --network  loopback: as without root, on 127.77.0.x; default auto: network namespaces where they can be had
`
const NETWORKS = ['auto', 'namespaces', 'loopback'] as const

export interface DemoOptions {
  readonly exit: boolean
  readonly json: boolean
  readonly pooler: boolean
  readonly network: (typeof NETWORKS)[number]
}

/** What was asked for, or `help`; undefined: it cannot be understood. */
export function readOptions(argv: readonly string[]): DemoOptions | 'help' | undefined {
  try {
    const flag = { type: 'boolean', default: false } as const
    const network = { type: 'string', default: 'auto' } as const
    const options = { help: { ...flag, short: 'h' }, exit: flag, json: flag, pooler: flag, network } as const
    const { values } = parseArgs({ args: [...argv], options })
    if (values.help) return 'help'
    const chosen = NETWORKS.find(each => each === values.network)
    const { exit, json, pooler } = values
    return chosen && { exit: exit || json, json, pooler, network: chosen }
  } catch {
    return undefined
  }
}
