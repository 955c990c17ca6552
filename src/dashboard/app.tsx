// The page: header, what is wrong, each cluster, the listeners, the leader changes, the events. Reads only; nothing here changes state.

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
import { Proxies } from './proxies.js'
import { Section } from './section.js'
import { nothingSeen, type Seen, staleness, take } from './state.js'

export function App() {
  const [seen, tell] = useReducer(take, nothingSeen)
  const now = useNow()
  useEffect(() => connect(tell, document.documentElement.dataset.version).close, [])
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
      <Attention status={status} />
      {status.clusters.map(cluster => (
        <Section
          key={cluster.name}
          title={`Cluster ${cluster.name}`}
          {...(cluster.scope !== cluster.name && { sub: `scope ${cluster.scope}` })}
        >
          <Glance status={status} cluster={cluster} incidents={incidents} />
          <Members cluster={cluster} history={history} />
          {cluster.fleet && <Proxies cluster={cluster.name} fleet={cluster.fleet} at={status.at} />}
        </Section>
      ))}
      <Section title="Listeners">
        <Listeners listeners={status.listeners} history={history} />
      </Section>
      <Section title="Leader changes">
        <Incidents incidents={incidents} now={status.at} />
      </Section>
      <Section title="Events">
        <Events lines={lines} now={status.at} />
      </Section>
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
