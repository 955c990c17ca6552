// Sessions and incidents as a person reads them. Knows no socket and no terminal.

import { printable } from '../events/printable.js'
import type { Incident } from '../incidents/incident.js'
import { type Phase, phasesOf } from '../incidents/phases.js'
import type { SessionStatus } from '../pools/status.js'
import { formatBytes, formatMs } from '../units/units.js'
import { columns } from './columns.js'
import type { Paint } from './paint.js'

/** A row for each session, the longest open first. */
export function renderSessions(sessions: readonly SessionStatus[], paint: Paint): string {
  if (sessions.length === 0) return 'no session is open\n'
  const head = ['ID', 'LISTENER', 'CLIENT', 'STATE', 'MEMBER', 'SEEN THERE AS', 'FOR', 'UP', 'DOWN'].map(paint.faint)
  const rows = sessions
    .toSorted((a, b) => b.for - a.for)
    .map(s => [
      String(s.id),
      printable(s.listen),
      printable(s.client),
      s.state === 'held' ? paint.odd(s.state) : s.state,
      printable(s.member ?? '-'),
      printable(s.backendClient ?? '-'),
      formatMs(s.for),
      formatBytes(s.fromClient),
      formatBytes(s.fromMember),
    ])
  return `${columns([head, ...rows]).join('\n')}\n`
}

/** Incidents in the order given, a blank line between. */
export function renderIncidents(incidents: readonly Incident[], paint: Paint): string {
  if (incidents.length === 0) return 'no leader change since this router started\n'
  return incidents.map(incident => renderIncident(incident, paint)).join('\n')
}

const WORDS: Readonly<Record<Phase['name'], string>> = {
  first_sign: 'first sign',
  gate_closed: 'gate closed',
  key_gone: 'leader key gone',
  key_moved: 'leader key moved',
  confirmed: 'primary confirmed, gate open',
  first_write: 'first write let through',
}
const BAR = 40

/** One incident as a timeline: a line for each moment with its time, what it took, and a bar where it lies. */
export function renderIncident(incident: Incident, paint: Paint): string {
  const { number, cluster, from = 'no leader', to = 'no leader yet', lasted } = incident
  const took = lasted === undefined ? paint.bad('UNDER WAY') : `took ${formatMs(lasted)}`
  const names = `${printable(from)} → ${printable(to)}`
  const began = new Date(incident.startedAt).toISOString()
  const phases = phasesOf(incident)
  const whole = Math.max(lasted ?? 0, phases.at(-1)?.at ?? 0)
  const rows = phases.map(p => [
    `+${(p.at / 1000).toFixed(3)}s`,
    WORDS[p.name],
    `took ${formatMs(p.took)}`,
    bar(p, whole),
  ])
  return `${[
    paint.bold(`incident ${number}  ${printable(cluster)}: ${names}, ${took}`),
    `  began ${began}: ${printable(incident.sign)}`,
    ...columns(rows, '  '),
    `  sessions: ${incident.held} held, ${incident.cut} cut, ${incident.refused} refused`,
  ].join('\n')}\n`
}

/** Where the phase lies within the whole: blanks before it, a block for its length. */
function bar(phase: Phase, whole: number): string {
  if (whole === 0) return '|'
  const start = Math.round(((phase.at - phase.took) / whole) * BAR)
  const stop = Math.round((phase.at / whole) * BAR)
  return `${' '.repeat(start)}${'='.repeat(Math.max(0, stop - start))}|`
}
