// The status document for those who watch it: each second, and at once when something has happened; written once for all of
// them, and not at all while nobody watches. The incidents go with it whenever they have changed. Knows no HTTP.

import type { AdminDeps } from './deps.js'
import type { EventFeed } from './feed.js'
import { frame } from './frame.js'

const EVERY_MS = 1000
/** After an event others often follow: they are waited for so long, and no longer. */
const SOON_MS = 50

export interface Live {
  /** Gives everything now, and what is new from now on, as frames of an event stream; the function returned ends it. */
  watch(next: (frames: string) => void): () => void
}

export function createLive({ status, incidents }: Pick<AdminDeps, 'status' | 'incidents'>, feed: EventFeed): Live {
  const watchers = new Set<(frames: string) => void>()
  let timer: NodeJS.Timeout | undefined
  let soon = false
  let told = ''
  let leave = () => {}

  const incidentFrame = () => frame('incidents', incidents())

  function tell(): void {
    wait(EVERY_MS, false)
    const now = incidentFrame()
    const news = told === now ? '' : now
    told = now
    const frames = statusFrame(status) + news
    for (const next of watchers) next(frames)
  }

  function wait(length: number, hurry: boolean): void {
    clearTimeout(timer)
    soon = hurry
    timer = setTimeout(tell, length)
    timer.unref()
  }

  return {
    watch(next) {
      if (watchers.size === 0) {
        leave = feed.follow(() => {
          if (!soon) wait(SOON_MS, true)
        })
        told = incidentFrame()
        wait(EVERY_MS, false)
      }
      watchers.add(next)
      next(statusFrame(status) + incidentFrame())
      return () => {
        if (!watchers.delete(next) || watchers.size > 0) return
        clearTimeout(timer)
        leave()
      }
    },
  }
}

/** A page must not be able to bring the router down: a document that cannot be made is a comment, and its reader goes stale. */
function statusFrame(status: AdminDeps['status']): string {
  try {
    return frame('status', status())
  } catch (error) {
    return `: no status: ${error instanceof Error ? error.message.replaceAll('\n', ' ') : 'unknown'}\n\n`
  }
}
