// Quantities with their unit in the type: milliseconds, bytes, write-ahead-log positions.
// Knows how the outside writes them (`30s`, `16MiB`, `0/3000148`). Knows no clock.

declare const unit: unique symbol

/** Milliseconds: a length of time, or a reading of the monotonic clock. Never the time of day. */
export type Ms = number & { readonly [unit]: 'ms' }

/** Milliseconds since 1970-01-01 UTC: the time of day, for people and for `scheduled_at` only. */
export type EpochMs = number & { readonly [unit]: 'epochMs' }

/** A count of bytes. */
export type Bytes = number & { readonly [unit]: 'bytes' }

/** A position in the write-ahead log as a byte count (PostgreSQL's pg_lsn, as Patroni publishes it). Exact up to 2^53. */
export type Lsn = number & { readonly [unit]: 'lsn' }

export const ms = (n: number): Ms => n as Ms
export const epochMs = (n: number): EpochMs => n as EpochMs
export const bytes = (n: number): Bytes => n as Bytes
export const lsn = (n: number): Lsn => n as Lsn

const DURATION = /^(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)$/
const IN_MS: Record<string, number> = { us: 0.001, ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 }

/** Reads `250ms`, `30s`, `5min`, `2h`, `1d`, or a bare `0`. Undefined when it is none of these. */
export function parseMs(text: string): Ms | undefined {
  if (text.trim() === '0') return ms(0)
  const [, n, u] = DURATION.exec(text.trim()) ?? []
  return n === undefined || u === undefined ? undefined : ms(Number(n) * (IN_MS[u] ?? Number.NaN))
}

const SIZE = /^(\d+(?:\.\d+)?)\s*(B|kB|KiB|MB|MiB|GB|GiB)$/
const IN_BYTES: Record<string, number> = {
  B: 1,
  kB: 1e3,
  KiB: 1024,
  MB: 1e6,
  MiB: 1024 ** 2,
  GB: 1e9,
  GiB: 1024 ** 3,
}

/** Reads `16MiB`, `1GB`, `512B`, or a bare `0`. Undefined when it is none of these. */
export function parseBytes(text: string): Bytes | undefined {
  if (text.trim() === '0') return bytes(0)
  const [, n, u] = SIZE.exec(text.trim()) ?? []
  return n === undefined || u === undefined ? undefined : bytes(Math.floor(Number(n) * (IN_BYTES[u] ?? Number.NaN)))
}

/** Writes a length of time as a person reads it: `85ms`, `1.4s`, `12min`, `3h 5min`, `2d 4h`. */
export function formatMs(length: Ms): string {
  if (length < 1000) return `${Math.round(length)}ms`
  if (length < 60_000) return `${Number((length / 1000).toFixed(length < 10_000 ? 1 : 0))}s`
  const minutes = Math.floor(length / 60_000)
  if (minutes < 60) return `${minutes}min`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return minutes % 60 ? `${hours}h ${minutes % 60}min` : `${hours}h`
  return hours % 24 ? `${Math.floor(hours / 24)}d ${hours % 24}h` : `${Math.floor(hours / 24)}d`
}

/** Writes a size with one decimal in binary units: `0B`, `16.0MiB`. */
export function formatBytes(size: Bytes): string {
  if (size < 1024) return `${Math.round(size)}B`
  const units = ['KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(Math.floor(Math.log2(size) / 10), units.length)
  return `${(size / 1024 ** power).toFixed(1)}${units[power - 1]}`
}

/** Reads PostgreSQL's text form of pg_lsn, `16/B374D848`. Undefined when it is not one. */
export function parseLsn(text: string): Lsn | undefined {
  const [, high, low] = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text) ?? []
  return high === undefined || low === undefined ? undefined : lsn(parseInt(high, 16) * 2 ** 32 + parseInt(low, 16))
}

/** Writes pg_lsn's text form, `16/B374D848`. */
export function formatLsn(position: Lsn): string {
  const low = position % 2 ** 32
  return `${Math.floor(position / 2 ** 32).toString(16)}/${low.toString(16)}`.toUpperCase()
}

/** `a, b or c`, of two or more */
export const either = (words: readonly string[]): string => `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`

/** `1 session`, `2 sessions` */
export const plural = (n: number, one: string): string => `${n} ${n === 1 ? one : `${one}s`}`
