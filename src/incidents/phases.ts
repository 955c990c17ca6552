// An incident's moments as phases: how long each took, counted from the moment before it.

import { type Ms, ms } from '../units/units.js'
import { type Incident, MOMENTS, type Moment } from './incident.js'

/** One phase; it is named after the moment that ends it. */
export interface Phase {
  readonly name: Moment
  /** Time of the moment since the incident began. */
  readonly at: Ms
  /** Time since the moment before it, or since the beginning. */
  readonly took: Ms
}

/** The phases in the order in which they happened; moments that did not come are left out. */
export function phasesOf(incident: Incident): readonly Phase[] {
  const seen = MOMENTS.flatMap(name => {
    const at = incident.moments[name]
    return at === undefined ? [] : [{ name, at }]
  })
  const inOrder = seen.toSorted((a, b) => a.at - b.at)
  return inOrder.map(({ name, at }, i) => ({ name, at, took: ms(at - (inOrder[i - 1]?.at ?? 0)) }))
}
