// A source as a test listens to it: its news, its events, and when they came.

import { Etcd3 } from 'etcd3'
import type { ClusterConfig } from '../../../src/config/shape.js'
import type { Event } from '../../../src/events/event.js'
import { createSource } from '../../../src/sources/create.js'
import type { Source } from '../../../src/sources/source.js'
import type { SourceNews, Topology } from '../../../src/topology/topology.js'
import { epochMs, ms } from '../../../src/units/units.js'

const now = () => ms(performance.now())

export function config(
  hosts: readonly string[],
  etcd: Partial<ClusterConfig['etcd']> = {},
  scope = 'demo',
): ClusterConfig {
  const times = { interval: ms(1000), timeout: ms(1000), slowStart: ms(0) }
  return {
    scope,
    namespace: '/service/',
    source: 'etcd',
    etcd: { hosts, ...etcd },
    patroni: { urls: [], interval: ms(1000) },
    static: { members: [] },
    probe: { database: 'postgres', sslmode: 'prefer', rise: 2, fall: 2, ...times },
  }
}

export interface Listener {
  readonly source: Source
  readonly news: SourceNews[]
  readonly events: Event[]
  /** Resolves to the moment at which news of this kind came, counted from the first unread. */
  until(what: string, fits: (news: SourceNews) => boolean): Promise<number>
  stop(): Promise<number>
}

export function listen(of: ClusterConfig): Listener {
  const news: SourceNews[] = []
  const events: Event[] = []
  const heardAt: number[] = []
  let noticed = () => {}
  const wall = () => epochMs(Date.now())
  const source = createSource(of, { now, wall, report: event => events.push(event) })
  source.start(item => {
    news.push(item)
    heardAt.push(performance.now())
    noticed()
  })
  return {
    source,
    news,
    events,
    until: (what, fits) =>
      new Promise((resolve, reject) => {
        let from = Math.max(0, news.length - 1)
        const timer = setTimeout(
          () => reject(new Error(`never heard: ${what}; ${JSON.stringify(source.status())}`)),
          8000,
        )
        noticed = () => {
          for (; from < news.length; from++) {
            const item = news[from]
            if (item === undefined || !fits(item)) continue
            clearTimeout(timer)
            noticed = () => {}
            return resolve(heardAt[from] ?? 0)
          }
        }
        noticed()
      }),
    stop: async () => {
      const begun = performance.now()
      await source.stop()
      return performance.now() - begun
    },
  }
}

export const leadsTo =
  (name: string) =>
  (news: SourceNews): boolean =>
    news.kind === 'topology' && news.topology.term?.leader === name
export const silent = (news: SourceNews): boolean => news.kind === 'silent'
export const told = (news: SourceNews | undefined): Topology => {
  if (news?.kind !== 'topology') throw new Error('no topology')
  return news.topology
}

export async function delayOf(listener: Listener, urls: readonly string[], leader: string): Promise<number> {
  const heard = listener.until(`leader ${leader}`, leadsTo(leader))
  const writer = new Etcd3({ hosts: urls.slice(0, 1) })
  await writer.put('/service/demo/leader').value(leader)
  const acknowledged = performance.now()
  writer.close()
  // Watchers may hear of it before the writer does.
  return Math.max(0, (await heard) - acknowledged)
}
