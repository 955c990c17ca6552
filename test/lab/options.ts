// What may be asked of a stand, with the values taken when nothing is said. Knows no server.

import type { Network } from './network.js'

export interface StandOptions {
  /** `auto`: network namespaces where this process may make them, else addresses of the loopback block. */
  readonly network?: 'auto' | Network['kind']
  readonly etcd?: number
  readonly members?: number
  readonly proxies?: number
  readonly scope?: string
  readonly namespace?: string
  /** Patroni's times, in seconds. */
  readonly ttl?: number
  readonly loopWait?: number
  readonly retryTimeout?: number
  readonly failsafeMode?: boolean
  readonly synchronousMode?: boolean
  /** Server certificates for the members (and `ssl = on`). */
  readonly tls?: boolean
  /** A PgBouncer beside each PostgreSQL, which Patroni publishes as proxy_url; mekare goes through them. */
  readonly poolers?: PoolerOptions
  /** etcd speaks TLS to its clients. */
  readonly etcdTls?: boolean
  /** etcd asks for this password of user root. */
  readonly etcdPassword?: string
  /** More keys of Patroni's dynamic configuration. */
  readonly dcs?: Readonly<Record<string, unknown>>
  /** More PostgreSQL parameters. */
  readonly parameters?: Readonly<Record<string, string | number>>
  /** Lines put before those of the stand in pg_hba.conf. */
  readonly hba?: readonly string[]
  /** Patroni's tags by member. */
  readonly tags?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** Default true: SIGINT and its kin take the stand down and end the process. False: the caller does. */
  readonly endOnSignal?: boolean
  /** Told of each step of `up`, for progress on a terminal. */
  readonly report?: (step: string) => void
}

export interface PoolerOptions {
  readonly mode: 'session' | 'transaction'
  /** Servers of each, for one user and database. */
  readonly size: number
}

type Optional = 'etcdPassword' | 'poolers'

export type Settings = Required<Omit<StandOptions, Optional>> & {
  readonly [key in Optional]: StandOptions[key] | undefined
}

/** Fills in what was not said. */
export function settle(options: StandOptions): Settings {
  return {
    network: 'auto',
    etcd: 3,
    members: 3,
    proxies: 2,
    scope: 'demo',
    namespace: '/service/',
    ttl: 20,
    loopWait: 10,
    retryTimeout: 10,
    failsafeMode: false,
    synchronousMode: false,
    tls: false,
    etcdTls: false,
    dcs: {},
    parameters: {},
    hba: [],
    tags: {},
    endOnSignal: true,
    report: () => undefined,
    ...options,
    etcdPassword: options.etcdPassword,
    poolers: options.poolers,
  }
}

/** The roles of every stand. They guard nothing: the stand is gone within minutes and listens on this machine only. */
export const PASSWORDS = {
  postgres: 'postgres-secret',
  replicator: 'replicator-secret',
  mekare_probe: 'probe-secret',
  app: 'app-secret',
} as const

export type Role = keyof typeof PASSWORDS
