// One session with one etcd endpoint: linearizable reads of a prefix, and one watch. Knows nothing of other endpoints and
// retries nothing: the first failure is told, and the supervisor opens another session.

import type { IEvent, IKeyValue, IRangeResponse } from 'etcd3'
import type { EtcdConfig } from '../../config/shape.js'
import { type Connection, openConnection } from '../../etcd/connection.js'
import { rangeBelow } from '../../etcd/keys.js'
import { watchKeys } from '../../etcd/watch.js'
import type { EtcdEntry } from '../../topology/etcd.js'

/** The prefix at one revision. */
export interface Snapshot {
  readonly revision: number
  readonly entries: ReadonlyMap<string, EtcdEntry>
}

/** One change of a key below the prefix; without an entry it was deleted. */
export interface Change {
  readonly key: string
  readonly revision: number
  readonly entry?: EtcdEntry
}

interface SessionWatch {
  /** Changes of one revision or several, in order. */
  readonly changed: (changes: readonly Change[]) => void
  /** The watch is over and delivers nothing more; told at most once, never after close(). */
  readonly broken: (why: Error) => void
}

export interface Session {
  /** A linearizable read of the whole prefix. Rejects after `deadline` ms at the latest. */
  read(deadline: number): Promise<Snapshot>
  /** Names directly below a prefix, at most `limit`, for telling which scopes exist. */
  names(prefix: string, limit: number, deadline: number): Promise<string[]>
  /** Watches the prefix from a revision on. Call at most once. */
  watch(from: number, handlers: SessionWatch): void
  /** Ends the watch and the connections. */
  close(): void
}

/** Opens a session; nothing is sent before the first read. Throws when a TLS file cannot be read. */
export function openSession(host: string, prefix: string, config: EtcdConfig): Session {
  const connection = openConnection(host, config)
  const range = rangeBelow(prefix)
  let endWatch = () => {}
  return {
    names: (parent, limit, deadline) => namesBelow(connection, parent, limit, deadline),
    async read(deadline) {
      return snapshotOf(await connection.client.kv.range(range, await connection.options(deadline)), prefix)
    },
    watch(from, { changed, broken }) {
      const events = (arrived: readonly IEvent[]) => changed(arrived.map(event => changeOf(event, prefix)))
      endWatch = watchKeys(connection, { ...range, from }, { events, broken })
    },
    close() {
      endWatch()
      connection.close()
    },
  }
}

async function namesBelow(
  { client, options }: Connection,
  parent: string,
  limit: number,
  deadline: number,
): Promise<string[]> {
  const found: string[] = []
  let from = Buffer.from(parent)
  while (found.length < limit) {
    const request = { ...rangeBelow(parent), key: from, limit: 1, keys_only: true }
    const { kvs } = await client.kv.range(request, await options(deadline))
    const key = kvs[0]?.key.toString('utf8').slice(parent.length)
    if (key === undefined) break
    const name = key.split('/', 1)[0] ?? key
    found.push(name)
    // The next name: past everything below this one ('0' follows '/').
    from = Buffer.from(`${parent}${name}0`)
  }
  return found
}

function snapshotOf(response: IRangeResponse, prefix: string): Snapshot {
  const entries = new Map(response.kvs.map(kv => [keyOf(kv, prefix), entryOf(kv)]))
  return { revision: Number(response.header.revision), entries }
}

function changeOf(event: IEvent, prefix: string): Change {
  const change = { key: keyOf(event.kv, prefix), revision: Number(event.kv.mod_revision) }
  return String(event.type).toLowerCase() === 'delete' ? change : { ...change, entry: entryOf(event.kv) }
}

function keyOf(kv: IKeyValue, prefix: string): string {
  return kv.key.toString('utf8').slice(prefix.length)
}

function entryOf(kv: IKeyValue): EtcdEntry {
  return { value: kv.value.toString('utf8'), createRevision: kv.create_revision, modRevision: kv.mod_revision }
}
