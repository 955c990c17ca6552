// When members are asked: the period, at once, and how soon a promotion is told.

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { target, unaskedFor, watch } from './asking.js'
import { primary, replica, run, sql, start, stop } from './pair.js'

t.test('at a period of 20 ms it asks every 20 ms, one question at a time, with little work', async t => {
  const seen = watch({}, [target(primary)])
  await seen.until(a => a.kind === 'primary', 'primary')
  const [from, cpu] = [seen.outcomes.length, process.cpuUsage()]
  await sleep(1500)
  const used = process.cpuUsage(cpu)
  const asked = seen.outcomes.slice(from)
  await seen.prober.stop()
  const share = (used.user + used.system) / 15_000
  t.comment(`${asked.length} questions in 1.5 s, ${share.toFixed(1)} % of a core`)
  const gaps = asked
    .slice(1)
    .map((o, i) => o.askedAt - (asked[i]?.askedAt ?? 0))
    .sort((a, b) => a - b)
  const median = gaps[gaps.length >> 1] ?? 0
  // Guards the period itself; a busy machine is late, never early.
  t.ok(median >= 19 && median <= 60, `median ${median.toFixed(1)} ms from question to question`)
  t.ok(
    asked.every((o, i) => i === 0 || o.askedAt >= (asked[i - 1]?.answeredAt ?? 0)),
    'never two under way',
  )
  t.equal(
    sql(primary, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mekare probe'"),
    '0',
    'stop() leaves none',
  )
  const told = seen.outcomes.length
  await sleep(60)
  t.equal(seen.outcomes.length, told, 'and tells nothing more')
})

t.test('recheck() asks at once whoever is due under the new period, want() drops who is not wanted', async t => {
  const seen = watch({}, [target(primary), target(replica)], 60_000)
  while (seen.outcomes.length < 2) await sleep(5)
  await sleep(100)
  t.equal(seen.outcomes.length, 2)
  seen.period = 20
  seen.prober.recheck()
  await seen.until(a => a.kind === 'primary', 'primary again', 2)
  seen.prober.want([target(replica)])
  await sleep(50)
  const from = seen.outcomes.length
  await seen.until(a => a.kind === 'recovery', 'replica still asked', from)
  t.equal(
    seen.outcomes.slice(from).some(o => o.member === 'primary'),
    false,
  )
  t.equal(sql(primary, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mekare probe'"), '0')
  await seen.prober.stop()
})

t.test('a connection that breaks is told at once, not at the next turn', async t => {
  const seen = watch({}, [target(primary)], 60_000)
  await seen.until(a => a.kind === 'primary', 'primary')
  const at = performance.now()
  sql(primary, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mekare probe'")
  const { answer, answeredAt } = await seen.until(unaskedFor('refused'), 'refused')
  t.match(answer, { why: /57P01/ })
  t.ok(answeredAt - at < 2000, `after ${Math.round(answeredAt - at)} ms, psql's start included`)
  await seen.prober.stop()
})

t.test('a promotion is told within one period of pg_is_in_recovery() turning false', async t => {
  const seen = watch({}, [target(replica)])
  const delays: number[] = []
  for (let round = 0; round < 5; round++) {
    if (round > 0) {
      await stop(replica)
      run('touch', join(replica.data, 'standby.signal'))
      await start(replica)
    }
    const from = seen.outcomes.length
    await seen.until(a => a.kind === 'recovery', 'in recovery', from)
    const poller = new pg.Client({
      host: replica.host,
      port: replica.port,
      user: 'poller',
      password: 'right',
      database: 'postgres',
      ssl: false,
    })
    await poller.connect()
    const left = poll(poller)
    await sleep(20 + round * 7)
    sql(replica, 'SELECT pg_promote(false)')
    const [out, told] = [await left, await seen.until(a => a.kind === 'primary', 'primary', from)]
    delays.push(told.answeredAt - out)
    t.match(told.answer, { timeline: round + 2 })
    await poller.end()
  }
  await seen.prober.stop()
  t.comment(`told after ${delays.map(d => d.toFixed(1)).join(', ')} ms`)
  // Guards that it is asked every 20 ms and not once a second. Usually 2 to 20 ms.
  t.ok(Math.max(...delays) <= 500, `worst ${Math.max(...delays).toFixed(1)} ms`)
})

/** When pg_is_in_recovery() first turned false, asked every 5 ms. */
async function poll(client: pg.Client): Promise<number> {
  for (;;) {
    const asked = performance.now()
    const { rows } = await client.query('SELECT pg_is_in_recovery() AS recovery')
    if (rows[0].recovery === false) return asked
    await sleep(5)
  }
}
