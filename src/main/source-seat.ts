// The place of a cluster's source. One that is to take it speaks first; until then the one before goes on, and what it says counts.

import type { ClusterConfig } from '../config/shape.js'
import type { Report } from '../events/event.js'
import { createSource } from '../sources/create.js'
import type { Source, SourceStatus } from '../sources/source.js'
import type { SourceNews } from '../topology/topology.js'
import type { EpochMs, Ms } from '../units/units.js'

export interface SeatDeps {
  readonly now: () => Ms
  readonly wall: () => EpochMs
  readonly report: Report
}

export interface SourceSeat {
  start(heard: (news: SourceNews) => void): void
  /** A source of this configuration takes the place as soon as it names a member. */
  seat(config: ClusterConfig): void
  hint(): void
  status(): SourceStatus
  stop(): Promise<void>
}

export function createSourceSeat(cluster: string, first: ClusterConfig, deps: SeatDeps): SourceSeat {
  const make = (config: ClusterConfig) => createSource(config, { ...deps, cluster })
  const leaving = new Set<Promise<void>>()
  let heard: (news: SourceNews) => void = () => {}
  let seated = make(first)
  let next: { readonly source: Source; readonly kind: string; why: string } | undefined

  function leave(source: Source): void {
    const left = source.stop().finally(() => leaving.delete(left))
    leaving.add(left)
  }

  /** Why what a new source says does not do yet, if so. */
  function wanting(news: SourceNews): string | undefined {
    if (news.kind === 'silent') return news.why
    const { members, problems } = news.topology
    return members.size > 0 ? undefined : ['it names no member', ...problems].join(': ')
  }

  function speak(source: Source, news: SourceNews): void {
    if (source === seated) heard(news)
    if (source !== next?.source) return
    const why = wanting(news)
    if (why === undefined && news.kind === 'topology') {
      leave(seated)
      seated = source
      next = undefined
      heard({ ...news, another: true })
      return
    }
    if (why === undefined || why === next.why) return
    next.why = why
    deps.report({
      kind: 'warned',
      what: `${cluster}: the new source (${next.kind}) is not followed yet: ${why}; the one before still is`,
    })
  }

  const begin = (source: Source) => source.start(news => speak(source, news))

  return {
    start(listener) {
      heard = listener
      begin(seated)
    },
    seat(config) {
      if (next) leave(next.source)
      next = { source: make(config), kind: config.source, why: 'it has not answered yet' }
      begin(next.source)
    },
    hint: () => seated.hint(),
    status: () => ({ ...seated.status(), ...(next && { next: `${next.kind}: ${next.why}` }) }),
    async stop() {
      leave(seated)
      if (next) leave(next.source)
      await Promise.all(leaving)
    },
  }
}
