// What the page knows: the last status document, what is drawn, incidents, lines, and whether the router can still be heard.
// A function of what came; bounded, however long the page stays open. Knows no network, no clock and no element.

import { type History, noHistory, record } from '../history/history.js'
import type { Incident } from '../incidents/incident.js'
import type { Status } from '../pools/status.js'

/** A line of /events, as far as the page reads it. */
export interface Line {
  readonly id: string
  readonly at: number
  readonly level: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

export interface Seen {
  readonly status?: Status
  readonly history: History
  /** Oldest first. */
  readonly incidents: readonly Incident[]
  /** Oldest first. */
  readonly lines: readonly Line[]
  /** When the router was last heard, on the page's own clock; absent before that. */
  readonly heardAt?: number
  /** Why it cannot be heard; absent while it can. */
  readonly lost?: string
}

export type News =
  | { readonly kind: 'status'; readonly status: Status; readonly now: number }
  | { readonly kind: 'history'; readonly history: History }
  | { readonly kind: 'incidents'; readonly incidents: readonly Incident[] }
  | { readonly kind: 'line'; readonly line: Line }
  | { readonly kind: 'lost'; readonly why: string }

export const MOST_LINES = 500
/** A router that is well is heard each second. */
const STALE_MS = 5000

export const nothingSeen: Seen = { history: noHistory, incidents: [], lines: [] }

/** Takes what came. */
export function take(seen: Seen, news: News): Seen {
  switch (news.kind) {
    case 'status': {
      const { lost: _, ...rest } = seen
      const { status, now } = news
      return { ...rest, status, heardAt: now, history: record(seen.history, status) }
    }
    case 'history':
      return { ...seen, history: fuller(news.history, seen.history) }
    case 'incidents':
      return { ...seen, incidents: news.incidents }
    case 'line':
      return { ...seen, lines: withLine(seen.lines, news.line) }
    case 'lost':
      return { ...seen, lost: news.why }
    default:
      return news satisfies never
  }
}

/** Since when, on the page's clock, what it shows is old, and why; undefined while it is not. */
export function staleness(
  { heardAt, lost }: Seen,
  now: number,
): { readonly since: number; readonly why: string } | undefined {
  if (heardAt === undefined) return undefined
  if (lost !== undefined) return { since: heardAt, why: lost }
  return now - heardAt > STALE_MS ? { since: heardAt, why: 'the connection stands, but nothing comes' } : undefined
}

/** A router that has just been restarted remembers less than the page; one that the page could not reach remembers more. */
function fuller(theirs: History, own: History): History {
  const known = ({ series }: History) =>
    Math.max(0, ...Object.values(series).map(values => values.filter(value => value !== null).length))
  return known(theirs) >= known(own) ? theirs : own
}

/** After a new connection the lines kept come again; each is shown once. */
function withLine(lines: readonly Line[], line: Line): readonly Line[] {
  if (lines.some(({ id }) => id === line.id)) return lines
  const after = lines.findLastIndex(({ at }) => at <= line.at) + 1
  return lines.toSpliced(after, 0, line).slice(-MOST_LINES)
}
