// The last ten minutes as lines to be drawn: a sample of the status document every two seconds, as many as there is room for.
// The router keeps one so that a page that has just been opened is not empty; a page carries its own on. Knows no clock.

import type { ListenerStatus, ListenerTotals, MemberStatus, Status } from '../pools/status.js'
import { type EpochMs, type Ms, ms } from '../units/units.js'

/** Time between samples, and how many are kept. */
export const EVERY = ms(2000)
export const KEPT = 300
/** Lines kept at one time; what appears beyond that is not drawn. */
const MOST_SERIES = 256

/** What of a status document is drawn. */
export interface Drawn extends Pick<Status, 'at'> {
  readonly clusters: readonly {
    readonly name: string
    readonly members: readonly Pick<MemberStatus, 'name' | 'lag' | 'sessions'>[]
  }[]
  readonly listeners: readonly (Pick<ListenerStatus, 'name' | 'sessions'> & {
    readonly totals: Pick<ListenerTotals, 'came'>
  })[]
}

export interface History {
  readonly every: Ms
  /** When the last sample was taken; absent before the first one. */
  readonly at?: EpochMs
  /** By name (`seriesOf`), oldest first, all of one length; null where nothing was known. */
  readonly series: Readonly<Record<string, readonly (number | null)[]>>
  /** Clients that had come to each listener at the last sample. */
  readonly came: Readonly<Record<string, number>>
}

export const noHistory: History = { every: EVERY, series: {}, came: {} }

/** The names of series. Names of members come last: they are the only ones that may hold a blank. */
export const seriesOf = {
  open: (listen: string) => `open ${listen}`,
  held: (listen: string) => `held ${listen}`,
  rate: (listen: string) => `rate ${listen}`,
  lag: (cluster: string, member: string) => `lag ${cluster} ${member}`,
  sessions: (cluster: string, member: string) => `sessions ${cluster} ${member}`,
} as const

type Sample = Readonly<Record<string, number | null>>

/** Takes a sample if it is time for one. Samples that were missed are gaps; what was not known for ten minutes is forgotten. */
export function record(history: History, status: Drawn): History {
  // A page hears each second: what comes half a step early is not yet the next sample.
  const steps = history.at === undefined ? 1 : Math.floor((status.at - history.at) / EVERY + 0.25)
  if (steps === 0) return history
  // The time of day was set back: what was drawn no longer has a place.
  if (steps < 0) return record(noHistory, status)
  const came = Object.fromEntries(status.listeners.map(({ name, totals }) => [name, totals.came]))
  const sample = sampleOf(status, ratesOf(history, came, ms(steps * EVERY)))
  return { every: EVERY, at: status.at, series: append(history.series, sample, steps - 1), came }
}

function sampleOf({ clusters, listeners }: Drawn, rates: Sample): Sample {
  const ofListeners = listeners.flatMap(({ name, sessions }): [string, number | null][] => [
    [seriesOf.open(name), sessions.startup + sessions.held + sessions.dialing + sessions.joined],
    [seriesOf.held(name), sessions.held],
    [seriesOf.rate(name), rates[name] ?? null],
  ])
  const ofMembers = clusters.flatMap(({ name: cluster, members }) =>
    members.flatMap(({ name, lag, sessions }): [string, number | null][] => [
      [seriesOf.lag(cluster, name), lag ?? null],
      [seriesOf.sessions(cluster, name), sessions],
    ]),
  )
  return Object.fromEntries([...ofListeners, ...ofMembers])
}

/** Clients a second since the last sample. A count that fell is another process's. */
function ratesOf(history: History, came: Readonly<Record<string, number>>, passed: Ms): Sample {
  return Object.fromEntries(
    Object.entries(came).map(([name, now]) => {
      const before = history.came[name]
      return [name, before === undefined || now < before ? null : ((now - before) * 1000) / passed]
    }),
  )
}

function append(series: History['series'], sample: Sample, missed: number): History['series'] {
  const length = Math.max(0, ...Object.values(series).map(({ length }) => length))
  const gap = Array.from({ length: Math.min(missed, KEPT) }, () => null)
  const names = new Set([...Object.keys(series), ...Object.keys(sample)])
  const next = [...names].map((name): [string, readonly (number | null)[]] => {
    const before = series[name] ?? Array.from({ length }, () => null)
    return [name, [...before, ...gap, sample[name] ?? null].slice(-KEPT)]
  })
  const alive = next.filter(([, values]) => values.some(value => value !== null))
  return Object.fromEntries(alive.slice(0, MOST_SERIES))
}
