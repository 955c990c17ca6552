// The proxies of a cluster's scope: which version and configuration each runs, what its gate says, who holds the floating address.

import type { FleetStatus } from '../fleet/fleet.js'
import { gateWords, holdsWords, upWords } from '../fleet/words.js'
import type { EpochMs } from '../units/units.js'
import { Cell, type Column, Table } from './cell.js'
import { Mark } from './mark.js'
import { countWords } from './words.js'

interface ProxiesProps {
  readonly cluster: string
  readonly fleet: FleetStatus
  readonly at: EpochMs
}

const COLUMNS = {
  proxy: { name: 'Proxy' },
  gate: { name: 'Gate', kind: 'wide' },
  sessions: { name: 'Sessions', kind: 'right' },
  holds: { name: 'Holds', kind: 'some' },
  config: { name: 'Configuration', kind: 'some' },
} as const satisfies Record<string, Column>

export function Proxies({ cluster, fleet, at }: ProxiesProps) {
  const { proxies, unknown } = fleet
  return (
    <>
      <Table caption={`Proxies of ${cluster}`} columns={Object.values(COLUMNS)}>
        {proxies.map(proxy => (
          <tr key={proxy.name}>
            <th scope="row">
              <div class="main">{proxy.name}</div>
              <div class="sub">
                {proxy.version}
                {proxy.self && ', this one'}
              </div>
            </th>
            <Cell column={COLUMNS.gate} below={`up ${upWords(proxy, at)}`}>
              <Mark tone={proxy.gate.kind === 'open' ? 'good' : 'bad'}>{gateWords(proxy)}</Mark>
            </Cell>
            <Cell column={COLUMNS.sessions}>{countWords(proxy.sessions)}</Cell>
            <Cell column={COLUMNS.holds}>{holdsWords(proxy)}</Cell>
            <Cell column={COLUMNS.config}>{proxy.digest}</Cell>
          </tr>
        ))}
      </Table>
      {unknown !== undefined && <p class="empty">The other proxies are not known: {unknown}</p>}
    </>
  )
}
