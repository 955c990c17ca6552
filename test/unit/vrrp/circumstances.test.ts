// What befalls a machine besides adverts: changed priorities, faults, takeovers, a new setup, sleep; and the words for its state.

import t from 'tap'
import { ms } from '../../../src/units/units.js'
import { describeState } from '../../../src/vrrp/describe.js'
import { step, wakeAt } from '../../../src/vrrp/machine.js'
import type { Input, Setup } from '../../../src/vrrp/state.js'
import { DOWN, hears, play, SETUP, START, said, say, TIME } from './script.js'

t.test('priority changes count from the next advert, heard or sent', async t => {
  const lowered = (by: number): Input => ({ kind: 'lowered', by })
  t.same(said({}, [0, START], [3300, lowered(150)], [4300, TIME], [4400, hears(100)]).slice(2), [
    '4218.75: advert 50',
    '4400: release, master → backup (outranked)',
  ])
  t.match(said({}, [0, START], [3300, lowered(999)], [4300, TIME])[2], /advert 1$/, 'never below 1')
  const back = [0, 1000, 2000, 3000, 4000].map(at => [5000 + at, hears(100)] as const)
  const risen = said({}, [0, START], [1, lowered(150)], [2, hears(100)], [2500, lowered(0)], ...back, [9001, TIME])
  t.match(risen.slice(1), [/preempted|master_silent/])
})

t.test('a fault gives the addresses up with a goodbye; the end of the last one starts anew', async t => {
  const fault = (name: string): Input => ({ kind: 'fault', name, why: `${name} is down` })
  const over = (name: string): Input => ({ kind: 'fault_over', name })
  const lines = said(
    {},
    [0, START],
    [3300, fault('eth0')],
    [3400, fault('proxy')],
    [3500, hears(100)],
    [3600, over('eth0')],
    [3700, over('proxy')],
    [6919, TIME],
  )
  t.same(lines.slice(2), [
    '3300: release, advert 0, master → fault (fault)',
    '3700: fault → backup (fault_over)',
    '6918.75: advert 200, acquire, announce first ×5, backup → master (nobody_heard)',
  ])
  t.same(said({}, [0, fault('eth0')], [1, START], [2, over('eth0')]), [
    '1: initialize → fault (fault)',
    '2: fault → backup (fault_over)',
  ])
  t.same(
    said({ priority: 255 }, [0, START], [5, fault('eth0')], [9, over('eth0')])[2],
    '9: advert 255, acquire, announce first ×5, fault → master (owner)',
  )
})

t.test('a takeover is done where it would hold, and refused with the reason where not', async t => {
  const takeover: Input = { kind: 'takeover' }
  t.same(said({ preempt: false }, [0, START], [1000, hears(100)], [1200, takeover]).slice(1), [
    '1200: advert 200, acquire, announce first ×5, backup → master (takeover)',
  ])
  t.match(
    said({}, [0, START], [1000, hears(250)], [1200, takeover])[1],
    /refused: 10.0.0.1 is master with priority 250/,
  )
  t.match(said({}, [0, START], [1000, hears(200, '10.0.0.3')], [1200, takeover])[1], /refused/)
  t.match(said({}, [0, START], [1000, hears(200, '10.0.0.1')], [1200, takeover])[1], /takeover/)
  t.same(said({}, [0, takeover]), ['0: refused: its state is initialize'])
  t.same(said({}, [0, START], [3300, takeover])[2], '3300: refused: it is master already')
})

t.test('a new setup keeps the role and the addresses', async t => {
  const faster: Input = { kind: 'setup', setup: { ...SETUP, interval: ms(100), priority: 210 } }
  t.same(said({}, [0, START], [3300, faster], [3450, TIME]).slice(2), ['3300: advert 210', '3400: advert 210'])
  t.same(said({}, [0, START], [1000, faster], [1400, TIME])[1]?.slice(0, 8), '1317.968', 'a backup listens anew')
})

t.test('sub-second adverts: 10 ms, and a takeover within 31 ms', async t => {
  t.same(said({ interval: ms(10), priority: 250 }, [0, START], [31, TIME])[1]?.split(':')[0], '30.234375')
})

t.test('a backup that slept past its timer listens once more, then claims', async t => {
  const slept = play({}, [[0, START]]).state
  const [listens, none] = step(slept, TIME, ms(60_000))
  t.same(none, [])
  t.equal(wakeAt(listens), 60_000 + DOWN)
  const [heard] = step(listens, hears(250), ms(60_500))
  t.equal(heard.phase.role, 'backup')
  t.equal(step(listens, TIME, ms(90_000))[0].phase.role, 'master', 'late again: it must not wait for ever')
  t.equal(step(slept, TIME, ms(DOWN + 900))[0].phase.role, 'master', 'less than an interval late is not sleep')
  const hearsFirst = step(slept, hears(250), ms(60_000))
  t.same([hearsFirst[0].phase.role, hearsFirst[1]], ['backup', []])
})

t.test('a master that slept until every backup had declared it down lets go and listens', async t => {
  const { state } = play({}, [
    [0, START],
    [3300, TIME],
  ] as const)
  const [late, actions] = step(state, TIME, ms(10_000))
  t.same(actions.map(say), ['release', 'master → backup (late)'])
  t.equal(wakeAt(late), 10_000 + DOWN)
  t.same(step(state, TIME, ms(DOWN + 3900))[1].map(say), ['advert 200'], 'one advert, no burst, within four intervals')
  t.same(step(state, hears(100), ms(10_000))[1].map(say).at(-1), 'master → backup (late)', 'a packet does not hide it')
  const owner = play({ priority: 255 }, [[0, START]]).state
  t.equal(step(owner, TIME, ms(60_000))[0].phase.role, 'master', 'an owner starts as master anyhow')
})

t.test('status says the state in words', async t => {
  const at = (setup: Partial<Setup>, now: number, ...script: (readonly [number, Input])[]) =>
    describeState(play(setup, script).state, ms(now))
  const start = [0, START] as const
  const lower = [500, hears(100)] as const
  t.equal(at({}, 0), 'not started')
  t.equal(at({}, 1000, start), 'backup for 1s, priority 200; no master heard yet, claims in 2.2s')
  t.equal(
    at({}, 1500, start, [1000, hears(250)]),
    'backup for 1.5s, priority 200; 10.0.0.1 is master with priority 250, heard 500ms ago, claims in 2.7s unless heard',
  )
  t.match(at({}, 600, start, lower), /lower than ours: claims in 2.6s/)
  t.match(at({ preempt: false }, 600, start, lower), /left alone, preempt is false/)
  t.match(at({ preemptDelay: ms(9000) }, 600, start, lower), /left alone for 8.9s more \(preemptDelay\)/)
  t.match(at({}, 1600, start, [1500, hears(0)]), /10.0.0.1 gave up 100ms ago, claims in 119ms/)
  t.equal(at({}, 4000, start, [3300, TIME]), 'master for 781ms, priority 200; next advert in 219ms')
  t.match(at({}, 10, start, [1, { kind: 'lowered', by: 20 }]), /priority 180 \(200 lowered by tracks\)/)
  const fault: Input = { kind: 'fault', name: 'eth0', why: 'eth0 is down' }
  t.equal(at({}, 2000, start, [1000, fault]), 'fault for 1s: eth0 is down')
  t.equal(at({}, 2000, [0, fault]), 'not started; eth0 is down')
  t.match(at({ grouped: true }, 3300, start, [3250, TIME]), /would be master, waits for the rest of its sync group/)
})
