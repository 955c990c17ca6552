// What a session and its peer do on a relayed connection, drawn at random, and whether what arrived is what was sent.

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import type { Pair } from '../../../src/relay/relay.js'
import type { Stream as End } from '../../../src/relay/wire.js'
import { type Heard, hear, noop, PATIENCE, type Relayed, type Wire, within } from './wires.js'

/** The last kind is long enough to stream. */
export const chunk = fc.oneof(
  { arbitrary: fc.integer({ min: 1, max: 200 }), weight: 5 },
  { arbitrary: fc.integer({ min: 1, max: 200_000 }), weight: 5 },
  { arbitrary: fc.integer({ min: 500_000, max: 3_000_000 }), weight: 1 },
)
export const side = {
  chunks: fc.array(chunk, { maxLength: 12 }),
  given: fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 3 }),
  pauses: fc.array(fc.nat(4), { maxLength: 6 }),
  last: fc.constantFrom<'end' | 'reset' | 'destroy'>('end', 'end', 'end', 'reset', 'destroy'),
}
/** Streams that outgrow what the kernel takes for a reader that stops: the rest waits in the relay, in its buffer or a pipe. */
export const heavy = {
  chunks: fc.array(fc.integer({ min: 1_000_000, max: 3_000_000 }), { maxLength: 5 }),
  given: fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 3 }),
  pauses: fc.constantFrom([0], [0, 0, 0, 0, 0, 0, 0, 60], [200, ...Array.from({ length: 150 }, () => 0)]),
  last: fc.constantFrom<Last>('end', 'end', 'end', 'end', 'reset'),
}
export const cutAfter = fc.option(fc.nat(15), { freq: 3 })

export type Last = 'end' | 'reset' | 'destroy'
export interface Side {
  readonly chunks: readonly number[]
  readonly given: readonly number[]
  readonly pauses: readonly number[]
  readonly last: Last
}

/** Bytes that differ at every place, so that a lost or moved piece changes the hash. */
export function stream(): (length: number) => Buffer {
  let at = 1
  return length => {
    const bytes = Buffer.allocUnsafe(length)
    for (let i = 0; i < length; i++) {
      at = (Math.imul(at, 1_103_515_245) + 12_345) >>> 0
      bytes[i] = at >>> 24
    }
    return bytes
  }
}

/** Keeps what was sent, to compare a beginning of it with what arrived. */
export interface Sent {
  readonly chunks: Buffer[]
}

export async function speak(socket: Socket, plan: Side, next: (length: number) => Buffer, sent: Sent): Promise<void> {
  for (const [i, length] of plan.chunks.entries()) {
    if (socket.destroyed) return
    const chunk = next(length)
    sent.chunks.push(chunk)
    if (!socket.write(chunk)) await Promise.race([once(socket, 'drain').catch(noop), once(socket, 'close').catch(noop)])
    const pause = plan.pauses[i % Math.max(1, plan.pauses.length)] ?? 0
    if (pause > 0) await sleep(pause)
  }
  if (socket.destroyed) return
  if (plan.last === 'end') socket.end()
  if (plan.last === 'reset') socket.resetAndDestroy()
  if (plan.last === 'destroy') socket.destroy()
}

/** A reader that stops now and then. */
export function stutter(socket: Socket, pauses: readonly number[]): void {
  let i = 0
  socket.on('data', () => {
    const pause = pauses[i++ % Math.max(1, pauses.length)] ?? 0
    if (pause === 0) return
    socket.pause()
    setTimeout(() => socket.resume(), pause)
  })
}

export type Open<E extends End = Socket> = (w?: Wire<E>, given?: Partial<Pair>) => Promise<[Wire<E>, Relayed]>

export async function playOut<E extends End>(
  [up, down, cutAfter]: [Side, Side, number | null],
  make: () => Promise<Wire<E>>,
  open: Open<E>,
): Promise<void> {
  const [nextUp, nextDown] = [stream(), stream()]
  const [toLink, toSession] = [up.given.map(nextUp), down.given.map(nextDown)]
  const [sentUp, sentDown]: [Sent, Sent] = [{ chunks: [...toLink] }, { chunks: [...toSession] }]
  const w = await make()
  const [atBackend, atClient] = [hear(w.backend), hear(w.client)]
  stutter(w.backend, down.pauses)
  stutter(w.client, up.pauses)
  const spoken = [speak(w.client, up, nextUp, sentUp), speak(w.backend, down, nextDown, sentDown)]
  if (cutAfter !== null && cutAfter % 2 === 1) await sleep(2)
  const [, relayed] = await open(w, { toLink, toSession })
  if (cutAfter !== null) setTimeout(() => relayed.cut(), cutAfter)
  const arrived = [() => atBackend.bytes, () => atClient.bytes]
  const end = await within(PATIENCE, relayed.ended, ...arrived)
  await within(PATIENCE, Promise.all([...spoken, atBackend.done, atClient.done]), ...arrived)
  const inOrder = up.last === 'end' && down.last === 'end' && end.by !== 'cut'
  if (inOrder && 'error' in end) throw new Error(`failed with ${end.error}`)
  check('session to link', sentUp, atBackend, inOrder)
  check('link to session', sentDown, atClient, inOrder)
  if (end.by === 'cut' && cutAfter === null) throw new Error('cut by nobody')
  const { fromSession, fromLink } = relayed.counts()
  if (fromSession < atBackend.bytes || fromLink < atClient.bytes) throw new Error('counted less than arrived')
  if (inOrder && (fromSession !== atBackend.bytes || fromLink !== atClient.bytes))
    throw new Error('counted more than arrived')
}

export function check(direction: string, sent: Sent, heard: Heard, whole: boolean): void {
  const all = Buffer.concat(sent.chunks)
  if (whole && heard.bytes !== all.length)
    throw new Error(`${direction}: ${heard.bytes} of ${all.length} bytes arrived`)
  if (whole && heard.end !== 'end') throw new Error(`${direction}: ended with ${heard.end}`)
  const hash = createHash('sha1').update(all.subarray(0, heard.bytes)).digest('hex')
  if (hash !== heard.hash.digest('hex')) throw new Error(`${direction}: other bytes arrived than were sent`)
}
