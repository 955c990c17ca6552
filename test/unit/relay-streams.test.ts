// Which ends of the native relay stream, by what they give and when.

import t from 'tap'
import { createTable, STATE } from '../../src/relay/native-table.js'
import { createStreams } from '../../src/relay/worker-stream.js'

const END = 3
const KIB = 1024

/** An end that gives what it is told to, to a thread that looks when it is told to. */
function stage() {
  const table = createTable()
  const told: string[] = []
  let clock = 1000
  let arrived = 0
  const give = (bytes: number) => {
    table.taken[END] = (table.taken[END] ?? 0) + bytes
  }
  const isStreaming = () => ((table.state[END] ?? 0) & STATE.streaming) !== 0
  const streams = createStreams({
    table,
    now: () => clock,
    listen: end => told.push(`${end} is ${isStreaming() ? 'looked at' : 'listened to'}`),
    pump: () => give(arrived),
  })
  return {
    table,
    told,
    streams,
    read(bytes: number, after: number) {
      clock += after
      give(bytes)
      streams.took(END, bytes)
    },
    look(bytes: number, after = 0.2) {
      clock += after
      arrived = bytes
      streams.look()
    },
  }
}

t.test('an end that gives 256 KiB within a millisecond streams, until a look finds little', async t => {
  const { told, streams, read, look } = stage()
  for (let i = 0; i < 31; i++) read(8 * KIB, 0.03)
  t.same(told, [])
  t.equal(streams.due(), undefined)
  read(8 * KIB, 0.03)
  t.same(told, ['3 is looked at'])
  t.equal(streams.due()?.toFixed(3), '0.200')
  look(100 * KIB, 0.1)
  t.equal(streams.due()?.toFixed(3), '0.100', 'it is not time yet')
  look(100 * KIB, 0.1)
  look(100 * KIB)
  t.equal(streams.any(), true)
  look(31 * KIB)
  t.same(told, ['3 is looked at', '3 is listened to'])
  t.equal(streams.any(), false)
})

t.test('a large answer, or long reads that come slowly, are no stream', async t => {
  const { told, read } = stage()
  for (let i = 0; i < 100; i++) read(8 * KIB, 0.05)
  read(200 * KIB, 5)
  t.same(told, [])
})

t.test('a stream that paused goes on with its first long read, for a while', async t => {
  const { told, read, look } = stage()
  read(256 * KIB, 5)
  look(0)
  read(8 * KIB, 3)
  t.same(told, ['3 is looked at', '3 is listened to', '3 is looked at'])
  look(0)
  read(8 * KIB, 25)
  t.equal(told.length, 4)
})

t.test('a stream whose reader takes no more is not looked at, and goes on streaming', async t => {
  const { table, told, streams, read, look } = stage()
  read(256 * KIB, 5)
  table.state[END ^ 1] = STATE.blocked
  t.equal(streams.due(), undefined)
  look(0)
  table.state[END ^ 1] = 0
  look(50 * KIB)
  t.same(told, ['3 is looked at'])
})

t.test('a session that has ended leaves nothing to the next one in its place', async t => {
  const { table, told, streams, read } = stage()
  read(256 * KIB, 5)
  streams.forget(END >> 1)
  t.equal(streams.any(), false)
  t.equal(table.state[END], 0)
  table.taken[END] = 0
  read(8 * KIB, 1)
  t.same(told, ['3 is looked at'])
})
