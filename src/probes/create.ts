// Chooses how members are asked: SQL where a user is given, otherwise Patroni's REST API.

import type { ClusterConfig } from '../config/shape.js'
import type { Prober, ProberDeps } from './prober.js'
import { createRestProber } from './rest.js'
import { createSqlProber } from './sql.js'

/** The prober a cluster's configuration asks for. It does nothing until want() names members. */
export function createProber({ probe, patroni }: Pick<ClusterConfig, 'probe' | 'patroni'>, deps: ProberDeps): Prober {
  const { user } = probe
  if (user !== undefined && user !== '') return createSqlProber({ ...probe, user }, deps)
  return createRestProber({ ...patroni, timeout: probe.timeout }, deps)
}
