// A short name for what a configuration says, to see whether two proxies, or two loads, agree.

import { createHash } from 'node:crypto'
import type { Config } from './shape.js'

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).filter(([name]) => name !== 'password')
  return fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, field]) => [name, canonical(field)])
}

/** SHA-256 in hexadecimal over everything but secrets and `fleet.name`, which is each proxy's own. The order of keys does not count. */
export function configDigest(config: Config): string {
  const { fleet, ...rest } = config
  const text = JSON.stringify(canonical({ ...rest, fleet: { enabled: fleet.enabled } }))
  return createHash('sha256').update(text).digest('hex')
}
