// Leader changes and etcd faults, each as short as it can be, on one stand: clients wait instead of failing, and nobody writes to
// an old primary. Bounds on time are wide, they guard against sleeps and slow polling; counts of errors are exact. The
// figures themselves are measured by bench/drills. Verdicts come from the journals of independent observers.

import t, { type Test } from 'tap'
import type { Change } from '../../bench/drills/change.js'
import { FROZEN as MEMBER_FROZEN, strikeAndSwitch } from '../../bench/drills/etcd.js'
import { type Field, logged, openField } from '../../bench/drills/field.js'
import type { Figure } from '../../bench/drills/figure.js'
import { FROZEN as ALL_FROZEN, withFailsafe } from '../../bench/drills/outage.js'
import { oneSwitchover } from '../../bench/drills/switchover.js'
import { freezeAndThaw } from '../../bench/drills/thaw.js'
import type { ProxyOptions } from '../lab/proxy.js'
import { createStand, type Stand } from '../lab/stand.js'

t.setTimeout(300_000)

/** What a busy machine may add to a time; the default interval of a slow poll, and of Patroni's own loop, is 10 s. */
const SLACK_MS = 3000

const stand = await createStand({ failsafeMode: true, synchronousMode: true, loopWait: 2 })
t.teardown(() => stand.down())
await stand.up()

await drill(
  'a planned switchover holds the writer and lets it in when the new primary has left recovery',
  async (t, f) => {
    changed(t, await oneSwitchover(f, await f.writer()))
  },
)

await drill(
  'the same through Node’s streams (relay.engine: net)',
  async (t, f) => {
    changed(t, await oneSwitchover(f, await f.writer()))
  },
  { env: { MEKARE_RELAY__ENGINE: 'net' } },
)

await drill('a switchover right after the etcd member in use has frozen', async (t, f) => {
  changed(t, await strikeAndSwitch(f, MEMBER_FROZEN))
})

await drill('all of etcd frozen for 12 s under failsafe mode ends nobody and refuses nobody', async (t, f) => {
  judge(t, await withFailsafe(f, ALL_FROZEN, { outage: 12_000, afterwards: 5000 }))
})

await drill('a primary frozen past its lease and thawed takes no more writes', async (t, f) => {
  judge(t, await freezeAndThaw(f))
})

async function drill(
  name: string,
  run: (t: Test, field: Field) => Promise<void>,
  options: ProxyOptions = {},
): Promise<void> {
  await t.test(name, async t => {
    const field = await openField(stand, options, line => t.comment(line))
    try {
      await run(t, field)
      if (!t.passing()) t.comment(lastWords(stand))
    } catch (error) {
      t.comment(lastWords(stand))
      throw error
    } finally {
      await field.end()
    }
  })
}

function lastWords(stand: Stand): string {
  return logged(stand).slice(-40).join('\n')
}

function changed(t: Test, { tail, gap, multihostGap, writer }: Change): void {
  t.ok(tail !== undefined && tail < SLACK_MS, `a row ${tail} ms after the promotion: nobody slept or polled slowly`)
  const extra = (gap ?? Number.NaN) - (multihostGap ?? Number.NaN)
  t.ok(
    extra < SLACK_MS,
    `a gap of ${gap} ms, ${extra} ms over that of a client without a proxy: the delay is Patroni's`,
  )
  t.equal(writer.readOnlyErrors, 0, 'no "read-only transaction"')
  t.equal(writer.connectFailures, 0, 'no connect refused or failed')
  t.ok(writer.mostErrorsOfOneSession <= 1, `at most one error: ${JSON.stringify(writer.errors)}`)
}

function judge(t: Test, figures: readonly Figure[]): void {
  for (const { name, value, unit, bound, ok, limit } of figures) {
    const generous = unit === 'ms' && limit !== undefined && typeof value === 'number' && value <= limit + SLACK_MS
    t.ok(ok || generous, `${name}: ${value} ${unit} (${bound})`)
  }
}
