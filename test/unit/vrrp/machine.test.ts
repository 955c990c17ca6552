// The machine among its peers: transcripts that cite the RFC.

import t from 'tap'
import { ms } from '../../../src/units/units.js'
import { describeState } from '../../../src/vrrp/describe.js'
import { masterDownInterval, skewTime } from '../../../src/vrrp/timers.js'
import { ip } from '../ip-words.js'
import { DOWN, hears, MASTER_AT_DOWN, play, START, STOP, said, TIME } from './script.js'

t.test('RFC 9568, 6.1: skew and master down interval, in both versions', async t => {
  t.equal(skewTime(3, 250, ms(1000)), 23.4375)
  t.equal(skewTime(3, 100, ms(1000)), 609.375)
  t.equal(skewTime(3, 254, ms(10)), 0.078125)
  t.equal(masterDownInterval(3, 200, ms(1000)), DOWN)
  t.equal(skewTime(2, 100, ms(5000)), 609.375, 'RFC 3768, 6.1: of a second, whatever the interval')
  t.equal(masterDownInterval(2, 100, ms(5000)), 15_609.375)
})

t.test(
  'RFC 9568, 6.4.1: a backup first, and master when nobody speaks; then adverts and rounds of announcements',
  async t => {
    t.same(said({}, [0, START], [8500, TIME]), [
      '0: initialize → backup (started)',
      MASTER_AT_DOWN,
      '4218.75: advert 200',
      '5218.75: advert 200',
      '6218.75: advert 200',
      '7218.75: advert 200',
      '8218.75: advert 200, announce again ×5',
    ])
    const refresh = said({}, [0, START], [70_000, TIME]).filter(line => line.includes('refresh'))
    t.same(refresh, ['68218.75: advert 200, announce refresh ×5'])
  },
)

t.test('RFC 9568, 6.4.1: priority 255 owns the addresses and starts as master', async t => {
  t.same(said({ priority: 255 }, [0, START]), [
    '0: advert 255, acquire, announce first ×5, initialize → master (owner)',
  ])
  t.same(
    play({ priority: 255 }, [
      [0, { kind: 'lowered', by: 100 }],
      [0, START],
    ] as const).said.length,
    1,
  )
})

t.test('RFC 9568, 6.4.2: a higher or equal advert resets the timer', async t => {
  for (const priority of [200, 201, 255])
    t.same(said({}, [0, START], [3000, hears(priority, '10.0.0.1')], [6218, TIME], [6219, TIME]).slice(1), [
      '6218.75: advert 200, acquire, announce first ×5, backup → master (master_silent)',
    ])
})

t.test('RFC 9568, 6.4.2: the interval is learnt from the master, and so is the skew', async t => {
  t.same(said({}, [0, START], [10, hears(250, '10.0.0.1', 100)], [400, TIME]).slice(1), [
    '331.875: advert 200, acquire, announce first ×5, backup → master (master_silent)',
  ])
  t.same(
    said({ version: 2 }, [0, START], [10, hears(250, '10.0.0.1', 1000)], [4000, TIME])[1],
    '3228.75: advert 200, acquire, announce first ×5, backup → master (master_silent)',
    'RFC 3768: nothing to learn',
  )
})

t.test('RFC 9568, 6.4.2: a lower advert is discarded under preemption, and obeyed without', async t => {
  const lower = [500, 1500, 2500, 3100].map(at => [at, hears(100)] as const)
  t.same(said({}, [0, START], ...lower, [3300, TIME]).slice(1), [
    `${DOWN}: advert 200, acquire, announce first ×5, backup → master (preempted)`,
  ])
  t.same(said({ preempt: false }, [0, START], ...lower, [6300, TIME]).slice(1), [])
  t.match(
    said({ preempt: false }, [0, START], ...lower, [6400, TIME]).slice(1),
    [/master_silent/],
    'its silence still counts',
  )
})

t.test('preemptDelay leaves a lower master alone for its length, from its first advert', async t => {
  const lower = Array.from({ length: 15 }, (_, second) => [second * 1000 + 100, hears(100)] as const)
  const lines = said({ preemptDelay: ms(5000) }, [0, START], ...lower, [14_500, TIME])
  t.same(lines[1], '7318.75: advert 200, acquire, announce first ×5, backup → master (preempted)')
  const dies = said({ preemptDelay: ms(60_000) }, [0, START], [100, hears(100)], [200, hears(0)], [500, TIME])
  t.same(dies.slice(1), ['418.75: advert 200, acquire, announce first ×5, backup → master (master_left)'])
})

t.test('RFC 9568, 6.4.2: priority 0 is followed after the skew only', async t => {
  t.same(said({}, [0, START], [1000, hears(250)], [1500, hears(0)], [1800, TIME]).slice(1), [
    '1718.75: advert 200, acquire, announce first ×5, backup → master (master_left)',
  ])
  t.match(
    said({ version: 2, interval: ms(4000) }, [0, START], [1000, hears(250)], [1500, hears(0)], [1800, TIME])[1],
    /^1718.75: advert 200/,
  )
})

t.test('RFC 9568, 6.4.2 and 6.4.3: shutdown is silent for a backup, and a goodbye for a master', async t => {
  t.same(said({}, [0, START], [10, STOP], [20, STOP]), [
    '0: initialize → backup (started)',
    '10: backup → initialize (stopped)',
  ])
  t.same(said({}, [0, START], [3300, STOP], [9000, TIME]).slice(2), [
    '3300: release, advert 0, master → initialize (stopped)',
  ])
})

t.test('RFC 9568, 6.4.3: a master answers priority 0 at once', async t => {
  t.same(said({}, [0, START], [3500, hears(0)], [4499, TIME]).slice(2), ['3500: advert 200'])
})

t.test(
  'RFC 9568, 6.4.3: a master gives way to a higher priority, and to a greater address of equal priority',
  async t => {
    const gone = '3500: release, master → backup (outranked)'
    t.same(said({}, [0, START], [3500, hears(201)], [6700, TIME]).slice(2), [gone])
    t.same(said({}, [0, START], [3500, hears(200, '10.0.0.3')], [6700, TIME]).slice(2), [gone])
    t.same(
      said({}, [0, START], [3500, hears(200, '10.0.0.10')], [6700, TIME]).slice(2),
      [gone],
      'as numbers, not as text',
    )
    const six = { address: ip('fe80::2') }
    t.same(said(six, [0, START], [3500, hears(200, 'fe80::10')], [6700, TIME]).slice(2), [gone])
  },
)

t.test('RFC 9568, 6.4.3: against a lower master it asserts itself, tells and counts it', async t => {
  t.same(
    said({}, [0, START], [3500, hears(100)], [4400, hears(100)], [4500, hears(200, '10.0.0.1')], [5400, TIME]).slice(2),
    ['3500: advert 200, rival 10.0.0.1 100 #1', '4400: advert 200, announce rival ×5', '4500: advert 200'],
  )
  const { state } = play({}, [
    [0, START],
    [3500, hears(100)],
    [3600, hears(150, '10.0.0.5')],
    [9000, hears(150, '10.0.0.5')],
  ])
  t.equal(state.rivals.count, 3)
  t.match(describeState(state, ms(9000)), /3 adverts of another master heard, the last from 10.0.0.5 with priority 150/)
})

t.test('after a rival the addresses are announced at once and again, so that neighbours forget it', async t => {
  const lines = said({}, [0, START], [20_000, hears(100)], [26_000, TIME])
  const rounds = lines.filter(line => line.includes('announce')).slice(2)
  t.same(rounds, [
    '20000: advert 200, announce rival ×5, rival 10.0.0.1 100 #1',
    '25000: advert 200, announce again ×5',
  ])
})
