// Everything that was taken out comes back, what the replay made is taken away again, and the first leader leads again: so that it
// ends as it began. The same observers as at the start say so, and every row that was acknowledged must be there.

import { until } from '../cluster.js'
import { now, rowIds } from '../journal.js'
import { paid } from './clients.js'
import { DATABASE } from './database.js'
import { judgeHolder, judgeState, lookForHolder, settledState } from './first.js'
import { lossOf } from './loss.js'
import type { Scene } from './scene.js'
import { type Finding, step } from './step.js'

const SOON_MS = 60_000

export const broughtBack = step({
  title: 'everything comes back: the first state again',
  run: async scene => {
    const { stand, clients } = scene
    const loss = lossOf(scene)
    const since = now()
    await Promise.all([loss.etcd, loss.replica, loss.proxy.host].map(host => stand.powerOn(host)))
    await Promise.all([loss.proxy.ready(), stand.etcd.healthy(), stand.untilStreaming()])
    const caughtUp = await until(SOON_MS, `${loss.replica} has no ${DATABASE}`, () => databaseOn(scene, loss.replica))
    const dropped = await scene.psql('write', `drop database ${DATABASE}`)
    if (dropped.code !== 0) throw new Error(dropped.stderr)
    await handBack(scene)
    const state = await settledState(scene)
    const lost = await lostRows(scene)
    const [writer, reader] = [clients.writer.summary(since), clients.reader.summary(since)]
    return { replica: loss.replica, caughtUp, state, lost, writer, reader }
  },
  verdict: ({ replica, caughtUp, state, lost, writer, reader }): Finding[] => [
    {
      by: `SQL at ${replica}`,
      saw: `it is back and has the database ${DATABASE}, made while it was away`,
      good: caughtUp,
    },
    ...judgeState(state),
    // One for the address that goes home, one for the leader that does.
    paid('the writer', writer, { gap: 10_000, broken: 2, connects: 0 }),
    paid('the reader', reader, { gap: 5000, broken: 2, connects: 0 }),
    {
      by: 'SQL at the primary',
      saw: `${lost.acknowledged.toLocaleString('en-US')} rows were acknowledged since the start; ${lost.missing} of them are missing`,
      good: lost.missing === 0 && lost.acknowledged > 0,
    },
  ],
})

async function databaseOn({ stand }: Scene, member: string): Promise<true | undefined> {
  const rows = await stand.sql(member, 'select 1 from pg_database where datname = $1', { values: [DATABASE] })
  return rows.length === 1 || undefined
}

async function handBack({ stand, leader }: Scene): Promise<void> {
  if ((await stand.leader()) !== leader) await stand.switchover(leader)
  await stand.untilLeader()
  await stand.untilStreaming()
}

async function lostRows({ stand, clients }: Scene): Promise<{ acknowledged: number; missing: number }> {
  const { acknowledged } = rowIds(clients.writer.entries())
  const [row] = await stand.sql(await stand.untilLeader(), 'select count(*)::int as n from rows where id = any($1)', {
    as: 'app',
    values: [acknowledged],
  })
  return { acknowledged: acknowledged.length, missing: acknowledged.length - Number(row?.n) }
}

export const addressBack = step({
  title: 'the floating address is back where it was',
  floating: true,
  run: async scene => {
    await until(
      SOON_MS / 6,
      '',
      async () => judgeHolder(await lookForHolder(scene)).every(({ good }) => good) || undefined,
    ).catch(() => undefined)
    return lookForHolder(scene)
  },
  verdict: judgeHolder,
})
