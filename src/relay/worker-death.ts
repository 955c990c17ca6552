// Ends sessions that failed or are cut: what the source had still sent goes to the target, then both are reset, within a limit.
// Unlike Node's streams the kernel can be asked what is still unsent, so a reset waits no longer than it must.

import type { Libc } from '../linux/libc.js'
import type { Sockets } from '../linux/sockets.js'
import { type Ending, type NativeTable, STATE } from './native-table.js'
import type { Lane } from './worker-lane.js'

/** How long the last bytes may take, in ms. */
const FLUSH_LIMIT = 100

interface Death {
  readonly ending: Ending
  readonly source: number
  readonly until: number
}

export interface Deaths {
  /** A connection has failed. In a session that is dying already this ends it now. */
  fail(end: number, errno: number, call: Ending['call']): void
  cut(slot: number): void
  /** Something happened to a dying session, or time has passed. */
  advance(slot: number): void
  /** Looks at all that are dying. */
  sweep(): void
  count(): number
}

export interface DeathDeps {
  readonly libc: Libc
  readonly sockets: Sockets
  readonly table: NativeTable
  readonly now: () => number
  lane(): Pick<Lane, 'flush' | 'drain' | 'forget'>
  /** Both descriptors are closed. */
  over(ending: Ending): void
}

export function createDeaths({ sockets, table, now, lane, over }: DeathDeps): Deaths {
  const { descriptor, state } = table
  const deaths = new Map<number, Death>()

  const close = (end: number) => {
    const fd = descriptor[end] ?? -1
    if (fd < 0) return
    // Before the close, so that nobody closes a descriptor that has been given to somebody else.
    descriptor[end] = -1
    sockets.reset(fd)
  }

  const finish = (slot: number, ending: Ending) => {
    deaths.delete(slot)
    close(2 * slot)
    close(2 * slot + 1)
    lane().forget(slot)
    over(ending)
  }

  function begin(source: number, ending: Ending): void {
    const slot = source >> 1
    for (const end of [source, source ^ 1]) state[end] = (state[end] ?? 0) | STATE.dying
    deaths.set(slot, { ending, source, until: now() + FLUSH_LIMIT })
    advance(slot)
  }

  function advance(slot: number): void {
    const death = deaths.get(slot)
    if (!death) return
    if (now() >= death.until || isThrough(slot, death)) if (deaths.has(slot)) finish(slot, death.ending)
  }

  /** Moves on what there is; true when the target has all of it. */
  function isThrough(slot: number, { source }: Death): boolean {
    const target = source ^ 1
    const flushed = lane().flush(target)
    if (flushed && (descriptor[source] ?? -1) >= 0 && lane().drain(source) === 'empty' && deaths.has(slot))
      close(source)
    if (!deaths.has(slot) || (descriptor[source] ?? -1) >= 0) return false
    return flushed && sockets.unsent(descriptor[target] ?? -1) === 0
  }

  return {
    fail(end, errno, call) {
      const slot = end >> 1
      const death = deaths.get(slot)
      if (death) finish(slot, death.ending)
      else begin(end, { slot, by: end & 1 ? 'link' : 'session', errno, call })
    },
    cut(slot) {
      const death = deaths.get(slot)
      const ending: Ending = { slot, by: 'cut', errno: 0, call: 'read' }
      if (!death) begin(2 * slot + 1, ending)
      // The last flush of a failed session still carries bytes to the member: a cut ends that too.
      else if (death.source === 2 * slot) finish(slot, death.ending)
    },
    advance,
    sweep() {
      for (const slot of [...deaths.keys()]) advance(slot)
    },
    count: () => deaths.size,
  }
}
