// What every listener has alike is said once, in `session`, which listeners inherit from.

import { type Finding, type Key, key } from '../finding.js'

/** The keys of `session` that mean the same there and in a listener; `max` does not. */
const SHARED = new Set(
  'maxPerAddress maxSessionsPerMember connectTimeout connectRetries idleTimeout halfCloseTimeout allow'.split(' '),
)

/** Moves keys that all of these listeners share, with one value, to `session`. */
export function inCommon(findings: readonly Finding[], listeners: readonly string[]): readonly Finding[] {
  if (listeners.length < 2) return findings
  const keys = findings.filter(finding => finding.kind === 'key')
  const shared = [...SHARED].flatMap(name => {
    const same = listeners.flatMap(listener => keys.filter(({ path }) => path === `listen.${listener}.${name}`))
    const one = same.length === listeners.length && new Set(same.map(({ value }) => JSON.stringify(value))).size === 1
    return one ? [{ name, same }] : []
  })
  const moved = new Set<Finding>(shared.flatMap(({ same }) => same))
  return [
    ...findings.filter(finding => !moved.has(finding)),
    ...shared.map(({ name, same }) => merge(`session.${name}`, same)),
  ]
}

function merge(path: string, same: readonly Key[]): Key {
  const [first] = same
  return key(path, first?.value ?? '', [...new Set(same.flatMap(({ from }) => from))], first?.say)
}
