// SIGTERM and SIGINT: the first drains, a second one ends at once. SIGHUP ends nothing.

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
}

/** Resolves with the exit code once a signal has been served: after the drain, or at once at the second signal. */
export function whenAsked({ drainTimeout, proxy, report, office, notifier }: SignalDeps): Promise<number> {
  return new Promise(resolve => {
    let asked = false
    const onSignal = (signal: NodeJS.Signals) => {
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
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal)
    process.on('SIGHUP', () =>
      report({ kind: 'warned', what: 'SIGHUP: this version cannot reload; restart it for a changed configuration' }),
    )
  })
}
