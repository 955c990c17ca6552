// What a router that is up lives by, and what ends it: SIGTERM and SIGINT (the first drains, a second one ends at once), SIGHUP
// (reload), SIGUSR2 (restart), a successor that has taken over, a bug.

import type { Outcome } from '../admin/deps.js'
import { EXIT } from '../cli/deps.js'
import { formatMs, type Ms, ms, plural } from '../units/units.js'
import type { Notifier } from './notify.js'
import { createRestart, type Successor } from './restart.js'
import { now, type Router } from './router.js'
import type { Signal, Signals } from './signals.js'

export interface Life {
  /** Why nothing can be changed now, if so. */
  hindrance(): string | undefined
  restart(): Promise<Outcome>
  /** Serves until the end; gives the exit code. */
  live(signals: Signals): Promise<number>
}

/** Between two words of a process that drains to its successor. */
const TELL_MS = 500
/** How long the last answer, to whoever ordered a restart, may take to reach them. */
const LAST_ANSWER_MS = 200

export function createLife(router: Router, notifier: Notifier): Life {
  const { proxy, office, report } = router
  let left = false
  let ended: (code: number) => void = () => {}
  const over = new Promise<number>(resolve => {
    ended = resolve
  })
  const drainTimeout = () => router.config().session.drainTimeout

  function stopping(): string | undefined {
    if (left) return 'another process has taken over; this one only drains'
    return proxy.stopping() ? 'the proxy is stopping' : undefined
  }

  const { restart, underWay, cancel } = createRestart({
    now,
    report,
    sockets: router.listening,
    ready: () => Object.keys(router.config().listen).filter(name => proxy.ready(name).ok),
    orders: office.orders.inForce,
    hindrance: stopping,
    letGo: office.giveWay,
    goOn: () => {
      if (!proxy.stopping()) office.stay()
    },
    leave,
  })

  function leave(successor: Successor, keys: ReadonlySet<string>): void {
    left = true
    const within = drainTimeout()
    const until = now() + within
    for (const one of router.listening()) if (keys.has(one.key)) one.share()
    const gone = proxy.leave(within)
    router.close()
    report({ kind: 'handed_over', to: successor.pid, sessions: proxy.size(), within })
    void notifier.handOver(successor.pid).then(() => successor.tell({ kind: 'main' }))
    const tell = () => {
      const rest = ms(Math.max(0, until - now()))
      successor.tell({ kind: 'draining', sessions: proxy.size(), left: rest })
    }
    const telling = setInterval(tell, TELL_MS)
    tell()
    void gone.then(async () => {
      await new Promise(resolve => setTimeout(resolve, LAST_ANSWER_MS))
      clearInterval(telling)
      successor.release()
      ended(EXIT.good)
    })
  }

  function end(signal: Signal): void {
    if (stopping() !== undefined) {
      report({ kind: 'warned', what: `${signal} again: ending now, ${plural(proxy.size(), 'session')} cut` })
      ended(EXIT.good)
      return
    }
    cancel()
    drain(signal, drainTimeout())
  }

  function drain(signal: Signal, within: Ms): void {
    report({
      kind: 'stopping',
      why: `${signal}; sessions have ${formatMs(within)} to end`,
      sessions: proxy.size(),
    })
    proxy.drain(within).then(() => ended(EXIT.good))
    office.stop()
    notifier.stopping()
  }

  function hindrance(): string | undefined {
    const since = underWay()
    return stopping() ?? (since === undefined ? undefined : `a restart is under way, for ${formatMs(since)}`)
  }

  return {
    hindrance,
    restart,
    async live(signals) {
      process.on('uncaughtException', error => {
        router.bug(error)
        ended(EXIT.failed)
      })
      signals.serve(signal => {
        if (signal === 'SIGHUP') void office.reload()
        else if (signal === 'SIGUSR2') void restart()
        else end(signal)
      })
      const code = await over
      await router.end()
      notifier.stop()
      return code
    },
  }
}
