// A machine and its witness: transcripts.

import t from 'tap'
import { ms } from '../../../src/units/units.js'
import { describeState } from '../../../src/vrrp/describe.js'
import { step } from '../../../src/vrrp/machine.js'
import { needsWitness } from '../../../src/vrrp/witness.js'
import { DOWN, FREE, hears, MASTER_AT_DOWN, OTHER, OURS, play, SILENT, START, said, says, TIME } from './script.js'

t.test('while the witness names another a backup waits, and becomes master when it is named itself', async t => {
  const lines = said({}, [0, START], [1, OTHER], [9000, TIME], [9100, FREE], [9200, OURS])
  t.same(lines.slice(1), [
    `${DOWN}: withheld by k`,
    '9200: advert 200, acquire, announce first ×5, backup → master (nobody_heard)',
  ])
  const { state } = play({}, [
    [0, START],
    [1, OTHER],
    [3300, TIME],
  ])
  t.ok(needsWitness(state), 'it asks to be named')
  t.match(describeState(state, ms(3300)), /would be master, waits for the witness; witness names k/)
  t.notOk(needsWitness(step(state, hears(250), ms(3400))[0]), 'no longer, once it hears a better master')
  t.same(said({}, [0, START], [1, OURS], [3300, TIME])[1], MASTER_AT_DOWN, 'no wait where it names us already')
  t.match(said({}, [0, START], [1, says({ kind: 'unheard' })], [9000, TIME]).slice(1), [], 'not known is not yes')
})

t.test('a silent witness is none: VRRP alone decides, at once', async t => {
  t.same(said({}, [0, START], [1, SILENT], [3300, TIME])[1], MASTER_AT_DOWN)
  const lines = said({}, [0, START], [1, OTHER], [5000, SILENT])
  t.match(lines.at(-1), /^5000: advert 200, acquire/, 'also for one that waited')
  const master = play({}, [
    [0, START],
    [1, SILENT],
    [3300, TIME],
  ]).state
  t.match(describeState(master, ms(3300)), /witness silent, VRRP alone decides: etcd a: no answer in time/)
})

t.test('a master yields to whom the witness names, without a goodbye, and stays while it names nobody', async t => {
  const lines = said({}, [0, START], [3300, FREE], [3400, says({ kind: 'unheard' })], [3500, OTHER], [6700, TIME])
  t.same(lines.slice(2), ['3500: release, master → backup (witness)'])
  t.same(said({ priority: 255 }, [0, START], [1, OTHER]).length, 1, 'an owner has its addresses whatever anybody says')
})

t.test('a living master of lower priority that holds the witness is made to give way by an advert', async t => {
  const lower = [500, 1500, 2500, 3500, 4500].map(at => [at, hears(100)] as const)
  const lines = said({}, [0, START], [1, OTHER], ...lower, [4600, FREE], [4700, OURS])
  t.same(lines.slice(1), [
    `${DOWN}: advert 200, withheld by k`,
    '4218.75: advert 200',
    '4700: advert 200, acquire, announce first ×5, backup → master (preempted)',
  ])
  const silent = said({}, [0, START], [1, OTHER], [500, hears(100)], [9000, TIME]).slice(1)
  t.same(
    silent,
    [`${DOWN}: withheld by k`],
    'one that is not heard is not spoken to: it may be cut off, and the only one',
  )
  const takeover = said(
    { preempt: false },
    [0, START],
    [1, OTHER],
    [500, hears(100)],
    [600, { kind: 'takeover' }],
    [700, OURS],
  )
  t.match(takeover.slice(1), ['600: advert 200, withheld by k', /^700: .*backup → master/])
})
