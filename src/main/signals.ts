// SIGTERM and SIGINT: the first drains, a second one ends at once. SIGHUP reloads. Heard from the beginning, since a signal that
// nobody hears ends a process, and served once it is up.

import { EXIT } from '../cli/deps.js'
import type { Report } from '../events/event.js'
import type { ProxyServer } from '../proxy/proxy.js'
import { formatMs, type Ms } from '../units/units.js'
import type { Notifier } from './notify.js'
import type { Office } from './office.js'

export interface SignalDeps {
  readonly drainTimeout: () => Ms
  readonly proxy: ProxyServer
  readonly report: Report
  readonly office: Office
  readonly notifier: Notifier
  readonly reload: () => Promise<unknown>
}

/** Signals that came before anybody could serve them, and who serves them from then on. */
export interface Signals {
  serve(by: (signal: NodeJS.Signals) => void): void
}

export function hearSignals(): Signals {
  let early: NodeJS.Signals[] = []
  let serve = (signal: NodeJS.Signals): void => {
    early.push(signal)
  }
  const heard = (signal: NodeJS.Signals) => serve(signal)
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, heard)
  return {
    serve(by) {
      serve = by
      for (const signal of early) by(signal)
      early = []
    },
  }
}

/** Resolves with the exit code once a signal has been served: after the drain, or at once at the second signal. */
export function whenAsked(signals: Signals, deps: SignalDeps): Promise<number> {
  const { drainTimeout, proxy, report, office, notifier, reload } = deps
  return new Promise(resolve => {
    let asked = false
    const end = (signal: NodeJS.Signals) => {
      if (asked) {
        report({ kind: 'warned', what: `${signal} again: ending now, ${proxy.size()} sessions are cut` })
        return resolve(EXIT.good)
      }
      asked = true
      const sessions = proxy.size()
      const within = drainTimeout()
      report({ kind: 'stopping', why: `${signal}; sessions have ${formatMs(within)} to end`, sessions })
      proxy.drain(within).then(() => resolve(EXIT.good))
      office.stop()
      notifier.stopping()
    }
    signals.serve(signal => (signal === 'SIGHUP' ? void reload() : end(signal)))
  })
}
