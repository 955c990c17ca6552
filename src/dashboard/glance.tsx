// A cluster in one glance: the gate, who leads since when, where the floating address is, how the source does, the last change.

import { type ComponentChildren, Fragment } from 'preact'
import type { EndpointStatus } from '../asking/endpoints.js'
import type { Incident } from '../incidents/incident.js'
import { causeWords, lengthWords, wayWords } from '../incidents/words.js'
import type { ClusterStatus, Status, VrrpStatus } from '../pools/status.js'
import { formatMs, type Ms, ms } from '../units/units.js'
import { Mark, type Tone } from './mark.js'
import { counted, timeWords } from './words.js'

interface GlanceProps {
  readonly status: Status
  readonly cluster: ClusterStatus
  readonly incidents: readonly Incident[]
}

export function Glance({ status, cluster, incidents }: GlanceProps) {
  return (
    <dl class="glance">
      <Gate status={status} cluster={cluster} />
      <Leader status={status} cluster={cluster} />
      <Addresses routers={status.vrrp ?? []} />
      <Source {...cluster.source} />
      <LastChange status={status} incident={incidents.findLast(one => one.cluster === cluster.name)} />
    </dl>
  )
}

interface TileProps {
  readonly title: string
  readonly tone: Tone
  readonly main: ComponentChildren
  readonly children?: ComponentChildren
}

/** What it is in one word, then the rest. */
function Tile({ title, tone, main, children }: TileProps) {
  return (
    <div class={`tile ${tone}`}>
      <dt>{title}</dt>
      <dd>
        <div class="big">
          <Mark tone={tone}>{main}</Mark>
        </div>
        {children}
      </dd>
    </div>
  )
}

function Gate({ status, cluster }: Omit<GlanceProps, 'incidents'>) {
  const { gate, name } = cluster
  const held = status.listeners
    .filter(listener => listener.cluster === name && listener.role === 'primary')
    .reduce((sum, { sessions }) => sum + sessions.held, 0)
  const since = `since ${timeWords(status.at - gate.for, status.at)}, for ${formatMs(gate.for)}`
  return (
    <Tile
      title="Gate"
      tone={gate.kind === 'open' ? 'good' : 'bad'}
      main={gate.kind === 'open' ? `OPEN to ${gate.member}` : 'CLOSED'}
    >
      <p>{since}</p>
      {gate.kind === 'closed' && <p class="why">{gate.why}</p>}
      {held > 0 && <p class="why">{counted(held, 'client')} held</p>}
    </Tile>
  )
}

function Leader({ status, cluster }: Omit<GlanceProps, 'incidents'>) {
  const { leader, leaderFor, timeline } = cluster
  return (
    <Tile title="Leader key" tone={leader === undefined ? 'bad' : 'good'} main={leader ?? 'none'}>
      <p>
        since {timeWords(status.at - leaderFor, status.at)}, for {formatMs(leaderFor)}
      </p>
      {timeline !== undefined && <p>timeline {timeline}</p>}
      {cluster.pause && <p class="why">Patroni is paused</p>}
      {cluster.standbyCluster && <p class="why">standby cluster</p>}
    </Tile>
  )
}

function Addresses({ routers }: { readonly routers: readonly VrrpStatus[] }) {
  const [first] = routers
  if (first === undefined)
    return (
      <Tile title="Floating address" tone="idle" main="none">
        <p>none is configured on this router</p>
      </Tile>
    )
  const here = routers.filter(({ report }) => report?.role === 'master')
  const trouble = routers.some(({ report }) => report === undefined || report.role === 'fault')
  return (
    <Tile
      title="Floating address"
      tone={trouble ? 'bad' : here.length > 0 ? 'good' : 'idle'}
      main={here.length === routers.length ? 'here' : here.length === 0 ? 'not here' : 'some here'}
    >
      {routers.map(({ name, report }) => (
        <Fragment key={name}>
          <p class="why">{report ? report.addresses.join(', ') : `${name}: no sidecar is connected`}</p>
          {report && <p>{report.words}</p>}
        </Fragment>
      ))}
    </Tile>
  )
}

function Source({ kind, endpoints, silentFor, why, age, next }: ClusterStatus['source']) {
  const well = endpoints.filter(({ state }) => state !== 'failed')
  const tone: Tone = silentFor !== undefined ? 'bad' : well.length < endpoints.length ? 'odd' : 'good'
  const main = silentFor === undefined ? `${well.length} of ${endpoints.length} answer` : 'SILENT'
  return (
    <Tile title={kind} tone={tone} main={main}>
      {silentFor !== undefined && (
        <p class="why">
          for {formatMs(silentFor)}: {why}
        </p>
      )}
      {endpoints.map(one => (
        <Endpoint key={one.name} {...one} {...(one.state === 'in use' && age !== undefined && { age })} />
      ))}
      {next !== undefined && <p class="why">to be replaced by {next}</p>}
    </Tile>
  )
}

/** One of several: its place without the scheme, and how it is; why it failed is said above. */
function Endpoint({ name, state, age }: EndpointStatus & { readonly age?: Ms }) {
  return (
    <p>
      <Mark tone={state === 'failed' ? 'bad' : 'good'}>{name.replace(/^https?:\/\//, '')}</Mark> {state}
      {age !== undefined && `, ${formatMs(age)} ago`}
    </p>
  )
}

function LastChange({ status, incident }: { readonly status: Status; readonly incident: Incident | undefined }) {
  if (incident === undefined)
    return (
      <Tile title="Last leader change" tone="idle" main="none">
        <p>none is on record</p>
      </Tile>
    )
  const { startedAt, lasted } = incident
  return (
    <Tile title="Last leader change" tone={lasted === undefined ? 'odd' : 'idle'} main={wayWords(incident)}>
      <p>
        {timeWords(startedAt, status.at)}, {formatMs(ms(Math.max(0, status.at - startedAt)))} ago
      </p>
      <p>{causeWords(incident)}</p>
      <p>{lengthWords(incident)}</p>
    </Tile>
  )
}
