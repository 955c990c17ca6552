// One session with one etcd endpoint: linearizable reads of a prefix, and one watch. Knows nothing of other endpoints and
// retries nothing: the first failure is told, and the supervisor opens another session.

import { Etcd3, type IKeyValue, type IRangeResponse, type IWatchResponse } from 'etcd3'
import type { EtcdConfig } from '../../config/shape.js'
import type { EtcdEntry } from '../../topology/etcd.js'
import { type CallOptions, carrying, clientOptions } from './client.js'

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

interface WatchHandlers {
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
  watch(from: number, handlers: WatchHandlers): void
  /** Ends the watch and the connections. */
  close(): void
}

/** Opens a session; nothing is sent before the first read. Throws when a TLS file cannot be read. */
export function openSession(host: string, prefix: string, config: EtcdConfig): Session {
  const client = new Etcd3(clientOptions(host, config))
  const range = { key: Buffer.from(prefix), range_end: endOf(prefix) }
  let token: Promise<string | undefined> | undefined
  let ended: (() => void) | undefined
  let closed = false

  const login = (deadline: number) => {
    const { username, password } = config
    token ??= username
      ? client.auth
          .authenticate({ name: username, password: password ?? '' }, { deadline: Date.now() + deadline })
          .then(answer => answer.token)
      : Promise.resolve(undefined)
    return token
  }
  const options = async (deadline?: number): Promise<CallOptions> => {
    const held = await login(deadline ?? 1000)
    return {
      ...(deadline !== undefined && { deadline: Date.now() + deadline }),
      ...(held !== undefined && { interceptors: [carrying(held)] }),
    }
  }

  async function names(parent: string, limit: number, deadline: number): Promise<string[]> {
    const found: string[] = []
    let from = Buffer.from(parent)
    while (found.length < limit) {
      const request = { key: from, range_end: endOf(parent), limit: 1, keys_only: true }
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

  async function watch(from: number, handlers: WatchHandlers): Promise<void> {
    const stream = await client.watchClient.watch(await options())
    ended = () => stream.cancel()
    if (closed) return stream.cancel()
    const broken = once((why: Error) => {
      if (!closed) handlers.broken(why)
    })
    stream.on('data', response => {
      const over = ending(response)
      if (over !== undefined) broken(over)
      else if (!closed && response.events.length > 0)
        handlers.changed(response.events.map(event => changeOf(event, prefix)))
    })
    // Stays attached after close(): cancelling a stream makes it emit an error.
    stream.on('error', broken)
    stream.on('end', () => broken(new Error('the watch ended')))
    stream.write({ create_request: { ...range, start_revision: from } })
  }

  return {
    names,
    read: async deadline => snapshotOf(await client.kv.range(range, await options(deadline)), prefix),
    watch: (from, handlers) => {
      watch(from, handlers).catch(error => {
        if (!closed) handlers.broken(error as Error)
      })
    },
    close: () => {
      closed = true
      ended?.()
      client.close()
    },
  }
}

function snapshotOf(response: IRangeResponse, prefix: string): Snapshot {
  const entries = new Map(response.kvs.map(kv => [keyOf(kv, prefix), entryOf(kv)]))
  return { revision: Number(response.header.revision), entries }
}

function changeOf(event: { readonly type: string; readonly kv: IKeyValue }, prefix: string): Change {
  const change = { key: keyOf(event.kv, prefix), revision: Number(event.kv.mod_revision) }
  return String(event.type).toLowerCase() === 'delete' ? change : { ...change, entry: entryOf(event.kv) }
}

function keyOf(kv: IKeyValue, prefix: string): string {
  return kv.key.toString('utf8').slice(prefix.length)
}

function entryOf(kv: IKeyValue): EtcdEntry {
  return { value: kv.value.toString('utf8'), createRevision: kv.create_revision, modRevision: kv.mod_revision }
}

function ending(response: IWatchResponse): Error | undefined {
  if (Number(response.compact_revision) > 0) return new Error(`the watch was compacted at ${response.compact_revision}`)
  return response.canceled
    ? new Error(`the watch was cancelled: ${response.cancel_reason || 'no reason given'}`)
    : undefined
}

/** The end of the range of all keys with this prefix: its last byte, plus one. */
function endOf(prefix: string): Buffer {
  const end = Buffer.from(prefix)
  end[end.length - 1] = (end[end.length - 1] ?? 0) + 1
  return end
}

function once<T>(act: (value: T) => void): (value: T) => void {
  let done = false
  return value => {
    if (!done) act(value)
    done = true
  }
}
