// Which hosts had the floating address, and when: `ip monitor` in each host's namespace says so, whoever put the address there or took
// it away, be it the kernel at the end of its lifetime. Judges nothing.

import { setTimeout as sleep } from 'node:timers/promises'
import type { FloatingHosts } from '../../../test/lab/floating.js'
import { wall } from '../../../test/lab/wiretap.js'

/** From when until when a host had it, on the wall clock in milliseconds. */
export interface Spell {
  readonly host: string
  readonly from: number
  readonly until: number
}

export interface Tenancy {
  /** Every spell so far; one that lasts ends now. */
  spells(): readonly Spell[]
}

/** Watches hosts that do not have it yet. */
export async function watchTenancy(hosts: FloatingHosts, names: readonly string[], address: string): Promise<Tenancy> {
  const over: Spell[] = []
  const since = new Map<string, number>()
  for (const host of names) {
    const monitor = hosts.watch(host, ['ip', '-ts', '-o', 'monitor', 'address', 'dev', 'eth0'])
    let rest = ''
    monitor.child.stdout?.on('data', (piece: Buffer) => {
      const lines = (rest + piece.toString()).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const news = readNews(line, address)
        const from = since.get(host)
        if (news && !news.gone) since.set(host, from ?? news.at)
        if (!news?.gone || from === undefined) continue
        over.push({ host, from, until: news.at })
        since.delete(host)
      }
    })
  }
  // It says nothing when it has begun to listen.
  await sleep(300)
  return {
    spells: () => [...over, ...[...since].map(([host, from]) => ({ host, from, until: wall() }))],
  }
}

/** `[2026-11-22T22:45:30.589123] 2: eth0 inet 10.78.0.199/24 …`, after the stamp `Deleted` where it went. The last stamp counts. */
function readNews(line: string, address: string): { readonly at: number; readonly gone: boolean } | undefined {
  if (!line.includes(` ${address}/`)) return undefined
  const [, stamp, rest = ''] = /\[([\dT:.-]+)\] ([^[]*)$/.exec(line) ?? []
  return { at: Date.parse(`${stamp}Z`) + micros(stamp), gone: rest.startsWith('Deleted') }
}

/** What Date.parse() leaves out of a time with six decimals, in milliseconds. */
const micros = (stamp = '') => Number(stamp.slice(-3)) / 1000

export interface Doubled {
  /** How long two hosts had it, all together. */
  readonly total: number
  /** When that ended; undefined: it never was so. */
  readonly until: number | undefined
}

/** When two hosts had the address at once, from `since` on. */
export function doubled(spells: readonly Spell[], since: number): Doubled {
  const pieces = spells.flatMap((one, index) =>
    spells
      .slice(index + 1)
      .filter(({ host }) => host !== one.host)
      .map(other => ({
        from: Math.max(one.from, other.from, since),
        until: Math.min(one.until, other.until),
      }))
      .filter(({ from, until }) => until > from),
  )
  const total = pieces.reduce((sum, { from, until }) => sum + until - from, 0)
  return { total, until: pieces.length === 0 ? undefined : Math.max(...pieces.map(({ until }) => until)) }
}
