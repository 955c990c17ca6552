// A planned switchover under the writer and the reader, asked of Patroni as an operator would, and what the two paid for it.

import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../cluster.js'
import { now } from '../journal.js'
import type { Journaled } from '../observers.js'
import { paid } from './clients.js'
import { doorWords, knock } from './first.js'
import { type Finding, step } from './step.js'

/** How long is watched on after a change, so that a late error is seen too. */
export const AFTERMATH_MS = 1500
/** And before it, so that the wait which it begins is seen whole. */
export const BEFORE_MS = 500

export const switchover = step({
  title: 'a planned switchover under a writer and a reader',
  run: async scene => {
    const { stand, clients } = scene
    const from = scene.leader
    const since = now()
    await stand.switchover()
    const to = await stand.untilLeader({ other: from })
    await until(30_000, `no row reached ${to}`, async () => reached(clients.writer, since, stand.address(to)))
    await Promise.all([sleep(AFTERMATH_MS), stand.untilStreaming()])
    return {
      from,
      to,
      answers: await knock(scene, 'write'),
      writer: clients.writer.summary(since - BEFORE_MS),
      reader: clients.reader.summary(since - BEFORE_MS),
    }
  },
  verdict: ({ from, to, answers, writer, reader }): Finding[] => [
    { by: 'Patroni', saw: `the primary moved from ${from} to ${to}; the others stream from it`, good: to !== from },
    {
      by: 'psql',
      saw: `write port: ${doorWords(answers)}`,
      good: typeof answers !== 'string' && answers.member === to && !answers.recovery,
    },
    paid('the writer', writer, { gap: 10_000, broken: 1, connects: 0 }),
    paid('the reader', reader, { gap: 5000, broken: 1, connects: 0 }),
  ],
})

async function reached(writer: Journaled, since: number, member: string): Promise<true | undefined> {
  return writer.entries().some(e => e.e === 'ok' && e.t > since && e.member === member) || undefined
}
