// The text in which incidents outlive a restart: JSON with a version. Reads what an older or newer router wrote as far as it
// makes sense, and never takes what a file claims for an incident without looking. Knows no file.

import { epochMs, type Ms, ms } from '../units/units.js'
import { CAUSES, type Incident, MOMENTS, type Moment } from './incident.js'

const VERSION = 1

export type Read =
  | { readonly ok: true; readonly incidents: readonly Incident[]; readonly dropped: number }
  | { readonly ok: false; readonly why: string }

/** The file's whole text. */
export function writeIncidents(incidents: readonly Incident[]): string {
  return `${JSON.stringify({ version: VERSION, incidents }, undefined, 1)}\n`
}

/** Reads such a text, oldest first. One under way was interrupted: nobody saw its end. `dropped` counts what is no incident. */
export function readIncidents(text: string): Read {
  const document = parse(text)
  if (document === undefined) return { ok: false, why: 'is not JSON' }
  if (!isFields(document) || !Array.isArray(document.incidents)) return { ok: false, why: 'holds no list of incidents' }
  const incidents = document.incidents.flatMap((one: unknown) => (isFields(one) ? (incidentOf(one) ?? []) : []))
  return { ok: true, incidents: incidents.map(interrupted), dropped: document.incidents.length - incidents.length }
}

/** Those of both, oldest first; of one in both the second's word counts, unless only the first saw the end. The last `keep` stay. */
export function mergeIncidents(
  before: readonly Incident[],
  after: readonly Incident[],
  keep: number,
): readonly Incident[] {
  const all = new Map(before.map(one => [keyOf(one), one]))
  for (const one of after) {
    const known = all.get(keyOf(one))
    const sawTheEnd = known?.lasted !== undefined && !known.interrupted
    if (!(one.interrupted && sawTheEnd)) all.set(keyOf(one), one)
  }
  return [...all.values()].toSorted((a, b) => a.startedAt - b.startedAt).slice(-keep)
}

const keyOf = ({ startedAt, cluster }: Incident): string => `${startedAt} ${cluster}`

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function interrupted(incident: Incident): Incident {
  if (incident.lasted !== undefined) return incident
  return { ...incident, lasted: ms(Math.max(0, ...Object.values(incident.moments))), interrupted: true }
}

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0
const isLength = (value: unknown): value is Ms => typeof value === 'number' && Number.isFinite(value) && value >= 0
const isText = (value: unknown): value is string => typeof value === 'string' && value.length <= LONGEST_TEXT
const LONGEST_TEXT = 10_000

function incidentOf(fields: Fields): Incident | undefined {
  const { number, cluster, startedAt, sign, from, to, held, lost, cut, refused, lasted, waited } = fields
  const moments = momentsOf(fields.moments)
  if (!isCount(number) || !isText(cluster) || !isLength(startedAt) || !isText(sign) || moments === undefined) return
  return {
    number,
    cluster,
    startedAt: epochMs(startedAt),
    cause: CAUSES.find(cause => cause === fields.cause) ?? 'other',
    sign,
    ...(isText(from) ? { from } : {}),
    ...(isText(to) ? { to } : {}),
    moments,
    held: isCount(held) ? held : 0,
    lost: isCount(lost) ? lost : 0,
    cut: isCount(cut) ? cut : 0,
    refused: isCount(refused) ? refused : 0,
    ...(typeof waited === 'boolean' ? { waited } : {}),
    ...(isLength(lasted) ? { lasted } : {}),
    ...(fields.interrupted === true ? { interrupted: true } : {}),
  }
}

/** Those moments that this version knows, in the order of the file. */
function momentsOf(value: unknown): Incident['moments'] | undefined {
  if (!isFields(value)) return undefined
  const known = Object.entries(value).filter(([name, at]) => MOMENTS.some(one => one === name) && isLength(at))
  return Object.fromEntries(known) as Partial<Record<Moment, Ms>>
}
