// The lines that the sidecar and the proxy of one host exchange over the control socket, as JSON: what they hold and how they
// are read. Knows no socket. A line that cannot be read is nothing, never an error: the other end may be of another version.

import type { Ms } from '../units/units.js'
import { DROPS, type Drop } from './read.js'
import type { Role, Witness } from './state.js'

/** The path of the control socket, and the protocol its connection is upgraded to. */
export const SIDECAR_PATH = '/sidecar'
export const SIDECAR_PROTOCOL = 'mekare-sidecar'

/** The proxy's sign of life. */
export interface Tick {
  /** Clusters whose gate is closed. */
  readonly gateClosed: readonly string[]
  /** Clusters whose source does not answer. */
  readonly sourceSilent: readonly string[]
  /** It was told to end: nobody new is served any more. */
  readonly stopping: boolean
  /** An operator took this router out of service. */
  readonly drained: boolean
  /** Another process will take its place at once: its end means nothing. */
  readonly successor: boolean
  /** An abstract Unix socket of the proxy whose connections end sooner than this one when it is killed. */
  readonly lifeline?: string
}

export const ROLES = ['initialize', 'backup', 'master', 'fault'] as const satisfies readonly Role[]

/** What a witness can say; a router without one has none of these. */
export const WITNESS_SAYS = ['unheard', 'free', 'ours', 'other', 'silent'] as const satisfies readonly Witness['kind'][]
export type WitnessSays = (typeof WITNESS_SAYS)[number]

/** What the sidecar says of one virtual router. */
export interface RouterReport {
  readonly name: string
  readonly interface: string
  readonly addresses: readonly string[]
  readonly role: Role
  /** How long it has had this role. */
  readonly for: Ms
  /** The priority in force. */
  readonly priority: number
  /** The state in words. */
  readonly words: string
  /** How often each role was entered. */
  readonly transitions: Readonly<Partial<Record<Role, number>>>
  /** Adverts heard of other masters while this one was master. */
  readonly rivals: number
  /** Packets dropped, by reason. */
  readonly dropped: Readonly<Partial<Record<Drop, number>>>
  readonly witness?: WitnessSays
}

/** How long the proxy may be silent before it counts as hung, and how often it speaks, in milliseconds. */
export const TICK_MS = 100
export const HUNG_MS = 1000

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null
const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter(item => typeof item === 'string') : []

function fieldsOf(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** Reads the proxy's line. */
export function readTick(line: string): Tick | undefined {
  const fields = fieldsOf(line)
  if (!isFields(fields) || !Array.isArray(fields.gateClosed)) return undefined
  return {
    gateClosed: texts(fields.gateClosed),
    sourceSilent: texts(fields.sourceSilent),
    stopping: fields.stopping === true,
    drained: fields.drained === true,
    successor: fields.successor === true,
    ...(typeof fields.lifeline === 'string' && { lifeline: fields.lifeline }),
  }
}

/** Reads the sidecar's line: a report for each of its virtual routers. */
export function readReports(line: string): readonly RouterReport[] | undefined {
  const fields = fieldsOf(line)
  if (!isFields(fields) || !Array.isArray(fields.routers)) return undefined
  return fields.routers.flatMap((one: unknown) => (isFields(one) ? (reportOf(one) ?? []) : []))
}

function reportOf(fields: Fields): RouterReport | undefined {
  const role = ROLES.find(one => one === fields.role)
  const witness = WITNESS_SAYS.find(one => one === fields.witness)
  const { name, words, priority, rivals } = fields
  if (role === undefined || typeof name !== 'string') return undefined
  return {
    name,
    interface: String(fields.interface),
    addresses: texts(fields.addresses),
    role,
    for: Number(fields.for) as Ms,
    priority: Number(priority),
    words: String(words),
    transitions: counts(ROLES, fields.transitions),
    rivals: Number(rivals) || 0,
    dropped: counts(DROPS, fields.dropped),
    ...(witness !== undefined && { witness }),
  }
}

function counts<K extends string>(keys: readonly K[], value: unknown): Partial<Record<K, number>> {
  if (!isFields(value)) return {}
  const found: Partial<Record<K, number>> = {}
  for (const key of keys) if (typeof value[key] === 'number') found[key] = value[key]
  return found
}

/** Cuts text that arrives in pieces into lines; what is longer than this without an end is dropped. */
const LONGEST_LINE = 1 << 20

/** Takes the next piece in: the whole lines so far, and what is left of the last. */
export function cutLines(rest: string, piece: string): { readonly lines: readonly string[]; readonly rest: string } {
  const lines = (rest + piece).split('\n')
  const last = lines.pop() ?? ''
  return { lines, rest: last.length > LONGEST_LINE ? '' : last }
}
