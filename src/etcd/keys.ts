// Where mekare keeps its own keys in etcd: beside Patroni's, never among them.

import type { ClusterConfig } from '../config/shape.js'

/** `/mekare/service/demo/addresses/10.77.0.100` for the kind `addresses`. */
export function ownKey({ namespace, scope }: ClusterConfig, kind: string, name: string): string {
  return `/mekare${namespace}${scope}/${kind}/${name}`
}
