// Planned switchovers under writers that reconnect. Patroni's own part is measured beside it, by the multi-host client.

import { now } from '../../test/lab/journal.js'
import type { Observer } from '../../test/lab/observers.js'
import type { Change } from './change.js'
import { changeSeen, type Field, primaryOf, switchover } from './field.js'
import { atMost, type Figure, median, none, noted, worst } from './figure.js'
import { onStand } from './stand-site.js'

/** Waits until all stream, switches over, and answers what the journals say of it. */
export async function oneSwitchover(field: Field, writer: Observer): Promise<Change> {
  await field.stand.untilStreaming()
  const old = await primaryOf(field.stand)
  const since = now()
  await switchover(field, old)
  const change = await changeSeen(field, writer, { old, since })
  field.say(sentence(change))
  return change
}

export function sentence(change: Change): string {
  const ms = (value: number | undefined) => (value === undefined ? '?' : `${Math.round(value)}`)
  const { tail, lastTail, gap, multihostGap, promoted, writer } = change
  const errors = JSON.stringify(writer.errors)
  return `${promoted}: ${ms(tail)} ms after it left recovery (last session ${ms(lastTail)}), gap ${ms(gap)} ms, multi-host ${ms(multihostGap)} ms, errors ${errors}`
}

/** What no leader change may do to its writers. */
export function noHarm(changes: readonly Change[]): Figure[] {
  const sum = (of: (change: Change) => number) => changes.reduce((total, change) => total + of(change), 0)
  const seen = JSON.stringify(changes.map(({ writer }) => writer.errors))
  return [
    none(
      'read-only errors',
      sum(({ writer }) => writer.readOnlyErrors),
      seen,
    ),
    none(
      'refused or failed connects',
      sum(({ writer }) => writer.connectFailures),
      seen,
    ),
    atMost('errors of one session in one change', worst(changes.map(c => c.writer.mostErrorsOfOneSession)), 1, ''),
  ]
}

/** Ours minus the multi-host client's, in ms. */
export const extra = ({ gap, multihostGap }: Change) =>
  gap === undefined || multihostGap === undefined ? undefined : gap - multihostGap

async function several(field: Field, runs: number, sessions: number): Promise<Change[]> {
  const writer = await field.writer({ sessions, everyMs: sessions > 1 ? 50 : 5 })
  const changes: Change[] = []
  for (let run = 0; run < runs; run++) changes.push(await oneSwitchover(field, writer))
  return changes
}

export const switchovers = onStand({
  name: 'switchover',
  says: 'planned switchovers under one writer',
  async run(field, { runs = 5 }) {
    const changes = await several(field, runs, 1)
    const tails = changes.map(({ tail }) => tail)
    return [
      atMost(`part after the promotion, median of ${runs}`, median(tails), 50, 'ms'),
      atMost('part after the promotion, worst', worst(tails), 200, 'ms'),
      atMost('whole gap minus multi-host, median', median(changes.map(extra)), 100, 'ms'),
      noted('whole gap minus multi-host, worst', worst(changes.map(extra)), 'ms'),
      noted('whole gap, median', median(changes.map(({ gap }) => gap)), 'ms'),
      noted('multi-host gap, median', median(changes.map(({ multihostGap }) => multihostGap)), 'ms'),
      ...noHarm(changes),
    ]
  },
})

export const switchovers20 = onStand({
  name: 'switchover-20',
  says: 'planned switchovers under twenty writers',
  async run(field, { runs = 5 }) {
    const changes = await several(field, runs, 20)
    return [
      noted(`first session, after the promotion, median of ${runs}`, median(changes.map(c => c.tail)), 'ms'),
      atMost('first session, after the promotion, worst', worst(changes.map(c => c.tail)), 200, 'ms'),
      noted('last of twenty, median', median(changes.map(c => c.lastTail)), 'ms'),
      // Twenty are let in over 100 ms at the default releaseRate of 200 a second.
      atMost('last of twenty, worst', worst(changes.map(c => c.lastTail)), 300, 'ms'),
      atMost('whole gap minus multi-host, median', median(changes.map(extra)), 100, 'ms'),
      ...noHarm(changes),
    ]
  },
})
