// What the rest of the program sees of the configuration. Durations are Ms, sizes Bytes, secrets already read from their files.

import type { Address } from '../topology/topology.js'
import type { Bytes, Ms } from '../units/units.js'

export interface TlsFiles {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

export interface EtcdConfig extends TlsFiles {
  readonly hosts: readonly string[]
  readonly username?: string
  readonly password?: string
}

export interface PatroniConfig extends TlsFiles {
  readonly urls: readonly string[]
  readonly interval: Ms
  readonly username?: string
  readonly password?: string
}

export interface ProbeConfig {
  readonly user?: string
  readonly password?: string
  readonly database: string
  readonly sslmode: 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'
  readonly ca?: string
  readonly interval: Ms
  readonly timeout: Ms
  readonly rise: number
  readonly fall: number
  readonly slowStart: Ms
}

export interface ClusterConfig {
  readonly scope: string
  readonly namespace: string
  readonly source: 'etcd' | 'patroni' | 'static'
  readonly etcd: EtcdConfig
  readonly patroni: PatroniConfig
  readonly static: { readonly members: readonly Address[] }
  readonly probe: ProbeConfig
}

/** Where a listener listens: a host and port, or the path of a Unix socket. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

export interface SessionConfig {
  readonly max: number | 'auto'
  readonly maxPerAddress: number
  readonly maxSessionsPerMember: number
  readonly startupTimeout: Ms
  readonly connectTimeout: Ms
  readonly connectRetries: number
  readonly idleTimeout: Ms
  readonly halfCloseTimeout: Ms
  readonly drainTimeout: Ms
  readonly deadAfter: Ms
  /** CIDR blocks that may connect; empty: all. */
  readonly allow: readonly string[]
  readonly proxyProtocol: 'off'
}

export type ListenRole = 'primary' | 'replica' | 'sync' | 'any'
export type Balance = 'least-connections' | 'round-robin' | 'random-two'

export interface ListenConfig extends SessionConfig {
  readonly cluster: string
  readonly address: ListenAddress
  readonly role: ListenRole
  readonly balance: Balance
  readonly holdFor: Ms
  readonly maxHeld: number
  /** Held clients let through in a second. */
  readonly releaseRate: number
  readonly maxLag: Bytes
  /** 0: lag in time is not looked at. */
  readonly maxLagTime: Ms
  readonly fallback: 'none' | 'primary'
  readonly onPromote: 'cut' | 'keep'
  readonly target: 'postgres' | 'pooler'
}

export interface Config {
  readonly clusters: Readonly<Record<string, ClusterConfig>>
  readonly listen: Readonly<Record<string, ListenConfig>>
  readonly session: SessionConfig
  readonly relay: { readonly engine: 'auto' | 'native' | 'net'; readonly threads: number; readonly spin: Ms }
  readonly admin: { readonly address: ListenAddress; readonly socket: string }
  readonly log: {
    readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error'
    readonly format: 'auto' | 'pretty' | 'json'
  }
  readonly fleet: { readonly enabled: boolean; readonly name: string }
}
