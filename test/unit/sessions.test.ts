import fc from 'fast-check'
import t from 'tap'
import type { Event } from '../../src/events/event.js'
import { createByteTotals } from '../../src/sessions/byte-totals.js'
import { ENDS } from '../../src/sessions/end.js'
import { Group } from '../../src/sessions/group.js'
import { createRate } from '../../src/sessions/rate.js'
import { Round } from '../../src/sessions/round.js'
import { createTable, type Row, type SessionState, STATES } from '../../src/sessions/table.js'
import { createTally } from '../../src/sessions/tally.js'
import { bytes, ms } from '../../src/units/units.js'

const row = (id: number, more: Partial<Row> = {}): Row => ({
  id,
  place: -1,
  listen: 'read',
  cluster: 'demo',
  host: '10.0.0.1',
  acceptedAt: ms(0),
  member: undefined,
  state: 'startup',
  ...more,
})

const NO_LIMITS = { all: 1000, listen: 'auto' as const, maxPerAddress: 0 }

t.test(
  'a round visits each of a group once in its time, at each call those whose turn comes before the next',
  async t => {
    const group = new Group<{ name: number; place: number }>()
    for (let name = 0; name < 10; name++) group.add({ name, place: -1 })
    const round = new Round(group)
    const visit = (step: number) => {
      const seen: number[] = []
      round.go(step, ({ name }) => seen.push(name))
      return seen
    }
    t.equal(round.left(), 0)
    round.begin(1000)
    t.strictSame([visit(100), visit(250), visit(0), visit(250), visit(400)], [[9], [8, 7, 6], [], [5, 4], [3, 2, 1, 0]])
    t.equal(round.left(), 0)
    round.begin(2000)
    t.strictSame(visit(5000).length, 10, 'the next one may take other steps')

    const few = new Round(new Group<{ place: number }>())
    few.begin(300)
    few.go(100, () => t.fail('nobody is there'))
    t.equal(few.left(), 200, 'it takes as long with nobody there')
  },
)

t.test('a round passes nobody over who stays, whoever comes and goes meanwhile', async t => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 30 }),
      fc.integer({ min: 1, max: 8 }),
      fc.array(fc.array(fc.nat(40), { maxLength: 4 }), { minLength: 8, maxLength: 8 }),
      (count, calls, leaving) => {
        const group = new Group<{ name: number; place: number }>()
        const rows = Array.from({ length: count }, (_, name) => ({ name, place: -1 }))
        for (const row of rows) group.add(row)
        const round = new Round(group)
        const seen = new Set<number>()
        round.begin(calls * 100)
        for (let call = 0; call < calls; call++) {
          round.go(100, ({ name }) => seen.add(name))
          for (const name of leaving[call] ?? []) {
            const row = rows[name]
            if (row && row.place >= 0) group.delete(row)
          }
          group.add({ name: 1000 + call, place: -1 })
        }
        return rows.every(({ name, place }) => place < 0 || seen.has(name))
      },
    ),
  )
  t.pass()
})

t.test('each of a group has its turn, whoever leaves it and comes meanwhile', async t => {
  const group = new Group<{ name: string; place: number }>()
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(name => ({ name, place: -1 }))
  for (const row of [a, b, c]) if (row) group.add(row)
  const seen = new Set<string>()
  for (const row of group) {
    seen.add(row.name)
    if (row === c) {
      for (const gone of [c, b]) if (gone) group.delete(gone)
      if (d) group.add(d)
    }
  }
  t.ok(seen.has('a'))
  t.notOk(seen.has('b'), 'one that has left before its turn has none')
  t.equal(group.size, 2)
  t.strictSame(new Set([...group].map(({ name }) => name)), new Set(['a', 'd']))
  t.equal(b?.place, -1)
})

t.test('the table of sessions', async t => {
  t.test('counts a session in its state, its listener and on its member, as it moves', async t => {
    const table = createTable<Row>()
    const one = row(1)
    table.add(one)
    t.equal(table.count('read', 'startup'), 1)
    table.move(one, 'dialing', 'pg2')
    t.equal(table.on('demo', 'pg2'), 1)
    table.move(one, 'joined', 'pg3')
    t.equal(table.on('demo', 'pg2'), 0)
    t.equal(table.on('demo', 'pg3'), 1)
    t.equal(table.on('other', 'pg3'), 0, 'a member of another cluster with the same name is another')
    table.remove(one)
    t.equal(table.size(), 0)
    t.equal(table.on('demo', 'pg3'), 0)
    table.remove(one)
    table.move(one, 'joined', 'pg3')
    t.equal(table.on('demo', 'pg3'), 0, 'one that is gone stays gone')
  })

  t.test('names the limit that forbids one more', async t => {
    const table = createTable<Row>()
    for (const id of [1, 2]) table.add(row(id))
    t.equal(table.refusal(row(3), NO_LIMITS), undefined)
    t.equal(table.refusal(row(3), { ...NO_LIMITS, all: 2 }), 'session.max is 2')
    t.equal(table.refusal(row(3), { ...NO_LIMITS, listen: 2 }), 'listen.read.max is 2')
    t.equal(table.refusal(row(3, { listen: 'write' }), { ...NO_LIMITS, listen: 2 }), undefined)
    t.match(table.refusal(row(3), { ...NO_LIMITS, maxPerAddress: 2 }), /maxPerAddress is 2, and 10.0.0.1/)
    t.equal(
      table.refusal(row(3, { host: '' }), { ...NO_LIMITS, maxPerAddress: 2 }),
      undefined,
      'a Unix socket has no address',
    )
  })

  t.test('keeps the most at one time, and who came', async t => {
    const table = createTable<Row>()
    t.strictSame(table.arrivals('read', ms(0)), { total: 0, rate: 0, mostRate: 0 })
    const rows = [1, 2, 3].map(id => row(id, { acceptedAt: ms(id * 100) }))
    for (const one of rows) {
      table.add(one)
      table.move(one, 'held')
    }
    for (const one of rows.slice(0, 2)) table.move(one, 'joined', 'pg2')
    for (const one of rows) table.move(one, 'closing')
    t.strictSame(table.most('read'), { open: 3, held: 3 })
    t.equal(table.mostOn('demo', 'pg2'), 2)
    t.strictSame(table.arrivals('read', ms(900)), { total: 3, rate: 3, mostRate: 3, lastAgo: 600 })
    table.add(row(4, { state: 'closing' }))
    t.equal(table.most('read').open, 3, 'one that is turned away holds no place')
    t.equal(table.arrivals('read', ms(900)).total, 4, 'but came')
    t.strictSame(table.most('write'), { open: 0, held: 0 })
  })

  t.test('a client behind a balancer counts for its own address once that is known, and for nobody before', async t => {
    const table = createTable<Row>()
    const [one, two] = [row(1, { host: '' }), row(2)]
    table.add(one)
    table.add(two)
    t.equal(table.refusalOfHost('10.0.0.9', 1), undefined)
    table.identify(one, '10.0.0.9')
    t.match(table.refusalOfHost('10.0.0.9', 1), /maxPerAddress is 1, and 10.0.0.9/)
    table.remove(one)
    t.equal(table.refusalOfHost('10.0.0.9', 1), undefined)
    table.identify(one, '10.0.0.1')
    t.equal(table.refusalOfHost('10.0.0.1', 2), undefined, 'one that is gone stays gone')
  })

  t.test('agrees with a recount after any moves', async () => {
    const move = fc.record({
      id: fc.integer({ min: 1, max: 8 }),
      to: fc.constantFrom<SessionState | 'add' | 'remove'>(...STATES, 'add', 'remove'),
      member: fc.option(fc.constantFrom('pg1', 'pg2'), { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60 }), moves => {
        const table = createTable<Row>()
        const rows = new Map<number, Row>()
        for (const { id, to, member } of moves) {
          const known = rows.get(id)
          if (to === 'add') {
            if (known) continue
            rows.set(id, row(id))
            table.add(rows.get(id) ?? row(id))
          } else if (known && to === 'remove') {
            table.remove(known)
            rows.delete(id)
          } else if (known && to !== 'remove') table.move(known, to, member)
        }
        const all = [...rows.values()]
        return (
          table.size() === all.length &&
          table.descriptors() === all.length + table.in('dialing').size + table.in('joined').size &&
          STATES.every(state => table.in(state).size === all.filter(one => one.state === state).length) &&
          STATES.every(state => [...table.in(state)].every(one => one.state === state && all.includes(one))) &&
          all.every(one => table.get(one.id) === one) &&
          STATES.every(state => table.count('read', state) === table.in(state).size) &&
          ['pg1', 'pg2'].every(name => table.on('demo', name) === all.filter(one => one.member === name).length)
        )
      }),
    )
  })
})

t.test('the list of ends names each once', async t => {
  t.equal(new Set(ENDS).size, ENDS.length)
})

t.test('a rate is that of the last second; its maximum that of any second of the clock', async t => {
  const rate = createRate()
  t.equal(rate.now(ms(5000)), 0)
  for (let at = 10_000; at < 11_000; at += 100) rate.note(ms(at))
  t.equal(rate.now(ms(10_999)), 10)
  t.equal(rate.now(ms(11_500)), 5, 'half of that second is over a second ago')
  t.equal(rate.now(ms(12_000)), 0)
  rate.note(ms(20_000))
  t.equal(rate.now(ms(20_000)), 1)
  t.equal(rate.most(), 10)
})

const here = { listen: 'read', client: '10.0.0.7:1' }
const on = (member: string) => ({ cluster: 'demo', member })

t.test('the tally counts what events say, for each listener and each member', async t => {
  const tally = createTally(() => 'demo')
  const none = {
    joined: 0,
    rate: 0,
    mostRate: 0,
    cut: 0,
    failedDials: 0,
    checks: 0,
    failedChecks: 0,
    downs: 0,
    downFor: 0,
  }
  t.strictSame(tally.listener('read'), { held: 0, ended: {}, failedDials: 0, retries: 0 })
  t.strictSame(tally.member('demo', 'pg2', ms(0)), none)
  const events: readonly Event[] = [
    { kind: 'session_held', ...here, why: '' },
    { kind: 'dial_failed', ...here, ...on('pg3'), why: '' },
    { kind: 'session_joined', ...here, member: 'pg2', heldFor: ms(5), connectTook: ms(1), retries: 1 },
    { kind: 'sessions_cut', ...here, ...on('pg2'), count: 4, end: 'cut_promoted' },
    { kind: 'session_refused', ...here, end: 'refused_limit', message: '' },
    { kind: 'session_refused', ...here, end: 'refused_limit', message: '' },
    { kind: 'probed', ...on('pg2'), took: ms(1), said: 'recovery' },
    { kind: 'probed', ...on('pg2'), took: ms(1), said: 'unasked' },
  ]
  for (const event of events) tally.hear(event, ms(0))
  t.strictSame(tally.listener('read'), { held: 1, ended: { refused_limit: 2 }, failedDials: 1, retries: 1 })
  t.strictSame(tally.member('demo', 'pg2', ms(0)), {
    ...none,
    ...{ joined: 1, rate: 1, mostRate: 1, lastAgo: 0 },
    ...{ cut: 4, checks: 2, failedChecks: 1 },
  })
  t.match(tally.member('demo', 'pg2', ms(5000)), { joined: 1, rate: 0, mostRate: 1, lastAgo: 5000 })
  t.strictSame(tally.member('demo', 'pg3', ms(0)), { ...none, failedDials: 1 })
  t.strictSame(tally.member('other', 'pg2', ms(0)), none, 'a member of another cluster with the same name is another')
})

t.test('the time a member was down is summed up, the running one too, and forgotten with it', async t => {
  const tally = createTally(() => 'demo')
  const down = (at: number) => tally.hear({ kind: 'member_down', ...on('pg2'), why: '' }, ms(at))
  const up = (at: number) => tally.hear({ kind: 'member_up', ...on('pg2') }, ms(at))
  up(0)
  down(100)
  up(300)
  down(1000)
  t.match(tally.member('demo', 'pg2', ms(1500)), { downs: 2, downFor: 700 })
  up(2000)
  t.match(tally.member('demo', 'pg2', ms(9000)), { downs: 2, downFor: 1200 })
  tally.hear({ kind: 'member_forgotten', ...on('pg2'), why: '' }, ms(9000))
  t.match(tally.member('demo', 'pg2', ms(9000)), { downs: 0, downFor: 0 })
})

t.test('bytes never fall: open sessions count as they go, and once when they end', async t => {
  const totals = createByteTotals()
  const moved = (fromClient: number) => ({
    listen: 'read',
    member: 'pg1',
    fromClient: bytes(fromClient),
    fromMember: bytes(1),
  })
  const up = (open: readonly number[], known = true) => totals.now(open.map(moved), () => known)[0]?.fromClient
  t.equal(up([60]), 60)
  t.equal(up([]), 60, 'between leaving the table and its event')
  totals.ended(moved(100))
  t.equal(up([]), 100)
  t.equal(up([5, 2]), 107)
  t.equal(up([5, 2], false), 107, 'a forgotten member with open sessions stays')
  t.equal(up([], false), undefined, 'then it goes')
})

t.test('queries are added up where they are counted, and absent where they are not', async t => {
  const totals = createByteTotals()
  const moved = (queries?: number) => ({
    listen: 'read',
    member: 'pg1',
    fromClient: bytes(1),
    fromMember: bytes(1),
    ...(queries === undefined ? {} : { queries }),
  })
  const now = (...open: (number | undefined)[]) => totals.now(open.map(moved), () => true)[0]?.queries
  t.equal(now(undefined), undefined)
  t.equal(now(undefined, 3), 3, 'one under TLS beside one in plaintext')
  t.equal(now(), 3, 'between leaving the table and its event')
  totals.ended(moved(4))
  totals.ended(moved())
  t.equal(now(2), 6)
})
