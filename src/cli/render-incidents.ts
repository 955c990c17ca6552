// Incidents as a person reads them: a timeline each, the latest last. Knows no socket and no terminal.

import { printable } from '../events/printable.js'
import type { Incident } from '../incidents/incident.js'
import { OWNERS, type Owner, type Phase, phasesOf } from '../incidents/phases.js'
import {
  causeWords,
  countsWords,
  lengthWords,
  momentWords,
  OWNER_WORDS,
  seconds,
  wayWords,
} from '../incidents/words.js'
import { columns } from './columns.js'
import type { Paint } from './paint.js'

/** The last `most` of the incidents, given oldest first, with a blank line between; says when there are older ones. */
export function renderIncidents(incidents: readonly Incident[], most: number, paint: Paint): string {
  if (incidents.length === 0) return 'no leader change is on record\n'
  const older = incidents.length - most
  const more = older > 0 ? [`${older} older: mekare incidents ${incidents.length}\n`] : []
  return [...more, ...incidents.slice(-most).map(incident => renderIncident(incident, paint))].join('\n')
}

const BAR = 40
/** Told apart without colour. */
const MARKS: Readonly<Record<Owner, string>> = { mekare: '#', patroni: '=', nobody: '.' }

/** One incident: why it began, then a line for each moment with when it came, how long it took, whose time that was, as a bar. */
export function renderIncident(incident: Incident, paint: Paint): string {
  const { number, cluster, startedAt, lasted } = incident
  const title = `incident ${number}  ${printable(cluster)}: ${printable(wayWords(incident))}`
  const length = lasted === undefined ? paint.bad(lengthWords(incident)) : lengthWords(incident)
  const phases = phasesOf(incident)
  return `${[
    `${paint.bold(title)}, ${length}`,
    `  ${new Date(startedAt).toISOString()}  ${printable(causeWords(incident))}`,
    ...phaseLines(phases, incident, paint),
    `  sessions: ${printable(countsWords(incident))}; ${legend(phases, paint)}`,
  ].join('\n')}\n`
}

function phaseLines(phases: readonly Phase[], incident: Incident, paint: Paint): string[] {
  const whole = Math.max(incident.lasted ?? 0, phases.at(-1)?.at ?? 0)
  const rows = phases.map(phase => [
    `+${seconds(phase.at)}`,
    printable(momentWords(phase.name, incident)),
    seconds(phase.took),
    bar(phase, whole, paint),
  ])
  return columns(padded(rows), '  ')
}

/** The columns of times, to the right. */
function padded(rows: readonly (readonly string[])[]): string[][] {
  const widths = [0, 2].map(column => Math.max(0, ...rows.map(row => row[column]?.length ?? 0)))
  return rows.map(([at = '', what = '', took = '', drawn = '']) => [
    at.padStart(widths[0] ?? 0),
    what,
    took.padStart(widths[1] ?? 0),
    drawn,
  ])
}

function marked(owner: Owner, text: string, paint: Paint): string {
  if (owner === 'mekare') return paint.odd(text)
  return owner === 'nobody' ? paint.faint(text) : text
}

/** Where the phase lies within the whole: blanks before it, marks of its owner for its length. */
function bar({ at, took, owner }: Phase, whole: number, paint: Paint): string {
  if (whole === 0) return '|'
  const start = Math.round(((at - took) / whole) * BAR)
  const stop = Math.round((at / whole) * BAR)
  return `${' '.repeat(start)}${marked(owner, MARKS[owner].repeat(Math.max(0, stop - start)), paint)}|`
}

function legend(phases: readonly Phase[], paint: Paint): string {
  const there = OWNERS.filter(owner => owner !== 'nobody' || phases.some(phase => phase.owner === owner))
  return there.map(owner => `${marked(owner, MARKS[owner], paint)} ${OWNER_WORDS[owner]}`).join(', ')
}
