// Which ends stream: they are looked at in intervals instead of at each arrival, so that one turn moves many small pieces of a sender.
// Knows rates and times. Moves no byte.

import { type NativeTable, STATE } from './native-table.js'

/** An end that gives so many bytes in long reads within so many ms streams from then on. */
const MUCH = 262_144
const WITHIN = 1
/** From one look to the next, in ms: what the end of a stream may be late by, and a receive window must last for. */
const INTERVAL = 0.2
/** A look that finds less is the last. */
const LITTLE = 32_768
/** A stream that stopped no longer ago, in ms (its sender was taken off its core, say), goes on with the first long read. */
const RECENT = 20

export interface Streams {
  /** A long read gave so many bytes. */
  took(end: number, got: number): void
  /** Looks at all that stream, when it is time. */
  look(): void
  /** Ms until the next look; undefined where there is nobody to look at. */
  due(): number | undefined
  any(): boolean
  /** From here on what comes from the end is told as it comes. */
  stop(end: number): void
  /** The slot's session has ended. */
  forget(slot: number): void
}

/** Where a thread cannot sleep for less than a millisecond nobody streams. */
export const NO_STREAMS: Streams = {
  took() {},
  look() {},
  due: () => undefined,
  any: () => false,
  stop() {},
  forget() {},
}

export interface StreamDeps {
  readonly table: NativeTable
  readonly now: () => number
  /** What comes from the end is told from here on, or is not, as its state says. */
  listen(end: number): void
  /** Moves what there is at the end. */
  pump(end: number): void
}

export function createStreams({ table, now, listen, pump }: StreamDeps): Streams {
  const { state, taken } = table
  /** By end: since when it gives much, or streams no more; what it had given by then, or by the last look. */
  const since = new Float64Array(state.length)
  const stopped = new Float64Array(state.length)
  const before = new Float64Array(state.length)
  const streaming: number[] = []
  let next = 0

  const has = (end: number, bits: number) => ((state[end] ?? 0) & bits) !== 0
  const given = (end: number) => (taken[end] ?? 0) - (before[end] ?? 0)
  /** Its peer takes no more, or nobody reads it any more. */
  const isAtRest = (end: number) => has(end ^ 1, STATE.blocked) || has(end, STATE.dying)

  function start(end: number, at: number): void {
    state[end] = (state[end] ?? 0) | STATE.streaming
    before[end] = taken[end] ?? 0
    if (streaming.length === 0) next = at + INTERVAL
    streaming.push(end)
    listen(end)
  }

  function remove(end: number): boolean {
    const place = streaming.indexOf(end)
    if (place < 0) return false
    streaming.splice(place, 1)
    state[end] = (state[end] ?? 0) & ~STATE.streaming
    return true
  }

  function stop(end: number): void {
    if (!remove(end)) return
    stopped[end] = now()
    listen(end)
  }

  return {
    took(end, got) {
      if (has(end, STATE.streaming)) return
      const at = now()
      if (at - (since[end] ?? 0) > WITHIN) {
        since[end] = at
        before[end] = (taken[end] ?? 0) - got
      }
      if (given(end) >= MUCH || at - (stopped[end] ?? 0) < RECENT) start(end, at)
    },
    look() {
      if (streaming.length === 0) return
      const at = now()
      if (at < next) return
      next = at + INTERVAL
      for (const end of [...streaming]) {
        if (isAtRest(end)) continue
        pump(end)
        if (given(end) < LITTLE && !isAtRest(end)) stop(end)
        before[end] = taken[end] ?? 0
      }
    },
    due: () => (streaming.every(isAtRest) ? undefined : Math.max(0, next - now())),
    any: () => streaming.length > 0,
    stop,
    forget(slot) {
      for (const end of [2 * slot, 2 * slot + 1]) {
        remove(end)
        stopped[end] = -RECENT
      }
    },
  }
}
