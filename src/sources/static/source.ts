// A fixed list of PostgreSQL servers: tells it once. Who is primary is found by the probes alone.

import type { ClusterConfig } from '../../config/shape.js'
import { formatAddress } from '../../topology/address.js'
import { parseStatic } from '../../topology/static.js'
import type { Ms } from '../../units/units.js'
import type { SourceDeps } from '../deps.js'
import type { Source } from '../source.js'
import { telling } from '../tell.js'

/** A source that yields the configured members at its start and never changes. */
export function createStaticSource(config: ClusterConfig, deps: SourceDeps): Source {
  let startedAt: Ms | undefined
  return {
    start: heard => {
      startedAt = deps.now()
      telling(heard)({
        kind: 'topology',
        topology: parseStatic(config.static.members, { scope: config.scope, readAt: startedAt }),
      })
    },
    hint: () => {},
    status: () => ({
      kind: 'static',
      endpoints: config.static.members.map(member => ({ name: formatAddress(member), state: 'in use' })),
      ...(startedAt !== undefined && { answeredAt: startedAt }),
      reconnects: 0,
    }),
    stop: async () => {},
  }
}
