// What clusters and listeners are called in our configuration.

import { freeName } from '../names.js'
import { askedBy } from './checks.js'
import { type Group, nameOf } from './clusters.js'
import type { Port } from './ports.js'

export interface Named<T> {
  readonly name: string
  readonly it: T
}

/** Names each cluster: as the caller says, or by what its sections' names have in common. */
export function nameClusters(
  groups: readonly Group[],
  named: (group: Group, only: boolean) => string | undefined,
): readonly Named<Group>[] {
  const taken = new Set<string>()
  return groups.map(it => ({ name: freeName(named(it, groups.length === 1) ?? nameOf(it) ?? 'postgres', taken), it }))
}

/**
 * Names each listener: as its section is called, with the port where there are several. With one cluster the first one of the
 * primary is `write` and the first of others `read`, as every page of ours has it.
 */
export function nameListeners(ports: readonly Port[], oneCluster: boolean): readonly Named<Port>[] {
  const role = (port: Port) => askedBy(port.back).role
  const write = oneCluster ? ports.find(port => role(port) === 'primary') : undefined
  const others = ports.filter(port => role(port) !== undefined && role(port) !== 'primary')
  const read = oneCluster ? (others.find(port => role(port) === 'replica') ?? others[0]) : undefined
  const taken = new Set<string>(oneCluster ? ['write', 'read'] : [])
  return ports.map(port => {
    if (port === write) return { name: 'write', it: port }
    if (port === read) return { name: 'read', it: port }
    const several = ports.filter(({ front }) => front === port.front).length > 1 && port.number !== ''
    return { name: freeName(several ? `${port.front.name}-${port.number}` : port.front.name, taken), it: port }
  })
}
