// Writes Patroni's configuration for a member of the stand and asks its REST interface. Knows Patroni's words, starts nothing.

import { chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { Certs } from './certs.js'
import type { Etcd } from './etcd.js'
import type { Ground } from './ground.js'
import { PASSWORDS, type Settings } from './options.js'
import type { Programs } from './programs.js'

interface PatroniParts {
  readonly ground: Ground
  readonly programs: Programs
  readonly settings: Settings
  readonly etcd: Etcd
  readonly certs: Certs | undefined
  readonly etcdCerts: Certs | undefined
}

/** Writes `patroni.yml` into the member's directory and answers its path. */
export function writePatroniConfig(parts: PatroniParts, host: string): string {
  const dir = parts.ground.hostDir(host)
  const path = join(dir, 'patroni.yml')
  writeFileSync(path, stringify(config(parts, host, dir)))
  mkdirSync(join(dir, 'socket'), { recursive: true })
  const { owner } = parts.ground
  if (owner) for (const each of [path, join(dir, 'socket')]) chownSync(each, owner.uid, owner.gid)
  return path
}

function config(parts: PatroniParts, host: string, dir: string) {
  const { settings } = parts
  const { address, ports } = parts.ground.network
  const rest = `${address(host)}:${ports.patroni}`
  return {
    scope: settings.scope,
    namespace: settings.namespace,
    name: host,
    log: { level: 'INFO' },
    restapi: { listen: rest, connect_address: rest },
    etcd3: etcd3(parts),
    bootstrap: { dcs: dynamic(settings) },
    postgresql: postgresql(parts, host, dir),
    tags: settings.tags[host] ?? {},
    watchdog: { mode: 'off' },
  }
}

function etcd3({ ground, etcd, etcdCerts, settings }: PatroniParts) {
  const { address, ports } = ground.network
  return {
    hosts: etcd.hosts.map(name => `${address(name)}:${ports.etcd}`),
    ...(etcdCerts ? { protocol: 'https', cacert: etcdCerts.ca } : {}),
    ...(settings.etcdPassword ? { username: 'root', password: settings.etcdPassword } : {}),
  }
}

/** Until all members stream, so that none sleeps through what it waits for. */
const HASTE = { loop_wait: 1, postgresql: { parameters: { wal_retrieve_retry_interval: '200ms' } } }

/** What takes its place, of Patroni's dynamic configuration. */
export const atRest = ({ loopWait }: Settings) => ({
  loop_wait: loopWait,
  postgresql: { parameters: { wal_retrieve_retry_interval: null } },
})

function dynamic(settings: Settings) {
  return {
    ...HASTE,
    ttl: settings.ttl,
    retry_timeout: settings.retryTimeout,
    maximum_lag_on_failover: 1024 * 1024,
    failsafe_mode: settings.failsafeMode,
    synchronous_mode: settings.synchronousMode,
    postgresql: { use_pg_rewind: true, use_slots: true, ...HASTE.postgresql },
    ...settings.dcs,
  }
}

function postgresql(parts: PatroniParts, host: string, dir: string) {
  const { address, ports } = parts.ground.network
  const listen = `${address(host)}:${ports.postgres}`
  return {
    listen,
    connect_address: listen,
    ...(parts.settings.poolers ? { proxy_address: `${address(host)}:${ports.pooler}` } : {}),
    data_dir: join(dir, 'data'),
    bin_dir: parts.programs.postgres,
    pgpass: join(dir, 'pgpass'),
    authentication: {
      superuser: { username: 'postgres', password: PASSWORDS.postgres },
      replication: { username: 'replicator', password: PASSWORDS.replicator },
      rewind: { username: 'postgres', password: PASSWORDS.postgres },
    },
    basebackup: [{ checkpoint: 'fast' }, 'no-sync'],
    pg_hba: [
      ...parts.settings.hba,
      ...(parts.certs ? ['hostssl all cert_app all cert'] : []),
      'local all all trust',
      'host replication all all scram-sha-256',
      'host all all all scram-sha-256',
    ],
    parameters: { ...parameters(parts, dir), ...parts.settings.parameters },
  }
}

function parameters({ certs }: PatroniParts, dir: string) {
  const tls = certs ? { ssl: 'on', ssl_cert_file: certs.cert, ssl_key_file: certs.key, ssl_ca_file: certs.ca } : {}
  return {
    unix_socket_directories: join(dir, 'socket'),
    password_encryption: 'scram-sha-256',
    max_connections: 200,
    max_wal_senders: 10,
    max_replication_slots: 10,
    wal_level: 'logical',
    wal_log_hints: 'on',
    shared_buffers: '16MB',
    // Lies within the data directory: a killed postmaster then leaves nothing in /dev/shm.
    dynamic_shared_memory_type: 'mmap',
    fsync: 'off',
    log_connections: 'on',
    log_line_prefix: '%m [%p] %u@%d %h ',
    max_wal_size: '512MB',
    ...tls,
  }
}
