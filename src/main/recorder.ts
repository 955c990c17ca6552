// Drives the incident recorder: hands it every event of a cluster whose gate has once been open, with the time.

import type { Config } from '../config/shape.js'
import type { Event } from '../events/event.js'
import type { Incident } from '../incidents/incident.js'
import { incidentsOf, newRecorder, step, tick } from '../incidents/recorder.js'
import type { EpochMs, Ms } from '../units/units.js'

export interface Recorder {
  /** Gives the events it makes of this one. */
  hear(event: Event): readonly Event[]
  /** For what ends by time alone. */
  tick(): readonly Event[]
  incidents(): readonly Incident[]
}

/** A start is no incident: of each cluster nothing is recorded before its gate opens for the first time. */
export function createRecorder(config: Config, deps: { now: () => Ms; wall: () => EpochMs }): Recorder {
  const clusterOf = new Map(Object.entries(config.listen).map(([listen, { cluster }]) => [listen, cluster]))
  const begun = new Set<string>()
  let state = newRecorder(clusterOf)

  const clusterIn = (event: Event) => {
    if ('cluster' in event) return event.cluster
    return 'listen' in event ? clusterOf.get(event.listen) : undefined
  }

  return {
    hear(event) {
      const cluster = clusterIn(event)
      if (cluster === undefined || event.kind === 'incident_ended') return []
      if (!begun.has(cluster)) {
        if (event.kind === 'gate_opened') begun.add(cluster)
        return []
      }
      const [next, made] = step(state, event, deps.now(), deps.wall())
      state = next
      return made
    },
    tick() {
      const [next, made] = tick(state, deps.now())
      state = next
      return made
    },
    incidents: () => incidentsOf(state),
  }
}
