// Where mekare keeps its own keys in etcd: beside Patroni's, never among them. And how a range of keys is named.

import type { ClusterConfig } from '../config/shape.js'

/** `/mekare/service/demo/addresses/10.77.0.100` for the kind `addresses`. */
export function ownKey({ namespace, scope }: ClusterConfig, kind: string, name: string): string {
  return `/mekare${namespace}${scope}/${kind}/${name}`
}

/** All keys that begin with this, as a range of etcd's. */
export function rangeBelow(prefix: string): { readonly key: Buffer; readonly range_end: Buffer } {
  const end = Buffer.from(prefix)
  end[end.length - 1] = (end[end.length - 1] ?? 0) + 1
  return { key: Buffer.from(prefix), range_end: end }
}
