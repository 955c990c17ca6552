// What the log says of sessions: joined, held, refused, ended, cut, and of failed dials and cancels. Knows no sink.

import { formatBytes, formatMs } from '../units/units.js'
import type { Event } from './event.js'

export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error'

/** A level and one sentence. */
export type Said = readonly [Level, string]

type SessionKind = 'sessions_cut' | 'dial_failed' | 'cancel' | `session_${string}`

/** The level and the sentence of an event about sessions. Per-session news is debug; what an operator must act on warns. */
export function sessionSentence(event: Extract<Event, { kind: SessionKind }>): Said {
  const { listen } = event
  switch (event.kind) {
    case 'session_refused':
      return ['warn', `${listen}: refused ${event.client} (${event.end}): ${event.message}`]
    case 'session_held':
      return ['debug', `${listen}: holds ${event.client}: ${event.why}`]
    case 'session_joined': {
      const held = event.heldFor > 0 ? `, held for ${formatMs(event.heldFor)}` : ''
      return [
        'debug',
        `${listen}: ${event.client} joined ${event.member}, dialed in ${formatMs(event.connectTook)}${held}`,
      ]
    }
    case 'session_ended':
      return endSentence(event)
    case 'sessions_cut':
      return ['warn', `${event.cluster}/${event.member}: sessions cut on ${listen}: ${event.count} (${event.end})`]
    case 'dial_failed':
      return ['warn', `${event.cluster}/${event.member}: a dial from ${listen} failed: ${event.why}`]
    case 'cancel':
      return cancelSentence(event)
    default:
      return event satisfies never
  }
}

/** Of a session's end, without its sentence. */
export const endLevel = ({ end }: Extract<Event, { kind: 'session_ended' }>): Level =>
  end === 'bug' ? 'error' : 'debug'

function endSentence(event: Extract<Event, { kind: 'session_ended' }>): Said {
  const on = event.member === undefined ? '' : ` on ${event.member}`
  const moved = `${formatBytes(event.fromClient)} up, ${formatBytes(event.fromMember)} down`
  const queries = event.queries === undefined ? '' : `, ${event.queries} queries`
  const error = event.error === undefined ? '' : `: ${event.error}`
  return [
    endLevel(event),
    `${event.listen}: ${event.client}${on} ended after ${formatMs(event.lasted)} (${event.end}), ${moved}${queries}${error}`,
  ]
}

function cancelSentence(event: Extract<Event, { kind: 'cancel' }>): Said {
  switch (event.how) {
    case 'known':
      return ['debug', `${event.listen}: a cancel request went to the one member that knows its key`]
    case 'asked':
      return ['debug', `${event.listen}: a cancel request with an unknown key went to ${event.members} members`]
    case 'limited':
      return ['warn', `${event.listen}: a cancel request with an unknown key was dropped: too many from its address`]
    case 'nobody':
      return ['warn', `${event.listen}: a cancel request was dropped: no member to ask`]
    default:
      return event.how satisfies never
  }
}
