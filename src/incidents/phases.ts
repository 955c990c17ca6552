// An incident's moments as phases: how long each took, counted from the moment before it, and whose time it was.

import { type Ms, ms } from '../units/units.js'
import type { Incident, Moment } from './incident.js'

/** Whose time a phase was. `patroni`: Patroni's and PostgreSQL's; `nobody`: nobody waited, so nobody lost it. */
export const OWNERS = ['mekare', 'patroni', 'nobody'] as const
export type Owner = (typeof OWNERS)[number]

/** One phase; it is named after the moment that ends it. */
export interface Phase {
  readonly name: Moment
  /** Time of the moment since the incident began. */
  readonly at: Ms
  /** Time since the moment before it, or since the beginning. */
  readonly took: Ms
  readonly owner: Owner
}

/** The phases in the order in which they happened; moments that did not come are left out. */
export function phasesOf(incident: Incident): readonly Phase[] {
  // The sort is stable: of moments at one time the one noticed first comes first.
  const seen = Object.entries(incident.moments) as [Moment, Ms][]
  const inOrder = seen.toSorted(([, a], [, b]) => a - b)
  return inOrder.map(([name, at], i) => ({
    name,
    at,
    took: ms(at - (inOrder[i - 1]?.[1] ?? 0)),
    owner: ownerOf(name, incident),
  }))
}

/** How the time of an incident divides. */
export function sharesOf(incident: Incident): Readonly<Record<Owner, Ms>> {
  const sums = { mekare: 0, patroni: 0, nobody: 0 }
  for (const { owner, took } of phasesOf(incident)) sums[owner] += took
  return { mekare: ms(sums.mekare), patroni: ms(sums.patroni), nobody: ms(sums.nobody) }
}

/** How long clients went without a primary. */
export interface Gaps {
  /** Of one that connects: from when the gate closed until the first write was let through. */
  readonly anew?: Ms
  /** Of one whose session was open: from the old leader's last answer, or its sessions' end, until the first was answered again. */
  readonly open?: Ms
}

/** What an incident cost; a gap is absent where nobody had it. The phases from its moment on add up to it. */
export function gapsOf({ moments, waited }: Incident): Gaps {
  const through = waited === false ? moments.confirmed : (moments.first_write ?? moments.confirmed)
  const back = waited === false ? moments.confirmed : (moments.first_answer ?? moments.first_login ?? through)
  const length = (from: Ms | undefined, until: Ms | undefined) =>
    from === undefined || until === undefined ? undefined : ms(until - from)
  const anew = length(moments.gate_closed, through)
  const open = length(moments.last_answer ?? moments.sessions_lost, back)
  return { ...(anew === undefined ? {} : { anew }), ...(open === undefined ? {} : { open }) }
}

/** Who had to act until this moment came. */
function ownerOf(name: Moment, { waited }: Incident): Owner {
  switch (name) {
    case 'first_sign':
    case 'last_answer':
    case 'sessions_lost':
    case 'key_gone':
    case 'key_moved':
    case 'last_no':
      return 'patroni'
    case 'gate_closed':
    case 'confirmed':
      return 'mekare'
    case 'first_write':
      return waited === false ? 'nobody' : 'mekare'
    case 'first_login':
    case 'first_answer':
      return waited === false ? 'nobody' : 'patroni'
    default:
      return name satisfies never
  }
}
