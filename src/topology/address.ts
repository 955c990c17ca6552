// Reads addresses out of conn_url, proxy_url and api_url. Knows URLs; resolves no name.

import type { Address } from './topology.js'

/** The port PostgreSQL takes when nobody names one. */
const DEFAULT_PORT = 5432

const AUTHORITY = /^[a-z][a-z0-9+.-]*:\/\/(?:[^@/?#]*@)?([^/?#]+)/i

/**
 * Reads the first host of a libpq connection URI (PostgreSQL manual, "Connection URIs"): a name, IPv4, or IPv6 in brackets.
 * `several` is true where it names more than one. Undefined when no host and valid port can be read.
 */
export function parseConnUrl(url: string): { readonly address: Address; readonly several: boolean } | undefined {
  const hosts = AUTHORITY.exec(url)?.[1]?.split(',')
  const address = hosts?.[0] === undefined ? undefined : parseHostPort(hosts[0])
  return address === undefined ? undefined : { address, several: (hosts?.length ?? 1) > 1 }
}

/** Our own end of a connection, as a socket tells it; undefined where it has none any more. */
export function ownAddress(connection: {
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
}): Address | undefined {
  const { localAddress: host, localPort: port } = connection
  return host === undefined || port === undefined ? undefined : { host, port }
}

/** Reads `host`, `host:port`, `[v6]:port` or a bare IPv6 address; the port is 5432 where it is not given. */
export function parseHostPort(value: string): Address | undefined {
  const [, v6, bare, named, port] =
    /^(?:\[([0-9a-f:.%\w]+)\]|([0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*)|([^\s:[\]/?#@,]+))(?::(\d{1,5}))?$/i.exec(value) ?? []
  const host = v6 ?? bare ?? named
  const number = port === undefined ? DEFAULT_PORT : Number(port)
  return host === undefined || number < 1 || number > 65_535 ? undefined : { host: unescaped(host), port: number }
}

function unescaped(host: string): string {
  try {
    return decodeURIComponent(host)
  } catch {
    return host
  }
}

/** The base of a REST address, without path: `http://10.0.0.1:8008`. Undefined when it is not an http or https URL. */
export function apiBase(url: string): string | undefined {
  return /^(https?:\/\/[^\s/?#]+)/i.exec(url)?.[1]
}

/** The host of a REST address, with PostgreSQL's default port: where PostgreSQL most likely is when only Patroni's address is known. */
export function beside(apiUrl: string): Address | undefined {
  const host = parseConnUrl(apiUrl)?.address.host
  return host === undefined ? undefined : { host, port: DEFAULT_PORT }
}

/** Writes `host:port`, IPv6 in brackets. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
