// The parts of the native relay engine that decide something by time or by numbers alone.

import t from 'tap'
import { errorResponse } from '../../src/protocol/write.js'
import { heard, lastWords, parts } from '../../src/relay/last-words.js'
import { endOf, NativeSession } from '../../src/relay/native-session.js'
import { createTable, STATE } from '../../src/relay/native-table.js'
import type { RelayEnd } from '../../src/relay/relay.js'
import { createSilences } from '../../src/relay/worker-silence.js'
import { createSleep } from '../../src/relay/worker-sleep.js'

const table = createTable()

function silent(answers: (number | undefined)[]) {
  table.descriptor[0] = 10
  table.descriptor[1] = 11
  table.state[0] = STATE.owing
  table.state[1] = 0
  table.silence[0] = 0
  let asked = 0
  const silences = createSilences(
    {
      silence(fd) {
        if (fd !== 10) throw new Error('only the end that something was sent to is asked')
        return answers[asked++]
      },
    },
    table,
  )
  return { silences, asked: () => asked }
}

t.test('the silence of a peer counts from when it was first seen to owe, not from when it last spoke', async t => {
  const { silences } = silent([3_600_000, 3_601_000, 3_602_000, 5])
  const seen = [1000, 2000, 3000, 4000].map(now => {
    silences.look(now, false)
    return table.silence[0]
  })
  t.same(seen, [0, 1000, 2000, 5])
})

t.test('a peer that answers while its window is closed is not silent, and is looked at again', async t => {
  const { silences } = silent([4000, 0, 4000, 5000])
  const seen = [1000, 2000, 3000, 4000].map(now => {
    silences.look(now, false)
    return table.silence[0]
  })
  t.same(seen, [0, 0, 0, 1000])
  t.equal(silences.armed(), true)
})

t.test('who has acknowledged everything is not asked again until something is sent', async t => {
  const { silences, asked } = silent([undefined])
  silences.look(1000, true)
  t.equal(silences.armed(), false)
  silences.look(1500, false)
  silences.look(2500, false)
  t.equal(asked(), 1)
  t.equal((table.state[0] ?? 0) & STATE.owing, 0)
  silences.look(2600, true)
  t.equal(silences.armed(), true, 'something was moved: somebody may owe')
})

function sleeper(spin: number, counts: (timeout: number) => number) {
  let clock = 0
  const waits: number[] = []
  const sleep = createSleep(
    {
      waitFinely(timeout) {
        waits.push(timeout)
        return 0
      },
      wait(timeout) {
        waits.push(timeout)
        clock += timeout === 0 ? 0.01 : 5
        return counts(timeout)
      },
    },
    spin,
    () => clock,
  )
  return { sleep, waits }
}

t.test('without spin a thread sleeps at once, as long as its patience lets it', async t => {
  const { sleep, waits } = sleeper(0, () => 1)
  for (const patience of ['not', 'short', 'second', 'long'] as const) sleep(patience)
  t.same(waits, [0, 2, 1000, -1])
})

t.test('what is due soon shortens the sleep', async t => {
  const { sleep, waits } = sleeper(0, () => 1)
  sleep('long', 0.2)
  sleep('not', 0.2)
  sleep('second')
  t.same(waits, [0.2, 0, 1000])
})

t.test('with spin it looks for a while first, and stops looking when that is in vain', async t => {
  const { sleep, waits } = sleeper(0.05, timeout => (timeout === 0 ? 0 : 1))
  for (let i = 0; i < 8; i++) sleep('long')
  t.ok(waits.length > 8 * 4)
  waits.length = 0
  sleep('long')
  t.same(waits, [-1])
})

t.test(
  'a session tells its counts, its half-close and its end, also when its slot is another one’s by then',
  async t => {
    const endings: RelayEnd[] = []
    const cuts: number[] = []
    const name = { host: '10.0.0.5', port: 41_234 }
    const home = { table, cut: (slot: number) => cuts.push(slot), linkName: () => name }
    const session = new NativeSession(home, 3, { ended: end => endings.push(end) })
    t.same(session.linkName(), name)
    table.taken[6] = 12
    table.taken[7] = 34
    table.queries[3] = -1
    t.same(session.counts(), { fromSession: 12, fromLink: 34 }, 'no queries where none are counted')
    table.queries[3] = 5
    t.same(session.counts(), { fromSession: 12, fromLink: 34, queries: 5 })
    t.equal(session.halfClosed(), false)
    table.state[7] = STATE.ended | STATE.first
    t.equal(session.halfClosed(), true)
    table.state[6] = STATE.ended
    t.equal(session.halfClosed(), false)
    session.cut()
    session.finish(endOf({ slot: 3, by: 'link', errno: 104, call: 'read' }, errno => `E${errno}`))
    table.taken[6] = 0
    table.queries[3] = 0
    session.cut()
    t.same(endings, [{ by: 'link', error: 'read E104' }])
    t.same(session.counts(), { fromSession: 12, fromLink: 34, queries: 5 })
    t.same(cuts, [3])
    t.equal(session.stalledFor(), undefined)
    t.equal(session.linkName(), undefined)
  },
)

t.test(
  'of a link the first and the last answer are known, and when it began to part; what follows a parting word shows that it was none',
  async t => {
    const of = { first: [0], answered: [0], parted: [0] }
    const gives = (chunk: Uint8Array, at: number) =>
      heard(of, 0, new Uint8Array([1, 2, ...chunk, 3]), 2, chunk.length, at)
    const error = (severity: 'ERROR' | 'FATAL') => errorResponse({ severity, code: '57P01', message: 'terminating' })
    t.strictSame(lastWords(of, 0, 100), {}, 'none of it has come')
    gives(Buffer.from('D'), 110)
    gives(error('ERROR'), 120)
    t.strictSame(lastWords(of, 0, 200), { first: 90, answered: 80 }, 'an error is an answer')
    gives(error('FATAL'), 130)
    t.strictSame(lastWords(of, 0, 200), { first: 90, answered: 80, parted: 70 })
    gives(Buffer.from('Z'), 140)
    t.strictSame(lastWords(of, 0, 200), { first: 90, answered: 60 })
    gives(error('FATAL'), 150)
    parts(of, 0, 170)
    t.strictSame(lastWords(of, 0, 200), { first: 90, answered: 60, parted: 50 }, 'its end comes later than its word')
    gives(Buffer.from('Extended garbage\0'), 180)
    t.strictSame(lastWords(of, 0, 200), { first: 90, answered: 20 }, 'bytes that happen to begin like an error')
    const done = Buffer.from('C\0\0\0\x0dINSERT 1\0Z\0\0\0\x05I', 'latin1')
    gives(Buffer.concat([done, error('FATAL')]), 185)
    t.strictSame(lastWords(of, 0, 200), { first: 90, answered: 15, parted: 15 }, 'an answer and a parting word at once')
    gives(Buffer.concat([error('ERROR'), error('FATAL')]), 186)
    t.strictSame(lastWords(of, 0, 200), { first: 90, answered: 14, parted: 14 }, 'or an error and a parting word')
    for (const [what, chunk] of Object.entries({
      'an error that is none to part with': Buffer.concat([done, error('ERROR')]),
      'what is no message': Buffer.concat([Buffer.from('garbage'), error('FATAL')]),
      'a length that leads nowhere': Buffer.from('D\0\0\0\0\0\0', 'latin1'),
      'the beginning of a message': Buffer.from('D\0\0\x01\0\0\0', 'latin1'),
      'two zeros': Buffer.alloc(2),
    })) {
      gives(chunk, 190)
      t.strictSame(lastWords(of, 0, 200), { first: 90, answered: 10 }, what)
    }
  },
)
