// What a cluster of ours needs beyond what HAProxy says: from Patroni's configuration, or as holes to be filled in.

import { type Finding, hole, key, offer } from './finding.js'
import type { Places } from './haproxy/members.js'
import type { Patroni } from './patroni.js'

export interface Cluster {
  readonly name: string
  readonly places: Places
  readonly patroni: Patroni | undefined
}

/** Where nothing is known of a cluster. */
export const NOWHERE: Places = { urls: [], members: [], patroni: true, user: undefined }

/** Keys and holes for scope, source and probe. */
export function complete({ name, places, patroni }: Cluster): readonly Finding[] {
  const path = `clusters.${name}`
  const known = patroni?.findings(path, places.urls)
  if (known !== undefined) return [...known, ...offerProbe(path, places.user)]
  if (!places.patroni && places.members.length > 0)
    return [key(`${path}.source`, 'static', [], STATIC), ...offerProbe(path, places.user, STATIC_PROBE)]
  return [
    hole(`${path}.scope`, name, "fill in: the scope of Patroni's configuration"),
    hole(`${path}.etcd.hosts`, [], places.urls.length === 0 ? ETCD : `${ETCD}; or take source: patroni`),
    ...offerProbe(path, places.user),
  ]
}

const ETCD = "fill in: etcd's client endpoints, all of them (in Patroni's configuration: etcd3)"
const STATIC = 'no check asked Patroni; where Patroni runs, take source: etcd'
const PROBE = 'fill in if you can: a role that may log in; a new primary is then seen after 20 ms instead of 100'
const STATIC_PROBE = 'fill in: a role that may log in; it is asked which of the members is the primary'

function offerProbe(path: string, user: string | undefined, say = PROBE): readonly Finding[] {
  const known = user === undefined ? say : `${say}; HAProxy asks as ${user}`
  return [
    offer(`${path}.probe.user`, user ?? 'mekare_probe', known),
    offer(`${path}.probe.passwordFile`, '/etc/mekare/probe.password', ''),
  ]
}
