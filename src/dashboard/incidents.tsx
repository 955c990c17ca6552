// The leader changes: when, from whom to whom, why, and a bar that shows how its time divides.

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
import { ms } from '../units/units.js'
import { timeWords } from './words.js'

interface IncidentsProps {
  /** Oldest first. */
  readonly incidents: readonly Incident[]
  readonly now: number
}

/** Shown without asking for more. */
const SHOWN = 20

export function Incidents({ incidents, now }: IncidentsProps) {
  if (incidents.length === 0) return <p class="empty">No leader change is on record.</p>
  const latest = incidents.toReversed()
  return (
    <>
      <p class="legend">
        {OWNERS.map(owner => (
          <span key={owner}>
            <span class={`swatch ${owner}`} aria-hidden="true" /> {LEGEND[owner]}
          </span>
        ))}
      </p>
      <ol class="incidents">
        {latest.slice(0, SHOWN).map((incident, i) => (
          <li key={`${incident.cluster} ${incident.startedAt}`}>
            <One incident={incident} now={now} open={i === 0} />
          </li>
        ))}
      </ol>
      {latest.length > SHOWN && (
        <p class="sub">
          {latest.length - SHOWN} older: <code>mekare incidents {latest.length}</code>
        </p>
      )}
    </>
  )
}

const LEGEND: Readonly<Record<Owner, string>> = {
  mekare: "mekare's time",
  patroni: "Patroni's and PostgreSQL's",
  nobody: 'nobody waited',
}

interface OneProps {
  readonly incident: Incident
  readonly now: number
  readonly open: boolean
}

function One({ incident, now, open }: OneProps) {
  const { number, cluster, startedAt, lasted } = incident
  const phases = running(incident, now)
  return (
    <article class={lasted === undefined ? 'running' : undefined}>
      <h3>
        {wayWords(incident)}
        <span class="sub">
          {' '}
          {cluster} #{number}
        </span>
      </h3>
      <p>
        <time dateTime={new Date(startedAt).toISOString()}>{timeWords(startedAt, now)}</time>: {causeWords(incident)}
      </p>
      <Bar phases={phases} words={lengthWords(incident)} />
      <p class="sub">
        {lengthWords(incident)}. Sessions: {countsWords(incident)}.
      </p>
      <details open={open}>
        <summary>Moments</summary>
        <Moments incident={incident} phases={phasesOf(incident)} />
      </details>
    </article>
  )
}

/** The phases; of one under way also the time since its last moment, which is whoever's turn it is. */
function running(incident: Incident, now: number): readonly Phase[] {
  const phases = phasesOf(incident)
  if (incident.lasted !== undefined) return phases
  const at = ms(Math.max(0, now - incident.startedAt))
  const last = phases.at(-1)
  const took = ms(Math.max(0, at - (last?.at ?? 0)))
  return [...phases, { name: 'confirmed', at, took, owner: last?.name === 'confirmed' ? 'nobody' : 'patroni' }]
}

function Bar({ phases, words }: { readonly phases: readonly Phase[]; readonly words: string }) {
  const whole = phases.reduce((sum, { took }) => sum + took, 0)
  return (
    <div class="bar" role="img" aria-label={words}>
      {phases
        .filter(({ took }) => took > 0)
        .map(({ name, at, took, owner }) => (
          <span key={`${name} ${at}`} class={`phase ${owner}`} style={{ flexGrow: took / whole }}>
            {took / whole > 0.12 && <span>{seconds(took)}</span>}
          </span>
        ))}
    </div>
  )
}

function Moments({ incident, phases }: { readonly incident: Incident; readonly phases: readonly Phase[] }) {
  return (
    <table class="moments">
      <caption class="hidden">
        Moments of leader change {incident.number} of {incident.cluster}
      </caption>
      <thead>
        <tr>
          <th scope="col" class="number">
            After
          </th>
          <th scope="col">Moment</th>
          <th scope="col" class="number">
            Took
          </th>
          <th scope="col">Whose</th>
        </tr>
      </thead>
      <tbody>
        {phases.map(phase => (
          <tr key={phase.name}>
            <td class="number">+{seconds(phase.at)}</td>
            <td>{momentWords(phase.name, incident)}</td>
            <td class="number">{seconds(phase.took)}</td>
            <td>
              {phase.took > 0 && (
                <>
                  <span class={`swatch ${phase.owner}`} aria-hidden="true" /> {OWNER_WORDS[phase.owner]}
                </>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
