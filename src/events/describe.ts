// What the log says of each event: its level, one sentence for a person at three in the morning (names first, then what
// happened, why, since when), and the fields for a machine. Knows no sink and no clock.

import type { Incident } from '../incidents/incident.js'
import { sharesOf } from '../incidents/phases.js'
import { countsWords } from '../incidents/words.js'
import { formatMs } from '../units/units.js'
import type { Event } from './event.js'
import { lifeSentence } from './life-sentence.js'
import { printable } from './printable.js'
import { endLevel, type Level, type Said, sessionSentence } from './session-sentence.js'
import type { Told } from './throttle.js'
import { vrrpSentence } from './vrrp-sentence.js'

export interface Description {
  readonly level: Level
  readonly message: string
  /** The event's kind as `event`, then its own data; names of times end in `Ms`, of sizes in `Bytes`. */
  readonly fields: Readonly<Record<string, unknown>>
}

/** The log line of an event. Holds no control character, whatever a peer put into a name or an error text. */
export function describe(event: Event): Description {
  const [level, message] = sentence(event)
  return { level, message: printable(message), fields: fieldsOf(event) }
}

/** The same of an event that stands for others like it, which it counts. */
export function describeTold({ event, suppressed }: Told): Description {
  const line = describe(event)
  if (suppressed === 0) return line
  const message = `${line.message} (and ${suppressed} more like it since the last such line)`
  return { ...line, message, fields: { ...line.fields, suppressed } }
}

/** Its level alone. Of what comes with every session no sentence is made for it. */
export function levelOf(event: Event): Level {
  if (event.kind === 'session_joined' || event.kind === 'session_held') return 'debug'
  return event.kind === 'session_ended' ? endLevel(event) : sentence(event)[0]
}

function sentence(event: Event): Said {
  switch (event.kind) {
    case 'started':
    case 'stopping':
    case 'stopped':
    case 'listening':
    case 'warned':
    case 'reloaded':
    case 'reload_refused':
    case 'restart_failed':
    case 'handed_over':
    case 'took_over':
    case 'descriptors_used_up':
    case 'descriptors_left':
    case 'listener_paused':
    case 'router_drained':
    case 'hook_ran':
    case 'hook_dropped':
      return lifeSentence(event)
    case 'source_answers':
    case 'source_silent':
    case 'source_moved':
    case 'source_problem':
      return sourceSentence(event)
    case 'proxy_appeared':
      return ['info', `${event.cluster}: the proxy ${event.proxy} is registered in etcd too, version ${event.version}`]
    case 'proxy_gone':
      return [
        'warn',
        `${event.cluster}: the proxy ${event.proxy} is no longer registered in etcd: it has ended, or cannot reach it`,
      ]
    case 'switchover_ordered':
    case 'switchover_refused':
    case 'first_sign':
    case 'leader_key_gone':
    case 'leader_changed':
    case 'gate_opened':
    case 'gate_closed':
    case 'first_write':
    case 'first_login':
    case 'first_answer':
    case 'incident_ended':
      return gateSentence(event)
    case 'member_appeared':
    case 'member_vanished':
    case 'member_forgotten':
    case 'member_up':
    case 'member_down':
    case 'member_drained':
    case 'pooler_up':
    case 'pooler_down':
    case 'pool_changed':
    case 'probed':
      return memberSentence(event)
    case 'session_refused':
    case 'session_held':
    case 'session_joined':
    case 'session_ended':
    case 'sessions_cut':
    case 'dial_failed':
    case 'cancel':
      return sessionSentence(event)
    case 'vrrp_changed':
    case 'vrrp_rival':
    case 'vrrp_withheld':
    case 'vrrp_witness':
    case 'vrrp_dropped':
    case 'vrrp_differs':
    case 'vrrp_address':
    case 'vrrp_duplicate':
    case 'vrrp_failed':
    case 'vrrp_lowered':
    case 'vrrp_started':
    case 'vrrp_stopped':
      return vrrpSentence(event)
    default:
      return event satisfies never
  }
}

function sourceSentence(event: Extract<Event, { kind: `source_${string}` }>): Said {
  const { cluster } = event
  switch (event.kind) {
    case 'source_answers':
      return [
        'info',
        `${cluster}: the source answers${event.silentFor ? ` again after ${formatMs(event.silentFor)}` : ''}`,
      ]
    case 'source_silent':
      return ['warn', `${cluster}: the source is silent; what it said before still stands: ${event.why}`]
    case 'source_moved':
      return ['warn', `${cluster}: the source left ${event.from} for ${event.to ?? 'none yet'}: ${event.why}`]
    case 'source_problem':
      return ['warn', `${cluster}: problem in the topology: ${event.problem}`]
    default:
      return event satisfies never
  }
}

type GateKind =
  | 'switchover_ordered'
  | 'switchover_refused'
  | 'first_sign'
  | 'leader_key_gone'
  | 'leader_changed'
  | 'gate_opened'
  | 'gate_closed'
  | 'first_write'
  | 'first_login'
  | 'first_answer'
  | 'incident_ended'

function gateSentence(event: Extract<Event, { kind: GateKind }>): Said {
  const { cluster } = event
  switch (event.kind) {
    case 'switchover_ordered':
      return ['warn', `${cluster}: an operator has Patroni switch over from ${event.from} to ${event.to}`]
    case 'switchover_refused':
      return ['warn', `${cluster}: no switchover from ${event.from} to ${event.to}: ${event.why}`]
    case 'first_sign':
      return ['warn', `${cluster}: first sign of a leader change: ${event.sign}`]
    case 'leader_key_gone':
      return ['warn', `${cluster}: the leader key is gone, it named ${event.leader}; open sessions stay`]
    case 'leader_changed':
      return ['info', `${cluster}: the leader key names ${event.to}${event.from ? `, before it ${event.from}` : ''}`]
    case 'gate_opened':
      return ['info', `${cluster}: gate open to ${event.member} after ${formatMs(event.closedFor)} closed`]
    case 'gate_closed':
      return ['warn', `${cluster}: gate closed to new write sessions: ${event.why}`]
    case 'first_write':
      return ['info', `${cluster}: first write session joined ${event.member}, held for ${formatMs(event.held)}`]
    case 'first_login':
      return ['info', `${cluster}: first login to write at ${event.member} took ${formatMs(event.took)}`]
    case 'first_answer':
      return ['info', `${cluster}: first answer to a write session from ${event.member}`]
    case 'incident_ended':
      return ['info', `${cluster}: ${incidentSentence(event.incident)}`]
    default:
      return event satisfies never
  }
}

function incidentSentence(incident: Incident): string {
  const names = `${incident.from ?? 'no leader'} → ${incident.to ?? 'no leader'}`
  const took = incident.lasted === undefined ? '' : ` in ${formatMs(incident.lasted)}`
  const ours = formatMs(sharesOf(incident).mekare)
  return `incident ${incident.number} over, ${names}${took}, ${ours} of it mekare's (${incident.sign}); sessions: ${countsWords(incident)}`
}

type MemberKind = 'pool_changed' | 'probed' | `member_${string}` | `pooler_${string}`

function memberSentence(event: Extract<Event, { kind: MemberKind }>): Said {
  const name = `${event.cluster}/${event.member}`
  switch (event.kind) {
    case 'member_appeared':
      return ['info', `${name}: appeared, at ${event.address}`]
    case 'member_vanished':
      return ['warn', `${name}: its member key is gone; its last address is kept while it answers`]
    case 'member_forgotten':
      return ['info', `${name}: forgotten: ${event.why}`]
    case 'member_up':
      return ['info', `${name}: up`]
    case 'member_down':
      return ['warn', `${name}: down: ${event.why}`]
    case 'member_drained':
      return ['info', `${name}: ${event.drained ? 'drained: takes no new session' : 'undrained: takes sessions again'}`]
    case 'pooler_up':
      return ['info', `${name}: its pooler is up`]
    case 'pooler_down':
      return ['warn', `${name}: its pooler is down: ${event.why}`]
    case 'pool_changed':
      return ['info', `${name}: ${event.usable ? 'joined' : 'left'} the pool of ${event.listen}: ${event.why}`]
    case 'probed':
      return ['trace', `${name}: answered a probe in ${formatMs(event.took)}`]
    default:
      return event satisfies never
  }
}

const WITH_UNIT: Readonly<Record<string, string>> = {
  silentFor: 'silentForMs',
  closedFor: 'closedForMs',
  lastNo: 'lastNoMs',
  held: 'heldMs',
  took: 'tookMs',
  heldFor: 'heldForMs',
  connectTook: 'connectTookMs',
  lasted: 'lastedMs',
  within: 'withinMs',
  fromClient: 'fromClientBytes',
  fromMember: 'fromMemberBytes',
}

function fieldsOf(event: Event): Record<string, unknown> {
  const fields: Record<string, unknown> = { event: event.kind }
  for (const [key, value] of Object.entries(event)) {
    if (key !== 'kind') fields[WITH_UNIT[key] ?? key] = value
  }
  return fields
}
