// The servers of a HAProxy backend: PostgreSQL's address, where it is checked, and the words behind them.

import { begins, type Finding, type Line, note } from '../finding.js'
import { type Given, readParams, SERVER_PARAMS } from './params.js'
import type { ProxySection } from './proxies.js'

export interface Server {
  readonly name: string
  readonly host: string
  /** Absent: the port the client came to. */
  readonly port: string | undefined
  readonly line: Line
  /** Its own words over those of default-server. */
  readonly given: ReadonlyMap<string, Given>
}

export interface Servers {
  readonly servers: readonly Server[]
  readonly notes: readonly Finding[]
}

/** Reads `server` lines, each under the `default-server` lines before it. */
export function serversOf(proxy: ProxySection): Servers {
  const servers: Server[] = []
  const notes: Finding[] = []
  let defaults: ReadonlyMap<string, Given> = new Map()
  for (const line of proxy.lines) {
    if (begins(line, 'default-server')) {
      const read = readParams(line, 1, SERVER_PARAMS)
      defaults = new Map([...defaults, ...read.given])
      notes.push(...read.notes)
    }
    if (!begins(line, 'server')) continue
    const read = readParams(line, 3, SERVER_PARAMS)
    const [, name = '', address = ''] = line.words
    const at = splitAddress(address)
    notes.push(...read.notes)
    if (at === undefined) notes.push(note('gone', line, 'is no address of PostgreSQL on a network', address))
    else servers.push({ name, ...at, line, given: new Map([...defaults, ...read.given]) })
  }
  return { servers, notes }
}

/** `10.0.0.1:5432`, `[fd00::1]:5432`, `pg1`, `ipv4@pg1:5432`; no Unix sockets, no ports relative to the client's. */
function splitAddress(text: string): { readonly host: string; readonly port: string | undefined } | undefined {
  const [, host, port] = /^(?:ipv[46]@)?(\[[^\]]+\]|[^:@/]+|[0-9a-fA-F:]+(?=:\d+$))(?::(\d+))?$/.exec(text) ?? []
  if (host === undefined || host === '') return undefined
  const bare = host.replace(/^\[|\]$/g, '')
  return { host: bare.includes(':') ? `[${bare}]` : bare, port }
}

/** What the servers say of one word, each once, the first of equal ones. */
export function saidBy(servers: readonly Server[], word: string): readonly Given[] {
  const all = servers.flatMap(({ given }) => given.get(word) ?? [])
  return all.filter(({ line }, index) => all.findIndex(other => other.line === line) === index)
}
