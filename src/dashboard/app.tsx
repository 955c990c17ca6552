// The page: header, each cluster, the listeners, the leader changes, the events. Reads only; nothing here changes state.

import { useEffect, useReducer, useState } from 'preact/hooks'
import type { Status } from '../pools/status.js'
import { Attention } from './attention.js'
import { Events } from './events.js'
import { Glance } from './glance.js'
import { Header } from './header.js'
import { Incidents } from './incidents.js'
import { connect } from './link.js'
import { Listeners } from './listeners.js'
import { Members } from './members.js'
import { nothingSeen, type Seen, staleness, take } from './state.js'

export function App() {
  const [seen, tell] = useReducer(take, nothingSeen)
  const now = useNow()
  useEffect(() => connect(tell).close, [])
  useEffect(() => {
    document.title = titleOf(seen, now)
  })
  return (
    <>
      <a class="skip" href="#main">
        to the content
      </a>
      <Header seen={seen} now={now} />
      <main id="main" class={staleness(seen, now) ? 'stale' : undefined}>
        {seen.status && <Body status={seen.status} seen={seen} />}
      </main>
      <footer>
        <p>
          This page only reads, and shows times in the zone of this browser. As data:{' '}
          {PATHS.map(path => (
            <>
              <a href={path}>/{path}</a>{' '}
            </>
          ))}
        </p>
      </footer>
    </>
  )
}

const PATHS = ['status', 'incidents', 'history', 'events', 'metrics', 'readyz', 'healthz']

function Body({ status, seen }: { readonly status: Status; readonly seen: Seen }) {
  const { history, incidents, lines } = seen
  return (
    <>
      {status.clusters.map(cluster => (
        <section key={cluster.name} aria-label={`cluster ${cluster.name}`}>
          <h2>
            Cluster {cluster.name}
            {cluster.scope !== cluster.name && <span class="sub"> scope {cluster.scope}</span>}
          </h2>
          <Glance status={status} cluster={cluster} incidents={incidents} />
          <Attention cluster={cluster} listeners={status.listeners.filter(one => one.cluster === cluster.name)} />
          <Members cluster={cluster} history={history} />
        </section>
      ))}
      <section aria-label="listeners">
        <h2>Listeners</h2>
        <Listeners listeners={status.listeners} history={history} />
      </section>
      <section aria-label="leader changes">
        <h2>Leader changes</h2>
        <Incidents incidents={incidents} now={status.at} />
      </section>
      <section aria-label="events">
        <h2>Events</h2>
        <Events lines={lines} now={status.at} />
      </section>
    </>
  )
}

/** What a tab among many tells: the gate first. */
function titleOf(seen: Seen, now: number): string {
  const { status } = seen
  if (status === undefined) return 'mekare'
  const gates = status.clusters.map(({ gate }) => (gate.kind === 'open' ? `OPEN ${gate.member}` : 'CLOSED'))
  return `${staleness(seen, now) ? 'stale' : gates.join(', ')} · ${status.name}`
}

/** The page's clock, each second: for how long it has been stale. */
function useNow(): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  return Math.max(now, Date.now())
}
