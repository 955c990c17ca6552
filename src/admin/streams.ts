// Server-sent events (the WHATWG HTML standard, section 9.2): the feed's backlog, then each line as it comes; to those who ask
// for it also the status document. A reader that does not keep up is ended; it may come back and gets the backlog again.

import type { ServerResponse } from 'node:http'
import type { AdminDeps } from './deps.js'
import type { EventFeed, FeedLine } from './feed.js'
import { frame } from './frame.js'
import { createLive } from './live.js'

export const MOST_STREAMS = 100
const MOST_UNREAD = 1024 * 1024
/** Comments sent in between show a dead reader's end, and keep the way open. */
const BEAT_MS = 15_000

export interface Streams {
  /** Takes the response over; false when there are too many already. */
  open(response: ServerResponse, withStatus: boolean): boolean
  /** Ends every stream. */
  stop(): void
}

export function createStreams(feed: EventFeed, deps: Pick<AdminDeps, 'status' | 'incidents'>): Streams {
  const open = new Set<ServerResponse>()
  const live = createLive(deps, feed)
  const send = (response: ServerResponse, text: string) => {
    response.write(text)
    if (response.writableLength > MOST_UNREAD) response.destroy()
  }
  const beat = setInterval(() => {
    for (const response of open) send(response, ': still here\n\n')
  }, BEAT_MS)
  beat.unref()

  return {
    open(response, withStatus) {
      if (open.size >= MOST_STREAMS) return false
      open.add(response)
      response.writeHead(200, STREAM_HEADERS)
      send(response, feed.backlog().map(lineFrame).join('') || ': nothing yet\n\n')
      const leave = [
        feed.follow(line => send(response, lineFrame(line))),
        ...(withStatus ? [live.watch(frames => send(response, frames))] : []),
      ]
      response.on('close', () => {
        for (const end of leave) end()
        open.delete(response)
      })
      return true
    },
    stop() {
      clearInterval(beat)
      for (const response of open) response.end()
    },
  }
}

/** A proxy in between that gathers what it passes on would make live what is late. */
export const STREAM_HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'x-accel-buffering': 'no',
}

function lineFrame({ id, ...line }: FeedLine): string {
  return frame(undefined, { id, ...line }, id)
}
