// What the log says of the process itself: its beginning and end, what it listens on, what a reload has changed.

import type { Event } from './event.js'
import type { Said } from './session-sentence.js'

export type LifeKind = 'started' | 'stopping' | 'stopped' | 'listening' | 'warned' | 'reloaded' | 'reload_refused'

/** So many changes stand in one line; the event holds them all. */
const MOST_TOLD = 12

/** The level and the sentence of an event of the process. */
export function lifeSentence(event: Extract<Event, { kind: LifeKind }>): Said {
  switch (event.kind) {
    case 'started':
      return ['info', `mekare ${event.version} started as ${event.name}, relay engine ${event.engine}`]
    case 'stopping':
      return ['info', `stopping (${event.why}); open sessions: ${event.sessions}`]
    case 'stopped':
      return ['info', 'stopped; no session is left']
    case 'listening':
      return ['info', `${event.listen}: listening on ${event.address}`]
    case 'warned':
      return ['warn', event.what]
    case 'reloaded':
      return ['info', reloadSentence(event.changes, `${event.from} → ${event.to}`)]
    case 'reload_refused':
      return ['warn', `reload: nothing is changed: ${event.why.replaceAll('\n', ' | ')}`]
    default:
      return event satisfies never
  }
}

function reloadSentence(changes: readonly string[], digests: string): string {
  if (changes.length === 0) return 'reloaded: nothing has changed'
  const told = changes.slice(0, MOST_TOLD).join('; ')
  const more = changes.length > MOST_TOLD ? `; and ${changes.length - MOST_TOLD} more` : ''
  return `reloaded (configuration ${digests}): ${told}${more}`
}
