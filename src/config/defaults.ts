// Defaults that depend on other keys: the listeners of a single cluster, the scope, what listeners inherit from `session`, the witness's cluster.
// Works on entries, before the table has read them.

import { dotted, type Entries, type Entry } from './entries.js'

/** The names of clusters or listeners that entries speak of. */
export function namesIn(entries: Iterable<Entry>, section: string): readonly string[] {
  const names = [...entries]
    .filter(({ path }) => path[0] === section && path.length > 1)
    .map(({ path }) => path[1] ?? '')
  return [...new Set(names)]
}

const USUAL: Readonly<Record<string, { readonly role: string; readonly address: string }>> = {
  write: { role: 'primary', address: '0.0.0.0:5000' },
  read: { role: 'replica', address: '0.0.0.0:5001' },
}

type Put = (path: readonly string[], value: unknown) => void

function fillListener(name: string, entries: Entries, only: string | undefined, put: Put): void {
  const usual = Object.hasOwn(USUAL, name) ? USUAL[name] : undefined
  if (only !== undefined) put(['listen', name, 'cluster'], only)
  if (usual !== undefined) put(['listen', name, 'role'], usual.role)
  if (usual !== undefined && only !== undefined) put(['listen', name, 'address'], usual.address)
  const primary = entries.get(`listen.${name}.role`)?.value === 'primary'
  put(['listen', name, 'holdFor'], primary ? '45s' : '5s')
  for (const { path, value } of [...entries.values()]) {
    if (path[0] === 'session' && path[1] !== undefined) put(['listen', name, path[1]], value)
  }
}

/** Adds what follows from other entries and the host's name, wherever nothing was given; nothing for listeners that are `off`. */
export function fillDefaults(given: Entries, hostname: string): Entries {
  const clusters = namesIn(given.values(), 'clusters')
  const only = clusters.length === 1 ? clusters[0] : undefined
  const usual = only === undefined ? [] : Object.keys(USUAL)
  const entries: Entries = new Map()
  const put: Put = (path, value) => {
    if (!entries.has(dotted(path))) entries.set(dotted(path), { path, value, layer: 'default', origin: 'default' })
  }
  for (const name of usual) put(['listen', name], {})
  for (const [path, entry] of given) entries.set(path, entry)
  for (const name of clusters) put(['clusters', name, 'scope'], name)
  if (only !== undefined)
    for (const name of namesIn(given.values(), 'vrrp')) put(['vrrp', name, 'witnessCluster'], only)
  put(['fleet', 'name'], hostname.replace(/[^A-Za-z0-9._-]/g, '-') || 'mekare')
  for (const name of new Set([...usual, ...namesIn(given.values(), 'listen')])) {
    if (entries.get(`listen.${name}`)?.value !== 'off') fillListener(name, entries, only, put)
  }
  return entries
}
