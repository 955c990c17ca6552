// What a scenario works with, and the promise that all of it ends: what was begun last ends first, after the scenario or on Ctrl-C.

import type { Network } from '../test/lab/network.js'
import type { StandOptions } from '../test/lab/options.js'
import { createStand, type Stand } from '../test/lab/stand.js'
import type { Contender, Server } from './contenders/contender.js'
import { startContender } from './contenders/table.js'
import { raiseSite, type Site } from './site.js'

export interface Scope {
  readonly network: Network['kind']
  /** The site of all scenarios of the run, raised when it is first asked for. */
  site(): Promise<Site>
  /** Starts contenders before a target and answers how to find each; they end with the scenario. */
  contend(specs: readonly string[], target: Server): Promise<(spec: string) => Contender>
  /** A stand of its own for the scenario, up and streaming. */
  stand(options: StandOptions): Promise<Stand>
  /** Has this done when the scenario ends. */
  defer(end: () => Promise<void>): void
}

export interface Grounds extends Scope {
  /** The directories in which all that was started works. */
  dirs(): readonly string[]
  /** Ends what the scenario began. */
  close(): Promise<void>
  /** Ends everything; may be called at any time, also twice. */
  leave(): Promise<void>
}

export function createGrounds(network: Network['kind']): Grounds {
  let raised: Promise<Site> | undefined
  const ends: (() => Promise<void>)[] = []
  const dirs = new Set<string>()
  const site = async () => {
    raised ??= raiseSite(network)
    dirs.add((await raised).ground.dir)
    return raised
  }
  const close = async () => {
    for (let end = ends.pop(); end; end = ends.pop()) await end()
  }
  return {
    network,
    site,
    close,
    dirs: () => [...dirs],
    defer: end => ends.push(end),
    contend: async (specs, target) => {
      const started = new Map<string, Contender>()
      for (const spec of specs) {
        const contender = await startContender(await site(), target, spec)
        ends.push(contender.stop)
        started.set(spec, contender)
      }
      return spec => started.get(spec) ?? missing(spec)
    },
    stand: async options => {
      const stand = await createStand({ ...options, network, endOnSignal: false })
      ends.push(stand.down)
      dirs.add(stand.dir)
      await stand.up()
      return stand
    },
    leave: async () => {
      // The reaper kills what a scenario started on the site; stands end by what was deferred.
      await close()
      await raised?.then(each => each.leave()).catch(() => undefined)
    },
  }
}

function missing(spec: string): never {
  throw new Error(`${spec} was not started`)
}
