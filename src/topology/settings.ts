// Reads Patroni's dynamic configuration (the config key, GET /config), with Patroni's own defaults for what is not set.

import { bytes, ms } from '../units/units.js'
import type { Settings } from './topology.js'
import { asObject, flag, number } from './values.js'

/** Patroni's settings out of its dynamic configuration; anything unreadable falls back to Patroni's default. */
export function parseSettings(config: unknown): Settings {
  const given = asObject(config) ?? {}
  const seconds = (value: unknown, fallback: number) => {
    const n = number(value)
    return ms(n !== undefined && n > 0 ? n * 1000 : fallback)
  }
  const standby = asObject(given.standby_cluster)
  const lag = number(given.maximum_lag_on_failover)
  return {
    ttl: seconds(given.ttl, 30_000),
    loopWait: seconds(given.loop_wait, 10_000),
    pause: flag(given.pause),
    standbyCluster: standby !== undefined && Object.keys(standby).length > 0,
    failsafeMode: flag(given.failsafe_mode),
    synchronousMode: flag(given.synchronous_mode) || given.synchronous_mode === 'quorum',
    maximumLagOnFailover: bytes(lag !== undefined && lag >= 0 ? lag : 1_048_576),
  }
}
