// Chooses the engine: the native one where a real session through it works, else Node's streams. Says why.

import type { Config } from '../config/shape.js'
import { createNetEngine } from './net.js'
import type { Engine } from './relay.js'
import { tryOut } from './trial.js'

export type Created =
  /** `why`: the native engine was not forbidden but cannot work here. */
  | { readonly ok: true; readonly engine: Engine; readonly why?: string }
  /** Only where `native` was asked for by name. */
  | { readonly ok: false; readonly why: string }

/** Makes the engine that is configured, tried out with one real session. `told`: what a running engine has to say later, for the log. */
export async function createEngine(config: Config['relay'], told: (what: string) => void): Promise<Created> {
  if (config.engine === 'net') return { ok: true, engine: createNetEngine(config) }
  const native = await startNative(config, told)
  if (typeof native !== 'string') return { ok: true, engine: native }
  if (config.engine === 'auto') return { ok: true, engine: createNetEngine(config), why: native }
  const remedy = 'set it to auto or net to relay through Node’s streams'
  return { ok: false, why: `relay.engine: native does not work here: ${native}; ${remedy}` }
}

/** The reason where it does not work: koffi, the C library, a forbidden system call, a thread that does not start. */
async function startNative(config: Config['relay'], told: (what: string) => void): Promise<Engine | string> {
  try {
    // Only now: koffi may be missing or may not load.
    const { createNativeEngine } = await import('./native.js')
    const { threads, spin, batch, countQueries } = config
    let tried = false
    const heard: string[] = []
    const engine = createNativeEngine({
      threads,
      spin,
      batched: batch === 'auto',
      countQueries,
      told: what => (tried ? told(what) : heard.push(what)),
    })
    const failure = (await engine.ready()) ?? (await tryOut(engine))
    // What a thread has said of its crash comes before what the session saw of it.
    const why = heard[0]?.split(';')[0] ?? failure
    tried = why === undefined
    if (why === undefined) return engine
    await engine.stop()
    return why
  } catch (error) {
    return firstLine(error)
  }
}

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? 'unknown'
