// Which of the open sessions are meant: from the client to the backend, as pg_stat_activity shows it, and back.

import type { SessionStatus } from '../pools/status.js'
import type { Wanted } from './parse.js'

export type Filter = Pick<Wanted['args'], 'client' | 'backend' | 'member' | 'listen' | 'state'>

/** Those that all of the filters leave. */
export function pickSessions(sessions: readonly SessionStatus[], filter: Filter): readonly SessionStatus[] {
  const { client, backend } = filter
  const same = (key: 'member' | 'listen' | 'state') => (one: SessionStatus) =>
    filter[key] === undefined || one[key] === filter[key]
  return sessions
    .filter(one => client === undefined || isAt(one.client, client) || isAt(one.via ?? '', client))
    .filter(one => backend === undefined || isAt(one.backendClient ?? '', backend))
    .filter(same('member'))
    .filter(same('listen'))
    .filter(same('state'))
}

/** Whether `10.0.0.7:41234` is meant by `10.0.0.7:41234`, `10.0.0.7` or `41234`; IPv6 hosts with or without brackets. */
function isAt(address: string, meant: string): boolean {
  const [, host, port] = /^(.*):(\d+)$/.exec(address) ?? [undefined, address, '']
  const bare = host?.replace(/^\[|\]$/g, '')
  return [address, host, bare, port, `${bare}:${port}`].includes(meant.trim())
}
