// One relay thread: waits in epoll, moves bytes, obeys commands, tells endings. Starts when it is loaded as a worker.
// Never returns to its event loop: an eventfd in the same epoll wakes it for commands.

import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { createBatch } from '../linux/batch.js'
import { calm, createEpoll } from '../linux/epoll.js'
import { type Libc, loadLibc } from '../linux/libc.js'
import { createPipes } from '../linux/pipes.js'
import { createSockets } from '../linux/sockets.js'
import { type Command, type Ending, type NativeTable, STATE, type Told, type WorkerInput } from './native-table.js'
import { createAnswers } from './worker-answers.js'
import { createDeaths } from './worker-death.js'
import { createLane } from './worker-lane.js'
import { createQueries } from './worker-queries.js'
import { createRound, NO_ROUND } from './worker-round.js'
import { createSilences } from './worker-silence.js'
import { createSleep } from './worker-sleep.js'
import { createSplice } from './worker-splice.js'
import { createStreams, NO_STREAMS } from './worker-stream.js'

const EVENTS = 256
const WAKE = -1

function run({ table, wake, epoll: fd, spin, batched, port }: WorkerInput & { readonly port: MessagePort }): void {
  const libc = loadLibc()
  const sockets = createSockets(libc)
  const epoll = createEpoll(libc, EVENTS, fd)
  const errno = epoll.add(wake, WAKE, 0, 'reading')
  if (errno !== 0) throw new Error(`epoll_ctl: errno ${errno}`)
  const { descriptor, generation, state } = table
  const now = () => performance.now()
  const endings: Ending[] = []

  /** By end: that it can be written to is told. */
  const writing = new Uint8Array(state.length)
  const over = (ending: Ending) => {
    silences.forget(ending.slot)
    queries.forget(ending.slot)
    writing.fill(0, 2 * ending.slot, 2 * ending.slot + 2)
    endings.push(ending)
  }
  const answers = createAnswers(table, now)
  const deaths = createDeaths({ libc, sockets, table, now, lane: () => lane, over })
  const fail = (end: number, errno: number, call: Ending['call']) => {
    answers.left(end)
    deaths.fail(end, errno, call)
  }
  const ended = (slot: number) => over(inOrder(slot))
  const blocked = (end: number) => {
    if (writing[end] === 1) return
    writing[end] = 1
    listen(end)
  }
  const listen = (end: number) => {
    const reading = ((state[end] ?? 0) & STATE.streaming) === 0
    epoll.change(descriptor[end] ?? -1, end, generation[end >> 1] ?? 0, { reading, writing: writing[end] === 1 })
  }
  const later = (end: number) => round.add(end)
  const queries = createQueries(table)
  const passed = (end: number, bytes: Uint8Array, start: number, length: number) => {
    answers.look(end, bytes, start, length)
    queries.look(end, bytes, start, length)
  }
  const handed = (end: number, bytes: Uint8Array) => queries.look(end, bytes, 0, bytes.length)
  const pipes = createPipes(libc)
  const lane = createLane({
    libc,
    sockets,
    table,
    fail,
    ended,
    blocked,
    left: answers.left,
    passed,
    handed,
    unseen: answers.unseen,
    later,
    watched: queries.watches,
    splice: () => splice,
    streams: () => streams,
  })
  const batch = batched ? createBatch(libc) : undefined
  const round = batch ? createRound({ batch, table, fail, lane: () => lane }) : NO_ROUND
  const splice = createSplice({ libc, pipes, table, fail, blocked, lane: () => lane })
  const streams = epoll.canWaitFinely() ? createStreams({ table, now, listen, pump: lane.pump }) : NO_STREAMS
  const silences = createSilences(sockets, table)
  const sleep = createSleep(epoll, spin, now)

  /** Closes a session whose both ends have ended. */
  function inOrder(slot: number): Ending {
    for (const end of [2 * slot, 2 * slot + 1]) closeInOrder(libc, table, end)
    lane.forget(slot)
    return { slot, by: (state[2 * slot] ?? 0) & STATE.first ? 'session' : 'link', errno: 0, call: 'read' }
  }

  const isAlive = (end: number) => (descriptor[end] ?? -1) >= 0 && ((state[end] ?? 0) & STATE.dying) === 0

  function obey(command: Command): void {
    const { slot } = command
    if (command.kind === 'attach') attach(command)
    else if (command.kind !== 'cut') throw new Error(`unknown command ${JSON.stringify(command)}`)
    else if (generation[slot] === command.generation && (descriptor[2 * slot] ?? -1) >= 0) deaths.cut(slot)
  }

  function attach({ slot, toLink, toSession, failed }: Command & { kind: 'attach' }): void {
    if ((table.queries[slot] ?? -1) >= 0) queries.watch(slot)
    const [session, link] = [2 * slot, 2 * slot + 1]
    if (toLink) lane.first(link, toLink)
    if (toSession) lane.first(session, toSession)
    // Only now, when both ends are owed what was handed over: a flush that fails passes on what the failed end had still sent.
    for (const end of [link, session]) if (isAlive(end)) lane.flush(end)
    for (const end of [session, link]) {
      const fd = descriptor[end] ?? -1
      // The session is over already: what is noted from here on would be the slot's next one's.
      if (fd < 0) continue
      writing[end] = 1
      const errno = epoll.add(fd, end, generation[slot] ?? 0)
      if (errno !== 0) fail(end, errno, 'read')
    }
    if (failed && isAlive(2 * slot + failed.end)) fail(2 * slot + failed.end, failed.errno, failed.call)
  }

  function event(index: number): void {
    const end = epoll.key(index)
    if (end === WAKE) {
      calm(libc, wake)
      for (let told = receiveMessageOnPort(port); told; told = receiveMessageOnPort(port)) obey(told.message)
      return
    }
    // Late news of a descriptor that has been closed, maybe of a slot that is another session's by now.
    if (generation[end >> 1] !== epoll.generation(index) || (descriptor[end] ?? -1) < 0) return
    if ((state[end] ?? 0) & STATE.dying) deaths.advance(end >> 1)
    else lane.happened(end, epoll.events(index))
  }

  function turn(): void {
    const count = sleep(
      lane.busy() ? 'not' : deaths.count() > 0 ? 'short' : silences.armed() ? 'second' : 'long',
      streams.due(),
    )
    answers.turn()
    round.open(count)
    for (let index = 0; index < count; index++) event(index)
    round.run()
    lane.goOn()
    streams.look()
    if (!streams.any()) pipes.close()
    if (deaths.count() > 0) deaths.sweep()
    silences.look(now(), count > 0)
    if (endings.length > 0) port.postMessage(endings.splice(0) satisfies Told)
  }

  port.postMessage('ready' satisfies Told)
  try {
    while (Atomics.load(table.control, 0) === 0) turn()
  } finally {
    batch?.close()
    pipes.close()
  }
  port.close()
}

function closeInOrder(libc: Libc, { descriptor }: NativeTable, end: number): void {
  const fd = descriptor[end] ?? -1
  // Before the close, so that nobody closes a descriptor that has been given to somebody else.
  descriptor[end] = -1
  if (fd >= 0) libc.close(fd)
}

run(workerData)
