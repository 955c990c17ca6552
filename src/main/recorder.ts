// Drives the incident recorder: hands it every event of a cluster whose gate has once been open, with the time, and has what
// it records written down.

import type { Config } from '../config/shape.js'
import type { Event } from '../events/event.js'
import type { Incident } from '../incidents/incident.js'
import { step, tick } from '../incidents/recorder.js'
import { incidentsOf, newRecorder, type RecorderState } from '../incidents/state.js'
import type { EpochMs, Ms } from '../units/units.js'
import { openIncidentFile } from './incident-file.js'

export interface Recorder {
  /** Gives the events it makes of this one. */
  hear(event: Event): readonly Event[]
  /** Whether an incident is open, which may end by time alone. */
  isRecording(): boolean
  /** For what ends by time alone. */
  tick(): readonly Event[]
  incidents(): readonly Incident[]
  /** From now on no incident begins: a router that is stopping lets nobody in, and its successor records. */
  retire(): void
  /** It goes on after all. */
  resume(): void
  /** Waits until all is written. */
  close(): Promise<void>
}

export interface RecorderDeps {
  readonly now: () => Ms
  readonly wall: () => EpochMs
  readonly warn: (what: string) => void
}

/** What a flood of clients moves is written with the next moment: a file of every held client would slow them down. */
const COUNTS_ONLY: ReadonlySet<string> = new Set(['session_held', 'session_refused', 'session_ended', 'sessions_cut'])

/** A start is no incident: of each cluster nothing is recorded before its gate opens for the first time. */
export function createRecorder(config: () => Config, deps: RecorderDeps): Recorder {
  const { file: path, keep } = config().incidents
  const clusterOf = (listen: string) => config().listen[listen]?.cluster
  const begun = new Set<string>()
  const file = openIncidentFile({ path, keep, warn: deps.warn })
  let state = newRecorder(clusterOf, keep, file.past)
  let retired = false

  const clusterIn = (event: Event) => {
    if ('cluster' in event) return event.cluster
    return 'listen' in event ? clusterOf(event.listen) : undefined
  }

  function take([next, made]: [RecorderState, Event[]], by: string): readonly Event[] {
    const news = next.open !== state.open || next.past !== state.past
    state = next
    if (news && !COUNTS_ONLY.has(by)) file.save(incidentsOf(state))
    return made
  }

  return {
    hear(event) {
      const cluster = clusterIn(event)
      if (cluster === undefined || event.kind === 'incident_ended') return []
      if (!begun.has(cluster) && event.kind !== 'gate_opened') return []
      begun.add(cluster)
      if (retired && !state.open.has(cluster)) return []
      return take(step(state, event, deps.now(), deps.wall()), event.kind)
    },
    isRecording: () => state.open.size > 0,
    tick: () => (state.open.size === 0 ? [] : take(tick(state, deps.now()), 'tick')),
    incidents: () => incidentsOf(state),
    retire() {
      retired = true
    },
    resume() {
      retired = false
    },
    close: file.close,
  }
}
