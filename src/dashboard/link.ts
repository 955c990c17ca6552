// The way from the router to the page: one event stream that brings everything, read again from the start whenever it was
// lost. Where no stream can be had (a hundred are open), the status document is asked for every few seconds instead.

import type { News } from './state.js'
import { isOutdated } from './version.js'

const POLL_MS = 4000
const RETRY_MS = 2000
const ANSWER_MS = 5000
/** A stream that has brought nothing for so long is dead, whatever it says of itself: a laptop that slept, a firewall that forgot. */
const DEAD_MS = 20_000
/** A page nobody looks at for so long gives its stream back. */
const ASLEEP_MS = 60_000

export interface Link {
  /** Ends it. */
  close(): void
}

/**
 * Keeps the page told, and has it loaded anew where the router has become another `version` than the page is of. Paths are relative: the
 * page may be served below another one's path.
 */
export function connect(tell: (news: News) => void, version: string | undefined): Link {
  let stream: EventSource | undefined
  let next: number | undefined
  let heardAt = performance.now()
  let sleep: number | undefined

  const later = (length: number) => {
    window.clearTimeout(next)
    next = window.setTimeout(start, length)
  }

  /** What is told as it came, with the time it came at. */
  const hear = (news: News) => {
    heardAt = performance.now()
    if (news.kind === 'status' && isOutdated(version, news.status.version, window.sessionStorage, Date.now()))
      window.location.reload()
    tell(news)
  }

  /** Reads everything: a stream may be had late or never, and does not bring what was drawn before it. */
  async function catchUp(): Promise<void> {
    try {
      hear({ kind: 'history', history: await ask('history') })
      hear({ kind: 'incidents', incidents: await ask('incidents') })
      hear({ kind: 'status', status: await ask('status'), now: Date.now() })
    } catch (error) {
      tell({ kind: 'lost', why: reason(error) })
    }
  }

  function start(): void {
    stop()
    void catchUp()
    heardAt = performance.now()
    const opened = new EventSource('events?status')
    stream = opened
    opened.addEventListener('status', ({ data }) => hear({ kind: 'status', status: JSON.parse(data), now: Date.now() }))
    opened.addEventListener('incidents', ({ data }) => hear({ kind: 'incidents', incidents: JSON.parse(data) }))
    opened.addEventListener('message', ({ data }) => hear({ kind: 'line', line: JSON.parse(data) }))
    opened.addEventListener('error', () => {
      // A browser would open it again by itself, but not read what it does not bring; and one that was refused it gives up.
      const refused = opened.readyState === EventSource.CLOSED
      stop()
      void catchUp()
      later(refused ? POLL_MS : RETRY_MS)
    })
  }

  function stop(): void {
    window.clearTimeout(next)
    stream?.close()
    stream = undefined
  }

  const watch = window.setInterval(() => {
    if (stream && performance.now() - heardAt > DEAD_MS) start()
  }, 1000)

  function onVisibility(): void {
    window.clearTimeout(sleep)
    if (document.hidden) sleep = window.setTimeout(stop, ASLEEP_MS)
    else if (stream === undefined) start()
  }
  document.addEventListener('visibilitychange', onVisibility)
  start()

  return {
    close() {
      stop()
      window.clearInterval(watch)
      window.clearTimeout(sleep)
      document.removeEventListener('visibilitychange', onVisibility)
    },
  }
}

async function ask(path: string) {
  const response = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(ANSWER_MS) })
  if (!response.ok) throw new Error(`${path}: ${(await response.text()).trim().slice(0, 300)}`)
  return response.json()
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return 'no answer within 5s'
  // What a browser says of a refused connection differs and says little.
  return error instanceof TypeError ? 'the router cannot be reached' : error.message
}
