// What the log says of the process itself: its beginning and end, what it listens on, what a reload has changed.

import { formatMs, type Ms, plural } from '../units/units.js'
import type { Event } from './event.js'
import type { Said } from './session-sentence.js'

export type LifeKind =
  | 'started'
  | 'stopping'
  | 'stopped'
  | 'listening'
  | 'warned'
  | 'reloaded'
  | 'reload_refused'
  | 'restart_failed'
  | 'handed_over'
  | 'took_over'
  | 'descriptors_used_up'
  | 'descriptors_left'
  | 'listener_paused'
  | 'router_drained'
  | 'hook_ran'
  | 'hook_dropped'

/** So many changes stand in one line; the event holds them all. */
const MOST_TOLD = 12

const DROPPED = {
  perMinute: 'perMinute is used up',
  waiting: 'too many wait for the one that runs',
} as const

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
    case 'restart_failed':
      return ['warn', `restart: nothing is changed, this process goes on: ${event.why.replaceAll('\n', ' | ')}`]
    case 'handed_over':
      return [
        'info',
        `process ${event.to} has taken over; what is open here (${plural(event.sessions, 'session')}) has ${formatMs(event.within)} to end`,
      ]
    case 'took_over':
      return ['info', `process ${event.pid} has taken the place of process ${event.from}`]
    case 'descriptors_used_up':
      return [
        'error',
        `no file descriptor is left of ${event.limit}: new clients are turned away, sessions go on; raise the limit (LimitNOFILE=, prlimit), or lower session.max`,
      ]
    case 'descriptors_left':
      return ['info', `there are file descriptors again (limit ${event.limit}) after ${formatMs(event.lasted)}`]
    case 'listener_paused':
      if (event.paused) return ['warn', `${event.listen}: paused by an operator: everyone new waits, sessions go on`]
      return ['info', `${event.listen}: resumed by an operator${after(event.lasted)}`]
    case 'hook_ran':
      if (event.why === undefined)
        return ['debug', `hook ${event.hook}: told of ${event.told} in ${formatMs(event.took)}`]
      return ['warn', `hook ${event.hook}: could not be told of ${event.told}: ${event.why}`]
    case 'hook_dropped':
      return ['debug', `hook ${event.hook}: not told of ${event.told}: ${DROPPED[event.because]}`]
    case 'router_drained':
      if (event.drained) return ['warn', 'drained by an operator: out of service, the floating addresses move away']
      return ['info', `undrained by an operator${after(event.lasted)}: in service again`]
    default:
      return event satisfies never
  }
}

const after = (length: Ms | undefined) => (length === undefined ? '' : ` after ${formatMs(length)}`)

function reloadSentence(changes: readonly string[], digests: string): string {
  if (changes.length === 0) return 'reloaded: nothing has changed'
  const told = changes.slice(0, MOST_TOLD).join('; ')
  const more = changes.length > MOST_TOLD ? `; and ${changes.length - MOST_TOLD} more` : ''
  return `reloaded (configuration ${digests}): ${told}${more}`
}
