// What the rest of the program sees of the configuration: the types of the table's values, by name.
// Durations are Ms, sizes Bytes, secrets already read from their files.

import type { z } from 'zod'
import type { table } from './table.js'

type Scalar = string | number | boolean
type Frozen<T> = T extends Scalar
  ? T
  : T extends readonly (infer E)[]
    ? readonly Frozen<E>[]
    : { readonly [K in keyof T]: Frozen<T[K]> }

type Table = Frozen<z.infer<typeof table>>
type Cluster = Table['clusters'][string]
type Listen = Table['listen'][string]
type Vrrp = Table['vrrp'][string]
type WithoutFile<T> = Omit<T, 'passwordFile' | 'urlFile'>

/** Where a listener listens: a host and port (an empty host: all interfaces), or the path of a Unix socket. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

export interface EtcdConfig extends WithoutFile<Cluster['etcd']> {}
export interface PatroniConfig extends WithoutFile<Cluster['patroni']> {}
export interface ProbeConfig extends WithoutFile<Cluster['probe']> {}

/** The certificate files that etcd and Patroni's REST API may both need. */
export type TlsFiles = Pick<EtcdConfig, 'ca' | 'cert' | 'key'>

export interface ClusterConfig extends Omit<Cluster, 'etcd' | 'patroni' | 'probe'> {
  readonly etcd: EtcdConfig
  readonly patroni: PatroniConfig
  readonly probe: ProbeConfig
}

/** A listener, with every key of `session` as it holds for this one. `mode`, `forward` and `tls` have one value yet. */
export interface ListenConfig extends Omit<Listen, 'mode' | 'forward' | 'tls'> {}

/** A virtual router. */
export interface VrrpConfig extends Omit<Vrrp, 'auth'> {
  readonly auth: WithoutFile<Vrrp['auth']>
}

/** Whom to tell of what. */
export interface HookConfig extends WithoutFile<Table['hooks'][string]> {}

export type VrrpScript = VrrpConfig['track']['scripts'][string]

export type ListenRole = ListenConfig['role']
export type Balance = ListenConfig['balance']

export interface Config extends Omit<Table, 'clusters' | 'listen' | 'vrrp' | 'hooks'> {
  readonly clusters: Readonly<Record<string, ClusterConfig>>
  readonly listen: Readonly<Record<string, ListenConfig>>
  readonly vrrp: Readonly<Record<string, VrrpConfig>>
  readonly hooks: Readonly<Record<string, HookConfig>>
}
