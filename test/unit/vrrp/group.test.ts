// A sync group: its machines go up and come down together.

import fc from 'fast-check'
import t from 'tap'
import { ms } from '../../../src/units/units.js'
import { describeState } from '../../../src/vrrp/describe.js'
import { type Group, stepGroup, wakeGroupAt } from '../../../src/vrrp/group.js'
import { newMachine } from '../../../src/vrrp/machine.js'
import type { Input, Setup, State } from '../../../src/vrrp/state.js'
import { anyInput } from './arbitraries.js'
import { hears, SETUP, START, STOP, say, TIME } from './script.js'

const GROUPED: Setup = { ...SETUP, grouped: true }
const newGroup = (...names: string[]): Group => new Map(names.map(name => [name, newMachine(GROUPED, ms(0))]))

function playGroup(group: Group, script: readonly (readonly [number, string | undefined, Input])[]) {
  let current = group
  const lines: string[] = []
  const feed = (to: string | undefined, input: Input, now: number) => {
    const [next, actions] = stepGroup(current, to, input, ms(now))
    current = next
    if (actions.length > 0)
      lines.push(`${now}: ${actions.map(({ name, action }) => `${name} ${say(action)}`).join(', ')}`)
  }
  for (const [at, to, input] of script) {
    for (let due = wakeGroupAt(current); due !== undefined && due < at; due = wakeGroupAt(current))
      feed(undefined, TIME, due)
    feed(to, input, at)
  }
  return { lines, group: current }
}

const rolesOf = (group: Group) => [...group.values()].map(({ phase }) => phase.role)

t.test('a sync group goes up together, once none of its members hears a better master', async t => {
  const both = playGroup(newGroup('in', 'out'), [
    [0, undefined, START],
    [1000, 'out', hears(250)],
    [4000, undefined, TIME],
  ])
  t.same(rolesOf(both.group), ['backup', 'backup'], 'in would, out must not')
  const later = playGroup(both.group, [[4300, undefined, TIME]])
  t.same(rolesOf(later.group), ['master', 'master'])
  t.match(later.lines[0], /^4218.75: in .*acquire.*, out .*acquire/)
})

t.test('a sync group comes down together: by a better master, a fault, a stop', async t => {
  const up = playGroup(newGroup('in', 'out'), [
    [0, undefined, START],
    [3300, undefined, TIME],
  ]).group
  t.same(rolesOf(up), ['master', 'master'])
  const outranked = playGroup(up, [[3400, 'in', hears(250)]])
  t.same(outranked.lines, [
    '3400: in release, in master → backup (outranked), out release, out advert 0, out master → backup (group)',
  ])
  const fault: Input = { kind: 'fault', name: 'eth1', why: 'eth1 is down' }
  const down = playGroup(up, [[3400, 'out', fault]])
  t.same(rolesOf(down.group), ['fault', 'fault'])
  t.match(describeState(down.group.get('in') as State, ms(3400)), /out, of the same sync group: eth1 is down/)
  const over = playGroup(down.group, [[3500, 'out', { kind: 'fault_over', name: 'eth1' }]])
  t.same(rolesOf(over.group), ['backup', 'backup'])
  const stopped = playGroup(up, [[3400, undefined, STOP]])
  t.same(rolesOf(stopped.group), ['initialize', 'initialize'])
  t.equal(wakeGroupAt(stopped.group), undefined)
})

t.test('a takeover of a sync group is all or nothing', async t => {
  const started = playGroup(newGroup('in', 'out'), [
    [0, undefined, START],
    [100, 'in', hears(100)],
  ]).group
  t.same(rolesOf(playGroup(started, [[200, 'in', { kind: 'takeover' }]]).group), ['master', 'master'])
  const kept = playGroup(started, [
    [150, 'out', hears(250)],
    [200, undefined, { kind: 'takeover' }],
  ])
  t.same(rolesOf(kept.group), ['backup', 'backup'])
  t.match(kept.lines, [/^200: out refused/])
})

t.test('a sync group is never half master, whatever its members hear', async () => {
  const outer: fc.Arbitrary<Input> = anyInput.filter(
    input => input.kind !== 'setup' && input.kind !== 'claim' && input.kind !== 'yield',
  )
  const script = fc.array(
    fc.tuple(fc.constantFrom(0, 1, 900, 4000), fc.constantFrom('a', 'b', 'c', undefined), outer),
    {
      maxLength: 60,
    },
  )
  fc.assert(
    fc.property(script, moments => {
      let group: Group = newGroup('a', 'b', 'c')
      let now = 0
      group = stepGroup(group, undefined, START, ms(now))[0]
      for (const [gap, to, input] of moments) {
        now += gap
        group = stepGroup(group, to, input, ms(now))[0]
        const masters = rolesOf(group).filter(role => role === 'master').length
        if (masters !== 0 && masters !== group.size) return false
      }
      return true
    }),
    { numRuns: 300 },
  )
})
