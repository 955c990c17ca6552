// What is worth telling, and how often.

import t from 'tap'
import {
  admit,
  type Facts,
  type Known,
  look,
  noRate,
  nothingKnown,
  noticeOf,
  type Rate,
} from '../../src/notices/notice.js'
import { ms } from '../../src/units/units.js'

const gate = (length?: number): Facts['gates'][number] =>
  length === undefined
    ? { cluster: 'demo', kind: 'open', member: 'pg2' }
    : { cluster: 'demo', kind: 'closed', for: ms(length), why: 'leader key gone' }
const router = (here: boolean): Facts['routers'][number] => ({ name: 'pg', addresses: ['10.0.0.100'], here })

function watch(...facts: readonly Partial<Facts>[]): readonly string[] {
  let known: Known = nothingKnown
  return facts.map(now => {
    const [next, notices] = look(known, { gates: [], routers: [], ...now }, ms(10_000))
    known = next
    return notices.map(({ event, data }) => `${event} ${JSON.stringify(data)}`).join('; ')
  })
}

t.test('a gate is told of once it has been closed for long, once, and when it is open again', async t => {
  const times = [9_900, 10_000, 10_100, undefined, 100, undefined]
  t.strictSame(watch(...times.map(length => ({ gates: [gate(length)] }))), [
    '',
    'gate_closed {"cluster":"demo","why":"leader key gone","closedForMs":10000}',
    '',
    'gate_opened {"cluster":"demo","member":"pg2","closedForMs":10100}',
    '',
    '',
  ])
  t.strictSame(watch({ gates: [gate(10_000)] }, { gates: [gate(50)] }, { gates: [gate()] }).slice(1), [
    '',
    'gate_opened {"cluster":"demo","member":"pg2","closedForMs":10000}',
  ])
})

t.test('an address that comes or goes is told of; one seen for the first time is no move', async t => {
  t.strictSame(watch({ routers: [router(true)] }, {}, { routers: [router(true)] }, { routers: [router(false)] }), [
    '',
    '',
    '',
    'address_moved {"name":"pg","addresses":["10.0.0.100"],"here":false}',
  ])
})

t.test('a leader seen for the first time, or again, is no change', async t => {
  const changed = { kind: 'leader_changed', cluster: 'demo', to: 'pg2' } as const
  t.equal(noticeOf(changed), undefined)
  t.equal(noticeOf({ ...changed, from: 'pg2' }), undefined)
  t.strictSame(noticeOf({ ...changed, from: 'pg1' }), {
    occasion: 'leader',
    event: 'leader_changed',
    data: { cluster: 'demo', from: 'pg1', to: 'pg2' },
  })
  t.equal(noticeOf({ kind: 'stopped' }), undefined)
})

t.test('so many in any minute; those left out are counted in the next one', async t => {
  let rate: Rate = noRate
  const went = [0, 1, 2, 3, 59_999, 60_000, 60_001, 60_002].map(at => {
    const [next, { go, suppressed }] = admit(rate, 2, ms(at))
    rate = next
    return go ? suppressed : 'left out'
  })
  t.strictSame(went, [0, 0, 'left out', 'left out', 'left out', 3, 0, 'left out'])
})
