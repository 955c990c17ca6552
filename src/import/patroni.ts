// Patroni's own configuration: scope, namespace, where its keys are kept, how its REST API is reached. Of all else it knows nothing,
// and prints no password of it.

import { type Finding, hole, key, maybe } from './finding.js'

export interface PatroniFile {
  readonly file: string
  /** What the YAML says. */
  readonly doc: unknown
}

export interface Patroni {
  readonly file: string
  readonly scope: string | undefined
  /** PostgreSQL as this member publishes it. */
  readonly member: string | undefined
  findings(path: string, urls: readonly string[]): readonly Finding[]
}

type Tree = Readonly<Record<string, unknown>>

const tree = (value: unknown): Tree | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Tree) : undefined
const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined

/** Reads one file; undefined when it is not Patroni's. */
export function readPatroni({ file, doc }: PatroniFile): Patroni | undefined {
  const all = tree(doc)
  const scope = text(all?.scope)
  const stores = ['etcd3', 'etcd', 'consul', 'zookeeper', 'exhibitor', 'kubernetes', 'raft']
  const store = stores.find(name => all?.[name] !== undefined)
  if (all === undefined || (scope === undefined && store === undefined)) return undefined
  return {
    file,
    scope,
    member: text(tree(all.postgresql)?.connect_address),
    findings: (path, urls) => [
      ...maybe(`${path}.scope`, scope, [], `${file}: scope`),
      ...maybe(`${path}.namespace`, text(all.namespace), [], `${file}: namespace`),
      ...(store === 'etcd3' ? fromEtcd(tree(all.etcd3) ?? {}, path, file) : fromOther(store, path, file)),
      ...fromRest(tree(all.restapi) ?? {}, path, urls, file),
      ...fromTls(tree(all.restapi) ?? {}, tree(all.ctl) ?? {}, path, file),
    ],
  }
}

function fromEtcd(etcd: Tree, path: string, file: string): readonly Finding[] {
  const hosts = hostsOf(etcd)
  const user = text(etcd.username)
  const files = [
    ['ca', etcd.cacert],
    ['cert', etcd.cert],
    ['key', etcd.key],
  ] as const
  return [
    ...(hosts.length === 0
      ? [hole(`${path}.etcd.hosts`, [], `fill in: etcd's client endpoints (${file} finds them by DNS)`)]
      : [key(`${path}.etcd.hosts`, hosts, [], `${file}: etcd3`)]),
    ...(user === undefined
      ? []
      : [
          key(`${path}.etcd.username`, user, []),
          hole(
            `${path}.etcd.passwordFile`,
            '/etc/mekare/etcd.password',
            `fill in: write the password of ${file} into this file; then remove this line`,
          ),
        ]),
    ...files.flatMap(([name, value]) => maybe(`${path}.etcd.${name}`, text(value), [])),
  ]
}

/** `host`, `hosts` (a list, or text with commas), `url`; `protocol` says whether it is https. */
function hostsOf(etcd: Tree): readonly string[] {
  const scheme = text(etcd.protocol) === 'https' ? 'https' : 'http'
  const listed = Array.isArray(etcd.hosts) ? etcd.hosts : (text(etcd.hosts)?.split(',') ?? [])
  const all = [...listed, etcd.host, etcd.url ?? etcd.proxy].flatMap(one => text(one)?.trim() ?? [])
  return [
    ...new Set(all.map(host => withPort(host.includes('://') ? host : `${scheme}://${host}`).replace(/\/+$/, ''))),
  ]
}

/** 2379 is what Patroni takes where no port is given. */
const withPort = (url: string): string => (/:\d+\/*$/.test(url) ? url : `${url.replace(/\/+$/, '')}:2379`)

/** mekare watches etcd through its v3 API; whatever else Patroni keeps its keys in is seen through Patroni. */
function fromOther(store: string | undefined, path: string, file: string): readonly Finding[] {
  if (store === undefined) return [hole(`${path}.etcd.hosts`, [], "fill in: etcd's client endpoints, all of them")]
  const why =
    store === 'etcd'
      ? `${file} has etcd: Patroni speaks etcd's v2 API there, whose keys v3 does not show. With etcd3: in Patroni, take source: etcd`
      : `${file} has ${store}: it is followed through Patroni's REST API`
  return [key(`${path}.source`, 'patroni', [], why)]
}

function fromRest(rest: Tree, path: string, urls: readonly string[], file: string): readonly Finding[] {
  const address = text(rest.connect_address) ?? text(rest.listen)
  const https = text(rest.certfile) !== undefined
  const own =
    address === undefined || /^(0\.0\.0\.0|\*|\[?::\]?|127\.|localhost)/.test(address)
      ? []
      : [`${https ? 'https' : 'http'}://${address}`]
  const all = [...new Set([...urls.map(url => (https ? url.replace(/^http:/, 'https:') : url)), ...own])]
  if (all.length === 0 || all.join() === urls.join()) return []
  return [key(`${path}.patroni.urls`, all, [], `${file}: restapi`)]
}

/** What patronictl trusts and shows (`ctl`) is what others need too; a client certificate only where it is asked of everybody. */
function fromTls(rest: Tree, ctl: Tree, path: string, file: string): readonly Finding[] {
  const shown = text(rest.verify_client) === 'required'
  const files = [
    ['ca', ctl.cacert ?? rest.cafile],
    ['cert', shown ? ctl.certfile : undefined],
    ['key', shown ? ctl.keyfile : undefined],
  ] as const
  return files.flatMap(([name, value]) => maybe(`${path}.patroni.${name}`, text(value), [], `${file}: ctl, restapi`))
}
