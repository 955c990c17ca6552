// Serves many ends that have something to read with two system calls: one that reads from all of them, one that sends all of it on.
// A thread that makes a call for each is taken off its core by those it wakes, again and again; this one is not.
// Short messages only: an end that streams is the lane's.

import { type Batch, UNMADE } from '../linux/batch.js'
import { EAGAIN } from '../linux/libc.js'
import { type NativeTable, STATE } from './native-table.js'
import type { LaneDeps, RoundLane } from './worker-lane.js'

/** From so many ends on a round is less work than one end after the other. */
const WORTHWHILE = 3

export interface Round {
  /** Begins to collect, when so many events promise to be worth it. */
  open(events: number): void
  /** Collects the end; false where it must be served alone. */
  add(end: number): boolean
  /** Serves what was collected. */
  run(): void
}

/** Where there is no batch every end is served alone. */
export const NO_ROUND: Round = { open() {}, add: () => false, run() {} }

export interface RoundDeps {
  readonly batch: Batch
  readonly table: NativeTable
  readonly fail: LaneDeps['fail']
  lane(): RoundLane
}

export function createRound({ batch, table, fail, lane }: RoundDeps): Round {
  const { descriptor, state } = table
  const ends = new Int32Array(batch.places)
  const got = new Int32Array(batch.places)
  let count = 0
  let open = false
  let broken = false

  const fdOf = (end: number) => descriptor[end] ?? -1
  const isAlive = (end: number) => fdOf(end) >= 0 && ((state[end] ?? 0) & STATE.dying) === 0
  const bytesOf = (place: number, from: number, to: number) =>
    batch.bytes.subarray(place * batch.room + from, place * batch.room + to)

  /** Reads from all; gives how many places are in use. */
  function read(): number {
    let asked = 0
    for (let i = 0; i < count; i++) {
      const end = ends[i] ?? 0
      if (!isAlive(end) || !lane().mayRead(end)) continue
      ends[asked] = end
      batch.recv(asked++, fdOf(end))
    }
    count = 0
    if (!batch.run()) broken = true
    for (let place = 0; place < asked; place++) {
      got[place] = batch.result(place)
      const length = got[place] ?? 0
      if (length > 0) lane().took(ends[place] ?? 0, length, batch.bytes, place * batch.room)
    }
    return asked
  }

  /** Sends on what was read. What is not taken is kept before anything else can be sent to the same end. */
  function send(asked: number): void {
    for (let place = 0; place < asked; place++) {
      const length = got[place] ?? 0
      if (length <= 0) continue
      const peer = (ends[place] ?? 0) ^ 1
      state[peer] = (state[peer] ?? 0) | STATE.owing
      batch.send(place, fdOf(peer), length)
    }
    if (!broken && !batch.run()) broken = true
    for (let place = 0; place < asked; place++) {
      const length = got[place] ?? 0
      if (length <= 0) continue
      const sent = batch.result(place)
      const left = sent < 0 && sent !== -EAGAIN && sent !== UNMADE ? 0 : length - Math.max(0, sent)
      if (left > 0) lane().keep((ends[place] ?? 0) ^ 1, bytesOf(place, length - left, length))
    }
  }

  /** What became of one end's turn. */
  function settle(place: number): void {
    const end = ends[place] ?? 0
    const length = got[place] ?? 0
    if (!isAlive(end)) return
    if (length === UNMADE) lane().pump(end)
    else if (length <= 0) lane().none(end, length, -length)
    else {
      const sent = batch.result(place)
      if (sent === UNMADE) lane().flushed(end ^ 1)
      else if (sent < 0 && sent !== -EAGAIN) fail(end ^ 1, -sent, 'write')
      else if (sent === length) lane().readOn(end, length < batch.room)
    }
  }

  return {
    open(events) {
      open = !broken && events >= WORTHWHILE
    },
    add(end) {
      if (!open) return false
      if (count === batch.places) this.run()
      if (broken) return false
      ends[count++] = end
      return true
    },
    run() {
      if (count === 0) return
      const asked = read()
      send(asked)
      for (let place = 0; place < asked; place++) settle(place)
    },
  }
}
