// Which PostgreSQL clusters a HAProxy configuration leads to, told by the servers that their ports share.

import type { Port } from './ports.js'
import { type Server, serversOf } from './servers.js'

export interface Group {
  readonly ports: readonly Port[]
  readonly servers: readonly Server[]
}

/** Ports with a server in common lead to one cluster; those whose servers are not known here belong to the first. */
export function groupsOf(ports: readonly Port[]): readonly Group[] {
  const groups: { ports: Port[]; servers: Server[] }[] = []
  const homeless: Port[] = []
  for (const port of ports) {
    const servers = serversBehind(port)
    const mine = groups.filter(group => group.servers.some(one => servers.some(other => sameMember(one, other))))
    const home = {
      ports: [...mine.flatMap(one => one.ports), port],
      servers: [...mine.flatMap(one => one.servers), ...servers],
    }
    for (const other of mine) groups.splice(groups.indexOf(other), 1)
    if (servers.length === 0) homeless.push(port)
    else groups.push(home)
  }
  const [first] = groups
  if (first === undefined) return homeless.length > 0 ? [{ ports: homeless, servers: [] }] : []
  first.ports.push(...homeless)
  return groups
}

/** Of its backend and of the one that takes over; without a port of its own a server has the one clients come to. */
function serversBehind({ back, spare, number }: Port): readonly Server[] {
  const servers = [back, ...(spare === undefined ? [] : [spare.to])].flatMap(one => serversOf(one).servers)
  return servers.map(server => ({ ...server, port: server.port ?? (number === '' ? POSTGRES : number) }))
}

/** One host with the same PostgreSQL, or the same Patroni (then one of the two is a pooler). */
const sameMember = (a: Server, b: Server): boolean => {
  const patroni = a.given.get('port')?.value
  return a.host === b.host && (a.port === b.port || (patroni !== undefined && patroni === b.given.get('port')?.value))
}

const POSTGRES = '5432'

const ROLE_WORDS =
  /^(primary|primaries|master|leader|replicas?|standbys?|slaves?|read|reads|only|write|writes|writer|reader|rw|ro|pg|pgsql|psql|postgres|postgresql|postgre|sql|db|database|cluster|backend|frontend|listen|front|back|fe|be|ft|bk|in|pool|port|sync|async|any|all|haproxy|lb|\d+)$/i

/** The part of its sections' names that is no word for a role: `orders` of orders_primary and orders_replica. */
export function nameOf({ ports }: Group): string | undefined {
  const names = ports.flatMap(({ front, back }) => [front.name, back.name])
  const left = names.map(name =>
    name
      .split(/[^A-Za-z0-9]+/)
      .filter(word => word !== '' && !ROLE_WORDS.test(word))
      .join('-'),
  )
  // A word that few of them have names one listener, not the cluster.
  return left.find(name => name !== '' && left.filter(other => other === name).length * 2 >= left.length)
}
