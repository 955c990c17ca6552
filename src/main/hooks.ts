// Has the hooks of the configuration run: hears every event and looks at how things are, and tells each hook what it asked for, one
// at a time and no more often than it may. Nothing in the data path waits for one.

import type { Config } from '../config/shape.js'
import type { Event, Report } from '../events/event.js'
import { type Run, runHook } from '../hooks/run.js'
import {
  admit,
  type Facts,
  type Known,
  look,
  type Notice,
  noRate,
  nothingKnown,
  noticeOf,
  type Rate,
} from '../notices/notice.js'
import { type EpochMs, type Ms, ms } from '../units/units.js'

export interface Hooks {
  hear(event: Event): void
  /** Whether there are hooks: how things are is to be looked at as often as it can be. */
  any(): boolean
  /** Time passes. */
  look(facts: () => Facts): void
  /** Another process takes this one's place and tells from now on. */
  retire(): void
  /** It goes on after all. */
  resume(): void
  /** Those that run are ended. */
  stop(): void
}

export interface HooksDeps {
  readonly config: () => Pick<Config, 'hooks' | 'fleet'>
  readonly now: () => Ms
  readonly wall: () => EpochMs
  readonly report: Report
}

/** So many may wait for the one that runs; more are left out. */
const MOST_WAITING = 16

interface Hook {
  known: Known
  rate: Rate
  running: Run | undefined
  readonly waiting: { readonly event: string; readonly body: string }[]
}

export function createHooks({ config, now, wall, report }: HooksDeps): Hooks {
  const hooks = new Map<string, Hook>()
  let silent = false

  const hookOf = (name: string): Hook => {
    const hook = hooks.get(name) ?? { known: nothingKnown, rate: noRate, running: undefined, waiting: [] }
    hooks.set(name, hook)
    return hook
  }

  const any = () => hooks.size + Object.keys(config().hooks).length > 0

  function tell(name: string, notice: Notice): void {
    const rules = config().hooks[name]
    if (silent || !rules?.on.includes(notice.occasion)) return
    const hook = hookOf(name)
    const drop = (because: 'perMinute' | 'waiting') =>
      report({ kind: 'hook_dropped', hook: name, told: notice.event, because })
    if (hook.waiting.length >= MOST_WAITING) {
      hook.rate = { ...hook.rate, suppressed: hook.rate.suppressed + 1 }
      drop('waiting')
      return
    }
    const [rate, { go, suppressed }] = admit(hook.rate, rules.perMinute, now())
    hook.rate = rate
    if (!go) {
      drop('perMinute')
      return
    }
    const { event, data } = notice
    const at = new Date(wall()).toISOString()
    const body = { event, at, router: config().fleet.name, ...data, ...(suppressed === 0 ? {} : { suppressed }) }
    hook.waiting.push({ event, body: JSON.stringify(body) })
    if (!hook.running) void work(name, hook)
  }

  async function work(name: string, hook: Hook): Promise<void> {
    for (let next = hook.waiting.shift(); next; next = hook.waiting.shift()) {
      const target = config().hooks[name]
      if (target === undefined) break
      const began = now()
      hook.running = runHook(target, next.event, next.body)
      // What the system refuses while a program is started (no memory, say) is a failure of the hook and of nothing else.
      const why = await hook.running.ended.catch((error: Error) => `it could not be started (${error.message})`)
      hook.running = undefined
      const took = ms(now() - began)
      report({ kind: 'hook_ran', hook: name, told: next.event, took, ...(why === undefined ? {} : { why }) })
    }
  }

  return {
    hear(event) {
      const notice = noticeOf(event)
      if (notice !== undefined) for (const name of Object.keys(config().hooks)) tell(name, notice)
    },
    any,
    look(facts) {
      if (!any()) return
      const now = facts()
      for (const [name, { gateClosedFor }] of Object.entries(config().hooks)) {
        const hook = hookOf(name)
        const [known, notices] = look(hook.known, now, gateClosedFor)
        hook.known = known
        for (const notice of notices) tell(name, notice)
      }
      for (const name of hooks.keys()) if (config().hooks[name] === undefined) hooks.delete(name)
    },
    retire() {
      silent = true
    },
    resume() {
      silent = false
    },
    stop() {
      silent = true
      for (const { waiting, running } of hooks.values()) {
        waiting.length = 0
        running?.stop()
      }
    },
  }
}
