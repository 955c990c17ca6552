// Both relay engines before one stand: a part of a test is played on both at once, each through a proxy on a host of its own. What
// changes the cluster beneath both is done once, when both have come to it. Knows nothing of what the parts do.

import type { Test } from 'tap'
import type { ProxyOptions, ProxyProcess } from './proxy.js'
import { type Sight, see } from './sight.js'
import type { Stand } from './stand.js'

export interface Engine {
  readonly engine: 'native' | 'net'
  readonly host: string
  /** Of its proxy. */
  readonly env: { readonly MEKARE_RELAY__ENGINE: string }
}

const ALL = ['native', 'net'] as const

/** Both, or those that `MEKARE_ENGINES` names. */
export const ENGINES: readonly Engine[] = ALL.filter(engine =>
  (process.env.MEKARE_ENGINES ?? engine).includes(engine),
).map((engine, i) => ({ engine, host: `proxy${i + 1}`, env: { MEKARE_RELAY__ENGINE: engine } }))

/** Where the parts of a test are played: a proxy with this engine. */
export interface Place extends Engine {
  readonly stand: Stand
  readonly proxy: ProxyProcess
  readonly sight: Sight
}

/** Starts the engine's proxy on its host. */
export async function openPlace(stand: Stand, engine: Engine, options: ProxyOptions = {}): Promise<Place> {
  const proxy = await stand.proxy(engine.host, { ...options, env: engine.env })
  return { ...engine, stand, proxy, sight: see(stand, proxy) }
}

/** Does what changes the world under all who play: once, when each of them has come to it. What came of it is told to each. */
export type Together = <T>(act: () => Promise<T>) => Promise<T>

/** Plays a part at each of these places at once, and answers when it is over everywhere. */
export async function each<Place extends Engine>(
  t: Test,
  places: readonly Place[],
  title: string,
  part: (t: Test, place: Place, together: Together) => Promise<void>,
): Promise<void> {
  const meeting = createMeeting(places.length)
  t.jobs = places.length
  await Promise.all(
    places.map(place =>
      t.test(`${place.engine}: ${title}`, { buffered: true }, t =>
        part(t, place, meeting.together).finally(meeting.leave),
      ),
    ),
  )
}

/** One that has left is not waited for any more. */
function createMeeting(count: number): { readonly together: Together; leave(): void } {
  let present = count
  let waiting: { act(): Promise<unknown>; done(result: Promise<never>): void }[] = []
  const meet = () => {
    const [first] = waiting
    if (first === undefined || waiting.length < present) return
    const result = first.act() as Promise<never>
    for (const { done } of waiting) done(result)
    waiting = []
  }
  return {
    together: act =>
      new Promise(done => {
        waiting.push({ act, done })
        meet()
      }),
    leave: () => {
      present--
      meet()
    },
  }
}
