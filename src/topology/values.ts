// Reads single values out of what Patroni publishes, forgiving about their type: a number may come as text, a flag as 'true'.
// Never throws; what cannot be read is undefined, and the caller decides whether that is worth a problem line.

import { type Lsn, lsn, parseLsn } from '../units/units.js'
import type { Role } from './topology.js'

export type Json = Readonly<Record<string, unknown>>

/** Leaves out what is undefined, so that an absent value is an absent property. */
export function present<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T
}

/** A JSON object, or undefined for arrays, null and everything else. */
export function asObject(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined
}

/** Those of a list that are JSON objects; none when it is no list. */
export function objectsOf(list: unknown): Json[] {
  return (Array.isArray(list) ? list : []).map(asObject).filter(object => object !== undefined)
}

/** Parses text as JSON; `{ ok: false, why }` instead of an exception. */
export function readJson(
  value: string,
): { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly why: string } {
  try {
    return { ok: true, value: JSON.parse(value) }
  } catch {
    return { ok: false, why: `not JSON: ${excerpt(value)}` }
  }
}

/** At most 60 characters of a value on one line, for a problem line. */
export function excerpt(value: string): string {
  const line = value.replace(/[^\x20-\x7e]+/g, ' ')
  return JSON.stringify(line.length > 60 ? `${line.slice(0, 60)}…` : line)
}

/** Text that says something: undefined when empty or not a string. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A finite number, also when written as text. */
export function number(value: unknown): number | undefined {
  const n = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof n === 'number' && Number.isFinite(n) ? n : undefined
}

/** A whole number of at least 1, such as a timeline. */
export function count(value: unknown): number | undefined {
  const n = number(value)
  return n !== undefined && Number.isSafeInteger(n) && n >= 1 ? n : undefined
}

/** A flag: true, 1, 'true', 'on', 'yes' and '1' are set, everything else is not. */
export function flag(value: unknown): boolean {
  return value === true || value === 1 || (typeof value === 'string' && /^(true|on|yes|1)$/i.test(value.trim()))
}

/** A write-ahead-log position: Patroni's byte integer, or PostgreSQL's text form. */
export function position(value: unknown): Lsn | undefined {
  if (typeof value === 'string' && value.includes('/')) return parseLsn(value)
  const n = number(value)
  return n !== undefined && Number.isSafeInteger(n) && n >= 0 ? lsn(n) : undefined
}

const ROLES: ReadonlyMap<string, Role> = new Map([
  ['primary', 'primary'],
  ['master', 'primary'],
  ['leader', 'primary'],
  ['replica', 'replica'],
  ['sync_standby', 'replica'],
  ['quorum_standby', 'replica'],
  ['standby_leader', 'standby_leader'],
  ['promoted', 'promoted'],
  ['demoted', 'demoted'],
  ['uninitialized', 'uninitialized'],
])

/** Patroni's role word of any version: the member keys', GET /patroni's and GET /cluster's. */
export function roleOf(value: unknown): Role {
  return (typeof value === 'string' ? ROLES.get(value.toLowerCase()) : undefined) ?? 'unknown'
}
