// What a proxy says of itself to the others, as the text of its key in etcd, and how often that is written anew. A text that cannot
// be read is nothing, never an error: the other may be of another version.

import { type EpochMs, epochMs, type Ms } from '../units/units.js'

export interface ProxyRecord {
  readonly version: string
  readonly startedAt: EpochMs
  /** Of this cluster's listeners, by name. */
  readonly listen: Readonly<Record<string, string>>
  readonly gate: { readonly kind: 'open'; readonly member: string } | { readonly kind: 'closed'; readonly why: string }
  /** Joined to the cluster's members, when it was written. */
  readonly sessions: number
  /** What its configuration says, in twelve characters. */
  readonly digest: string
  /** The floating addresses that its sidecar holds. */
  readonly holds: readonly string[]
}

/** Numbers move all the time, and each text written is a revision that etcd keeps: they may be this old. Patroni writes every 10 s. */
const NUMBERS_EVERY = 30_000

export interface Published {
  readonly text: string
  readonly at: Ms
  /** What is told at once when it changes. */
  readonly urgent: string
}

/** What is to stand in the key now: the text of before, unless more than numbers has changed or these have become old. */
export function publish(before: Published | undefined, record: ProxyRecord, now: Ms): Published {
  const { sessions: _, gate, ...rest } = record
  // Why a gate is closed may hold a time that grows.
  const urgent = JSON.stringify([rest, gate.kind === 'open' ? gate.member : gate.kind])
  const text = JSON.stringify(record)
  if (before?.urgent === urgent && (text === before.text || now - before.at < NUMBERS_EVERY)) return before
  return { text, at: now, urgent }
}

type Fields = Readonly<Record<string, unknown>>
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null
const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter(item => typeof item === 'string') : []

/** Reads a proxy's text. */
export function readRecord(text: string): ProxyRecord | undefined {
  const fields = fieldsOf(text)
  if (!isFields(fields) || typeof fields.version !== 'string' || typeof fields.digest !== 'string') return undefined
  const gate = isFields(fields.gate) ? fields.gate : {}
  const listen = isFields(fields.listen) ? fields.listen : {}
  return {
    version: fields.version,
    startedAt: epochMs(Number(fields.startedAt) || 0),
    listen: Object.fromEntries(Object.entries(listen).map(([name, address]) => [name, String(address)])),
    gate:
      gate.kind === 'open'
        ? { kind: 'open', member: String(gate.member) }
        : { kind: 'closed', why: String(gate.why ?? 'it does not say why') },
    sessions: Number(fields.sessions) || 0,
    digest: fields.digest,
    holds: texts(fields.holds),
  }
}

function fieldsOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
