// What is drawn of the last ten minutes: one sample every two seconds, bounded whatever happens.

import t from 'tap'
import { EVERY, type History, KEPT, noHistory, record, seriesOf } from '../../src/history/history.js'
import type { Status } from '../../src/pools/status.js'
import { bytes, epochMs } from '../../src/units/units.js'
import { cluster, listener, member, status } from './status-words.js'

const BEGUN = 1_800_000_000_000

function at(steps: number, came: number, lag?: number, name = 'pg2'): Status {
  const write = listener('write', { sessions: { startup: 1, held: 2, dialing: 3, joined: 4 } })
  return status({
    at: epochMs(BEGUN + steps * EVERY),
    listeners: [{ ...write, totals: { ...write.totals, came } }],
    clusters: [cluster([member(name, { sessions: 7, ...(lag === undefined ? {} : { lag: bytes(lag) }) })])],
  })
}

const play = (statuses: readonly Status[], from: History = noHistory) => statuses.reduce(record, from)

t.test('a sample holds what is drawn, and a rate from the second one on', async t => {
  const history = play([at(0, 100, 5), at(1, 120)])
  t.equal(history.at, BEGUN + EVERY)
  t.strictSame(history.series, {
    [seriesOf.open('write')]: [10, 10],
    [seriesOf.held('write')]: [2, 2],
    [seriesOf.rate('write')]: [null, 10],
    [seriesOf.lag('demo', 'pg2')]: [5, null],
    [seriesOf.sessions('demo', 'pg2')]: [7, 7],
  })
})

t.test('a status document that comes before its time is no sample', async t => {
  const once = play([at(0, 1)])
  t.equal(play([at(0.5, 2)], once), once)
  t.equal(play([at(0.9, 2)], once).series[seriesOf.open('write')]?.length, 2)
})

t.test('samples missed are gaps, and the rate is that of the whole time', async t => {
  const { series } = play([at(0, 0), at(5, 100)])
  t.strictSame(series[seriesOf.held('write')], [2, null, null, null, null, 2])
  t.equal(series[seriesOf.rate('write')]?.at(-1), 10)
})

t.test('a restart, whose counts begin anew, has no rate; a clock set back begins a new history', async t => {
  t.equal(play([at(0, 100), at(1, 3)]).series[seriesOf.rate('write')]?.at(-1), undefined, 'no rate was known at all')
  t.strictSame(play([at(0, 100), at(1, 120), at(2, 3)]).series[seriesOf.rate('write')], [null, 10, null])
  t.strictSame(play([at(9, 1), at(3, 2)]).series[seriesOf.open('write')], [10])
})

t.test('no more than ten minutes are kept, and names that were not seen for as long are forgotten', async t => {
  const first = play([at(0, 0, 5, 'pg9')])
  const long = play(
    Array.from({ length: KEPT + 50 }, (_, i) => at(i + 1, i)),
    first,
  )
  t.ok(Object.values(long.series).every(values => values.length === KEPT))
  t.equal(long.series[seriesOf.lag('demo', 'pg9')], undefined)
  t.strictSame(long.series[seriesOf.rate('write')]?.at(-1), 0.5)
  t.equal(play([at(100_000, 0)], long).series[seriesOf.open('write')]?.length, KEPT, 'after a day of silence too')
})

t.test('a member that appears later is in line with the others', async t => {
  const { series } = play([at(0, 0), at(1, 0), at(2, 0, 1, 'pg3')])
  t.strictSame(series[seriesOf.sessions('demo', 'pg3')], [null, null, 7])
  t.strictSame(series[seriesOf.sessions('demo', 'pg2')], [7, 7, null])
})

t.test('thousands of names are not all drawn', async t => {
  const many = status({ listeners: Array.from({ length: 1000 }, (_, i) => listener(`l${i}`)) })
  t.equal(Object.keys(record(noHistory, many).series).length, 256)
})
