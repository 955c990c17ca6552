// The arithmetic behind the benchmark's verdicts: medians and how sure they are, ratios within a round, the rule for noise.

import t from 'tap'
import { parseSpec } from '../../bench/contenders/contender.js'
import { atMost, none, noted } from '../../bench/drills/figure.js'
import { page } from '../../bench/drills/report.js'
import { contendersOf, perRound } from '../../bench/judge/compare.js'
import { GOALS, type Goal } from '../../bench/judge/goals.js'
import type { MetricName, Series } from '../../bench/judge/metric.js'
import type { RunRecord } from '../../bench/judge/record.js'
import { median, medianInterval, quantile } from '../../bench/judge/statistics.js'
import { goalTable, recordTable } from '../../bench/judge/tables.js'
import { judge } from '../../bench/judge/verdict.js'
import { latencies } from '../../bench/measure/latency.js'
import { turnsOf } from '../../bench/measure/turns.js'
import { parseOptions } from '../../bench/options.js'
import { planned } from '../../bench/progress.js'
import { SCENARIOS } from '../../bench/scenarios/table.js'

const series = (contender: string, metric: MetricName, values: readonly (number | undefined)[]): Series => ({
  contender,
  load: '16 clients',
  rounds: values.map(value => (value === undefined ? {} : { [metric]: value })),
})

const goal = (more: Partial<Goal>): Goal => ({
  scenario: 'select1',
  says: 'throughput',
  metric: 'tps',
  load: '16 clients',
  contender: 'mekare',
  how: 'itself',
  bound: 'at least',
  limit: 100,
  ...more,
})

t.test('a median is the middle value, or the mean of the two in the middle', async t => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 3, 2]), 2.5)
  t.ok(Number.isNaN(median([])))
})

t.test('a quantile is the nearest rank', async t => {
  const ascending = Array.from({ length: 100 }, (_, i) => i + 1)
  t.equal(quantile(ascending, 0.5), 50)
  t.equal(quantile(ascending, 0.99), 99)
  t.equal(quantile(ascending, 1), 100)
  t.equal(quantile([7], 0.99), 7)
  t.ok(Number.isNaN(quantile([], 0.5)))
})

t.test('the interval of a median is the whole spread up to seven values, and leaves out the ends of more', async t => {
  const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1)
  t.same(medianInterval([5, 1, 3, 2, 4]), { low: 1, high: 5 })
  t.same(medianInterval(upTo(7)), { low: 1, high: 7 })
  t.same(medianInterval(upTo(8)), { low: 2, high: 7 })
  t.same(medianInterval(upTo(9)), { low: 2, high: 8 })
  t.same(medianInterval(upTo(11)), { low: 3, high: 9 })
  t.same(medianInterval([42]), { low: 42, high: 42 })
})

t.test('a ratio is taken within each round', async t => {
  const all = [series('haproxy', 'tps', [100, 50, 200]), series('mekare', 'tps', [110, 60, 100])]
  const ratios = perRound(all, { metric: 'tps', load: '16 clients', contender: 'mekare', how: 'ratio' })
  t.same(ratios, [1.1, 1.2, 0.5])
})

t.test(
  'a ratio above direct is of what each adds, and a round in which the rival adds nothing is left out',
  async t => {
    const all = [
      series('direct', 'machineCpu', [20, 20, 20]),
      series('haproxy', 'machineCpu', [40, 20, 30]),
      series('mekare', 'machineCpu', [30, 30, 25]),
    ]
    const how = 'ratio above direct'
    t.same(perRound(all, { metric: 'machineCpu', load: '16 clients', contender: 'mekare', how }), [0.5, 0.5])
  },
)

t.test('a round that one of the two did not measure is left out', async t => {
  const all = [series('haproxy', 'tps', [100, undefined]), series('mekare', 'tps', [100, 100])]
  t.same(perRound(all, { metric: 'tps', load: '16 clients', contender: 'mekare', how: 'ratio' }), [1])
})

t.test('the verdict on a goal', async t => {
  const word = (values: readonly number[], more: Partial<Goal> = {}) =>
    judge(goal(more), [series('mekare', 'tps', values)]).word
  t.equal(word([101, 102, 103, 104, 105]), 'met', 'all rounds on the right side')
  t.equal(word([90, 101, 102, 103, 104]), 'met, barely', 'the interval reaches over the limit')
  t.equal(word([95, 96, 97, 98, 101]), 'within noise', '3 % off, and one round holds')
  t.equal(word([95, 96, 97, 98, 99]), 'missed', '3 % off in every round')
  t.equal(word([60, 70, 80, 90, 120]), 'missed', 'noise does not excuse a median that is 20 % off')
  t.equal(word([]), 'missed', 'nothing was measured')
  const atMost = { bound: 'at most' } as const
  t.equal(word([90, 91, 92, 93, 94], atMost), 'met')
  t.equal(word([99, 101, 102, 103, 104], atMost), 'within noise')
  t.equal(word([110, 111, 112, 113, 114], atMost), 'missed')
})

t.test('every contender is measured once a round, and each round begins with another', async t => {
  const plan = {
    contenders: ['a', 'b', 'c'],
    loads: ['x', 'y'],
    rounds: 2,
    secondsEach: 2,
    secondsBefore: 5,
    repeats: 0,
  }
  const order = turnsOf(plan).map(({ load, round, contender }) => `${load}${round}${contender}`)
  t.same(order.join(' '), 'x0a x0b x0c x1b x1c x1a y0a y0b y0c y1b y1c y1a')
  t.equal(planned(plan), 29)
})

t.test('a contender is named with another checkout and keys of its relay', async t => {
  t.same(parseSpec('haproxy'), { kind: 'haproxy', checkout: undefined, relay: {} })
  const relay = { spin: '50us', threads: '2' }
  t.same(parseSpec('mekare@../other+spin=50us+threads=2'), { kind: 'mekare', checkout: '../other', relay })
})

const options = (line: string) => {
  const parsed = parseOptions(line.split(' ').filter(Boolean))
  if (!parsed.ok) throw new Error(parsed.why)
  return parsed.options
}

const amountOf = (line: string) => options(line).amount

t.test('the command line', async t => {
  const why = (line: string) => {
    const parsed = parseOptions(line.split(' '))
    return parsed.ok ? 'good' : parsed.why
  }
  t.equal(options('').network, 'loopback')
  t.ok(options('').amount.rounds >= 5, 'enough rounds for a verdict')
  t.ok(options('--quick').amount.rounds < options('').amount.rounds)
  t.equal(options('--quick --rounds 7').amount.rounds, 7)
  const chosen = options('select1 bulk --clients 1,16 --only direct,haproxy --with mekare+spin=50us')
  t.same(chosen.names, ['select1', 'bulk'])
  t.same(chosen.amount.clients, [1, 16])
  t.same(chosen.only, ['direct', 'haproxy'])
  t.same(chosen.more, ['mekare+spin=50us'])
  t.match(why('--rounds 0'), /--rounds 0: a whole number above 0/)
  t.match(why('--rounds 1.5'), /--rounds 1.5/)
  t.match(why('--seconds 0.5'), /--seconds 0.5/)
  t.match(why('--redraw'), /--results DIR/)
  t.match(why('--clients 1,x'), /--clients x/)
  t.match(why('--network veth'), /loopback or namespaces/)
  t.match(why('--nonsense'), /--nonsense/)
})

t.test(
  'every goal belongs to a load that a full run of its scenario measures, with the contenders it needs',
  async t => {
    const amount = { rounds: 5, seconds: 1, clients: undefined, quick: false }
    for (const each of GOALS) {
      const plan = SCENARIOS.find(({ name }) => name === each.scenario)?.plan(amount)
      t.ok(plan?.loads.includes(each.load), `${each.says}: load ${each.load}`)
      const needed = contendersOf(each)
      t.ok(
        needed.every(name => plan?.contenders.includes(name)),
        `${each.says}: ${needed}`,
      )
    }
  },
)

t.test('a quick run of everything stays under three minutes', async t => {
  const seconds = SCENARIOS.filter(each => each.inQuick).reduce(
    (sum, each) => sum + planned(each.plan(amountOf('--quick'))),
    0,
  )
  t.ok(seconds < 165, `${seconds} s`)
})

t.test('a full run of everything takes about 32 minutes', async t => {
  const seconds = SCENARIOS.reduce((sum, each) => sum + planned(each.plan(amountOf(''))), 0)
  t.ok(seconds < 33 * 60, `${seconds} s`)
})

t.test('tables show medians with their intervals, and the ratio to HAProxy', async t => {
  const record: RunRecord = {
    ...{ scenario: 'select1', says: '', headline: 'tps', rival: 'haproxy', network: 'loopback', date: '', took: 1 },
    ...{ seconds: 1, rounds: 3, stolen: 0, repeated: 0, disturbed: 0 },
    series: [series('haproxy', 'tps', [1000, 1100, 1200]), series('mekare', 'tps', [2000, 2200, 2400])],
  }
  t.equal(
    recordTable(record, name => name.toUpperCase()),
    [
      '| load       | through | transactions, /s    | transactions ÷ HAPROXY |',
      '|------------|---------|---------------------|------------------------|',
      '| 16 clients | HAPROXY | 1,100 (1,000–1,200) | 1                      |',
      '|            | MEKARE  | 2,200 (2,000–2,400) | 2.00 (2.00–2.00)       |',
    ].join('\n'),
  )
  const verdict = judge(goal({ how: 'ratio', limit: 1, aim: 1.5 }), record.series)
  t.equal(
    goalTable([verdict]).split('\n').at(-1),
    '| throughput ÷ HAProxy | ≥ 1.00 (hoped: ≥ 1.50) | 2.00 (2.00–2.00) | met, of 3 rounds only |',
  )
  t.match(goalTable([judge(goal({}), [])]), /not measured \| missed/)
})

t.test('the page of drills tells the machine, each figure with its verdict, and each run', async t => {
  const told = page({
    date: '2026-11-24T12:00:00.000Z',
    ok: false,
    machine: { cpu: '2 × some', keepalived: 'v2.2.7' },
    drills: [
      {
        drill: 'address-stopped',
        says: 'the sidecar is stopped',
        ok: false,
        date: '2026-11-24T12:00:00.000Z',
        seconds: 61,
        busy: 3,
        figures: [
          atMost('a|b: answers', 31.04, 62.51, 'ms'),
          noted('  least and most', '30 to 32', 'ms'),
          none('left', 1),
        ],
        lines: ['first run'],
      },
      {
        drill: 'two',
        says: 'more',
        ok: false,
        date: '',
        seconds: 1,
        busy: undefined,
        figures: [],
        lines: [],
        error: 'no\nstack',
      },
    ],
  })
  t.match(told, /^# Drills\n\n2026-11-24\. A figure is over its bound\.\n\n- cpu: 2 × some\n- keepalived: v2\.2\.7\n/)
  t.match(
    told,
    '## address-stopped\n\nThe sidecar is stopped. (2026-11-24 12:00 UTC, 61 s, the machine 3% busy before)\n',
  )
  t.match(
    told,
    '| a\\|b: answers | 31 ms | ≤ 62.5 ms | ok |\n| … least and most | 30 to 32 ms |  |  |\n| left | 1 | 0 | FAILED |\n',
  )
  t.match(told, '- first run\n')
  t.match(told, '**The drill broke off: no**')
})

t.test('times are told from 0.3 s on, sorted', async t => {
  const line = (took: number, ms: number) =>
    `0 1 ${took} 0 ${1_700_000_000 + Math.floor(ms / 1000)} ${(ms % 1000) * 1000} 12`
  const log = [line(9000, 900), line(25_000, 920), line(300, 1300), line(200, 1200), line(100, 1199)].join('\n')
  t.same([...latencies(`${log}\n`)], [200, 300])
  t.same([...latencies('')], [])
})
