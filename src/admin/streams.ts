// Server-sent events (the WHATWG HTML standard, section 9.2): the feed's backlog, then each line as it comes.
// A reader that does not keep up is ended; it may come back and gets the backlog again.

import type { ServerResponse } from 'node:http'
import type { EventFeed, FeedLine } from './feed.js'

const MOST_STREAMS = 100
const MOST_UNREAD = 1024 * 1024
/** Comments sent in between show a dead reader's end, and keep the way open. */
const BEAT_MS = 15_000

export interface Streams {
  /** Takes the response over; false when there are too many already. */
  open(response: ServerResponse): boolean
  /** Ends every stream. */
  stop(): void
}

export function createStreams(feed: EventFeed): Streams {
  const open = new Set<ServerResponse>()
  const send = (response: ServerResponse, text: string) => {
    response.write(text)
    if (response.writableLength > MOST_UNREAD) response.destroy()
  }
  const beat = setInterval(() => {
    for (const response of open) send(response, ': still here\n\n')
  }, BEAT_MS)
  beat.unref()

  return {
    open(response) {
      if (open.size >= MOST_STREAMS) return false
      open.add(response)
      const leave = feed.follow(line => send(response, frame(line)))
      response.on('close', () => {
        leave()
        open.delete(response)
      })
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
      send(response, feed.backlog().map(frame).join('') || ': nothing yet\n\n')
      return true
    },
    stop() {
      clearInterval(beat)
      for (const response of open) response.end()
    },
  }
}

function frame(line: FeedLine): string {
  return `data: ${JSON.stringify(line)}\n\n`
}
