import fc from 'fast-check'
import t from 'tap'
import { ENDS } from '../../src/sessions/end.js'
import { createTable, type Row, type SessionState, STATES } from '../../src/sessions/table.js'
import { ms } from '../../src/units/units.js'

const row = (id: number, more: Partial<Row> = {}): Row => ({
  id,
  listen: 'read',
  cluster: 'demo',
  host: '10.0.0.1',
  acceptedAt: ms(0),
  member: undefined,
  state: 'startup',
  ...more,
})

const NO_LIMITS = { all: 1000, listen: 'auto' as const, maxPerAddress: 0 }

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
          STATES.every(state => table.in(state).size === all.filter(one => one.state === state).length) &&
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
