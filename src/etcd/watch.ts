// A watch on the raw stream of etcd's API, not through etcd3's watch manager, which never notices a frozen member. It tells what
// comes and its own end, and is not to be trusted alone: a deaf watch says nothing.

import type { IEvent, IWatchResponse } from 'etcd3'
import type { Connection } from './connection.js'

export interface WatchHandlers {
  /** Events of one revision or several, in order. */
  readonly events: (events: readonly IEvent[]) => void
  /** The watch is over and delivers nothing more; told at most once, never after it was ended. */
  readonly broken: (why: Error) => void
}

/** What is watched: a key, or with `range_end` the range up to it; from now on, or from a revision. */
export interface Watched {
  readonly key: Buffer
  readonly range_end?: Buffer
  readonly from?: number
}

/** Begins it; gives the way to end it. */
export function watchKeys(connection: Connection, { from, ...range }: Watched, handlers: WatchHandlers): () => void {
  let over = false
  let cancel = () => {}
  const broken = (why: Error) => {
    if (over) return
    over = true
    handlers.broken(why)
  }

  async function open(): Promise<void> {
    const stream = await connection.client.watchClient.watch(await connection.options())
    cancel = () => stream.cancel()
    if (over) return stream.cancel()
    stream.on('data', response => {
      const why = ending(response)
      if (why !== undefined) broken(why)
      else if (!over && response.events.length > 0) handlers.events(response.events)
    })
    // Stays attached after the end: cancelling a stream makes it emit an error.
    stream.on('error', broken)
    stream.on('end', () => broken(new Error('the watch ended')))
    stream.write({ create_request: { ...range, ...(from && { start_revision: from }) } })
  }

  open().catch(broken)
  return () => {
    over = true
    cancel()
  }
}

function ending(response: IWatchResponse): Error | undefined {
  if (Number(response.compact_revision) > 0) return new Error(`the watch was compacted at ${response.compact_revision}`)
  return response.canceled
    ? new Error(`the watch was cancelled: ${response.cancel_reason || 'no reason given'}`)
    : undefined
}
