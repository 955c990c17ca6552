// Several endpoints: who is asked, who is in use, why one was left. Sessions are words that answer or fail when the test says so.

import t from 'tap'
import { createEndpoints } from '../../src/asking/endpoints.js'
import { ms } from '../../src/units/units.js'

interface Session {
  readonly name: string
  closed: boolean
  close(): void
}

const HEAD_START = 5

function stand(names: readonly string[]) {
  const opened: Session[] = []
  const moves: string[] = []
  const endpoints = createEndpoints<Session>(names, {
    now: () => ms(0),
    open(name) {
      if (name === 'broken') throw new Error('a file cannot be read')
      const session: Session = { name, closed: false, close: () => (session.closed = true) }
      opened.push(session)
      return session
    },
    words: (_, error) => (error as Error).message,
    moved: (from, to, why) => moves.push(`${from} → ${to}: ${why}`),
    headStart: HEAD_START,
  })
  const asks = async (fate: (name: string) => Promise<string>) =>
    (await endpoints.ask(({ name }) => fate(name)))?.answer
  return { endpoints, opened, moves, asks }
}

const fails = (why: string) => Promise.reject(new Error(why))
const never = () => new Promise<string>(() => {})

t.test('the one in use is asked alone; the first answer decides which that is', async t => {
  const { endpoints, opened, asks } = stand(['a', 'b'])
  t.equal(await asks(async name => `${name} says`), 'a says')
  t.equal(await asks(async name => `${name} again`), 'a again')
  t.same(
    opened.map(one => one.name),
    ['a'],
    'nobody else, and no second session',
  )
  t.same(endpoints.status(), [
    { name: 'a', state: 'in use' },
    { name: 'b', state: 'standing by' },
  ])
})

t.test('one that fails is left for the next, which is told with the reason; its session is closed', async t => {
  const { endpoints, opened, moves, asks } = stand(['a', 'b'])
  await asks(async name => name)
  t.equal(await asks(name => (name === 'a' ? fails('gone') : Promise.resolve(name))), 'b')
  t.same(moves, ['a → b: gone'])
  t.equal(endpoints.moves(), 1)
  t.ok(opened[0]?.closed)
  t.match(endpoints.status(), [{ state: 'failed', why: 'gone' }, { state: 'in use' }])
})

t.test('one that says nothing is left after its head start', async t => {
  const { endpoints, moves, asks } = stand(['a', 'b'])
  await asks(async name => name)
  t.equal(await asks(name => (name === 'a' ? never() : Promise.resolve(name))), 'b')
  t.same(moves, [`a → b: no answer within ${HEAD_START}ms`])
  t.equal(endpoints.inUse()?.session.name, 'b')
})

t.test('where nobody answers the reasons are one line, once where they are the same', async t => {
  const { endpoints, opened, asks } = stand(['a', 'b'])
  t.equal(await asks(() => fails('no answer in time')), undefined)
  t.equal(endpoints.whySilent(), 'a, b: no answer in time')
  t.ok(opened.every(one => one.closed))
  const mixed = stand(['broken', 'b'])
  await mixed.asks(() => fails('refused'))
  t.equal(mixed.endpoints.whySilent(), 'broken: a file cannot be read; b: refused')
})

t.test('an endpoint that is left while its answer is under way is not in use by that answer', async t => {
  const { endpoints, asks } = stand(['a'])
  await asks(async name => name)
  const answer = asks(async name => {
    endpoints.leave('its watch is silent')
    return name
  })
  t.equal(await answer, undefined)
  t.equal(endpoints.inUse(), undefined)
  t.equal(await asks(async name => `${name} anew`), 'a anew')
})

t.test('who stands by is looked in on: its failure and its return are shown, and who is in use stays', async t => {
  const { endpoints, opened, asks, moves } = stand(['a', 'b', 'broken'])
  let well = true
  const look = () => endpoints.lookIn(async ({ name }) => (well ? name : fails(`${name} is down`)))
  await look()
  t.equal(opened.length, 0, 'nobody is asked while none is in use')
  await asks(async name => name)
  well = false
  await look()
  t.same(endpoints.status(), [
    { name: 'a', state: 'in use' },
    { name: 'b', state: 'failed', why: 'b is down' },
    { name: 'broken', state: 'failed', why: 'a file cannot be read' },
  ])
  well = true
  await look()
  t.same(endpoints.status()[1], { name: 'b', state: 'standing by' })
  t.same(moves, [])
  endpoints.close()
  t.ok(opened.every(one => one.closed))
})

t.test('a kept session that fails is no proof: a fresh one decides', async t => {
  const { endpoints, opened, asks } = stand(['a', 'b'])
  await asks(async name => name)
  const expired = new Set<Session>()
  const look = () =>
    endpoints.lookIn(async session => (expired.has(session) ? fails('its token is old') : session.name))
  await look()
  for (const session of opened) expired.add(session)
  await look()
  t.equal(endpoints.status()[1]?.state, 'standing by')
  t.same(
    opened.slice(1).map(({ closed }) => closed),
    [true, false],
    'the old one is closed',
  )
})

t.test('after close() nothing is in use and nothing stays open', async t => {
  const { endpoints, opened, asks } = stand(['a', 'b'])
  await asks(async name => name)
  const late = asks(async name => {
    endpoints.close()
    return name
  })
  t.equal(await late, undefined)
  t.ok(opened.every(one => one.closed))
})
