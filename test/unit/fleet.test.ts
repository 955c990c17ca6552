// The proxies of a scope, as one of them sees them: what is written, what is read, and what is warned of.

import t from 'tap'
import { type FleetInput, fleetStatus, newFleet, stepFleet } from '../../src/fleet/fleet.js'
import { type ProxyRecord, type Published, publish, readRecord } from '../../src/fleet/record.js'
import { epochMs, ms } from '../../src/units/units.js'

const record = (more: Partial<ProxyRecord> = {}): ProxyRecord => ({
  version: '0.1.0',
  startedAt: epochMs(1000),
  listen: { write: '0.0.0.0:5000' },
  gate: { kind: 'open', member: 'pg1' },
  sessions: 3,
  digest: 'aaaa',
  holds: [],
  ...more,
})

const listed = (proxies: Readonly<Record<string, ProxyRecord>>): FleetInput => ({
  kind: 'listed',
  texts: new Map(Object.entries(proxies).map(([name, one]) => [name, JSON.stringify(one)])),
})

/** Plays lines of time and input on the view of proxy1, and tells what it sees at the end. */
function play(lines: readonly (readonly [number, FleetInput])[], own = record()) {
  let state = newFleet('demo', 'proxy1')
  const told: string[] = []
  let at = 0
  for (const [when, input] of lines) {
    at = when
    const [next, events] = stepFleet(state, input, ms(at))
    state = next
    told.push(...events.map(event => ('proxy' in event ? `${event.kind} ${event.proxy}` : event.kind)))
  }
  return { told, ...fleetStatus(state, own, ms(at)) }
}

t.test('a text is written anew for what matters, and for numbers only once they are old', async t => {
  const first = publish(undefined, record(), ms(0))
  const after = (before: Published, more: Partial<ProxyRecord>, at: number) => publish(before, record(more), ms(at))
  t.equal(after(first, { sessions: 9 }, 29_999), first, 'sessions come and go')
  t.not(after(first, { sessions: 9 }, 30_000), first)
  t.equal(after(first, {}, 99_000), first, 'the same is never written twice')
  for (const more of [{ gate: { kind: 'closed', why: 'x' } }, { holds: ['10.0.0.9/24'] }, { digest: 'b' }] as const)
    t.not(after(first, more, 1), first, Object.keys(more).join())
  const closed = after(first, { gate: { kind: 'closed', why: 'for 1s' } }, 1)
  t.equal(after(closed, { gate: { kind: 'closed', why: 'for 2s' } }, 2), closed, 'a time that grows is no news')
})

t.test('what is written is read again; what is not ours to read is nothing', async t => {
  const closed = record({ gate: { kind: 'closed', why: 'no leader key' }, holds: ['10.0.0.9/24'] })
  for (const one of [record(), closed]) t.same(readRecord(JSON.stringify(one)), one)
  for (const text of ['', '{', 'null', '[]', '{"version":1}', '{"version":"2"}']) t.equal(readRecord(text), undefined)
  t.match(readRecord('{"version":"9","digest":"x","gate":7,"holds":[1,"a"],"listen":{"w":5}}'), {
    gate: { kind: 'closed' },
    holds: ['a'],
    listen: { w: '5' },
    sessions: 0,
  })
})

t.test('every proxy is shown, our own as it is now; who comes and goes is told once', async t => {
  const seen = play(
    [
      [1, listed({ proxy1: record({ sessions: 1 }), proxy2: record() })],
      [2, listed({ proxy1: record(), proxy2: record() })],
      [3, listed({ proxy1: record() })],
      [4, listed({ proxy3: record(), proxy1: record() })],
    ],
    record({ sessions: 7 }),
  )
  t.same(
    seen.proxies.map(({ name, self, sessions }) => [name, self, sessions]),
    [
      ['proxy1', true, 7],
      ['proxy3', false, 3],
    ],
  )
  t.same(seen.told, ['proxy_appeared proxy2', 'proxy_gone proxy2', 'proxy_appeared proxy3'])
  t.same(seen.warnings, [])
})

t.test('without etcd the others are not known, and nothing is warned of', async t => {
  t.match(play([]), { unknown: 'etcd has not answered yet', proxies: [{ name: 'proxy1' }] })
  const other = listed({ proxy1: record(), proxy2: record({ digest: 'bbbb' }) })
  const silent = play([
    [1, other],
    [2, { kind: 'silent', why: 'etcd a: no answer' }],
  ])
  t.match(silent, { unknown: 'etcd a: no answer', proxies: [{ name: 'proxy1' }], warnings: [] })
  t.equal(silent.proxies.length, 1)
  t.equal(
    play([
      [1, { kind: 'silent', why: 'x' }],
      [2, other],
    ]).proxies.length,
    2,
    'and known again',
  )
})

t.test('configurations that differ are warned of, but not those of two versions', async t => {
  const [warning] = play([[1, listed({ proxy2: record({ digest: 'bbbb' }) })]]).warnings
  t.match(warning, /^configurations differ \(proxy1 aaaa, proxy2 bbbb\): compare the files, and reload/)
  t.same(play([[1, listed({ proxy2: record({ digest: 'bbbb', version: '0.2.0' }) })]]).warnings, [])
})

t.test('two that hold one address are warned of once it has lasted longer than a move, or a lease', async t => {
  const holds = ['10.77.0.100/24']
  const both = listed({ proxy1: record({ holds }), proxy2: record({ holds }) })
  const one = listed({ proxy1: record({ holds }), proxy2: record() })
  t.same(
    play(
      [
        [0, both],
        [7999, both],
      ],
      record({ holds }),
    ).warnings,
    [],
  )
  t.match(
    play(
      [
        [0, both],
        [8000, both],
      ],
      record({ holds }),
    ).warnings,
    [/^proxy1 and proxy2 have both held 10\.77\.0\.100\/24 for 8s: their sidecars do not hear one another; look at/],
  )
  t.same(
    play(
      [
        [0, both],
        [5000, one],
        [9000, both],
      ],
      record({ holds }),
    ).warnings,
    [],
    'the time counts anew',
  )
})

t.test('a name that is used twice is warned of, once a predecessor would have given it up', async t => {
  const key = (whose: 'ours' | 'other'): FleetInput => ({ kind: 'key', whose })
  const all = listed({ proxy1: record() })
  t.same(
    play([
      [0, key('other')],
      [7000, all],
    ]).warnings,
    [],
  )
  t.match(
    play([
      [0, key('other')],
      [8000, all],
    ]).warnings,
    [/goes by the name proxy1 too.*fleet\.name/],
  )
  t.same(
    play([
      [0, key('other')],
      [8000, key('ours')],
      [9000, all],
    ]).warnings,
    [],
  )
})
