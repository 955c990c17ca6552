// The listeners: whether each takes clients now, and what one looks for on a statistics page: now, at most, in all.

import { type History, seriesOf } from '../history/history.js'
import type { ListenerStatus } from '../pools/status.js'
import { endWords } from '../pools/words.js'
import type { End } from '../sessions/end.js'
import { formatBytes, formatMs } from '../units/units.js'
import { Cell, type Column, Numbers, Table } from './cell.js'
import { Mark, type Tone } from './mark.js'
import { Spark } from './spark.js'
import { countWords, rateWords } from './words.js'

interface ListenersProps {
  readonly listeners: readonly ListenerStatus[]
  readonly history: History
}

const OVER_TIME = ['now', 'max', 'all'] as const
const COLUMNS = {
  listener: { name: 'Listener' },
  takes: { name: 'Takes clients', kind: 'wide' },
  sessions: { name: 'Sessions', kind: 'numbers', of: OVER_TIME },
  rate: { name: 'New clients', kind: 'right' },
  held: { name: 'Held', kind: 'numbers', of: OVER_TIME },
  ends: { name: 'Refused, cut, broken', kind: 'some' },
  dials: { name: 'Dials', kind: 'short' },
  bytes: { name: 'Bytes', kind: 'right' },
} as const satisfies Record<string, Column>

export function Listeners({ listeners, history }: ListenersProps) {
  return (
    <Table caption="Listeners" columns={Object.values(COLUMNS)}>
      {listeners.map(listener => (
        <Listener key={listener.name} listener={listener} history={history} />
      ))}
    </Table>
  )
}

function Listener({ listener, history }: { readonly listener: ListenerStatus; readonly history: History }) {
  const { name, sessions, most, limits, totals } = listener
  const tone: Tone = listener.ready ? 'good' : listener.paused === undefined ? 'bad' : 'odd'
  const open = sessions.startup + sessions.held + sessions.dialing + sessions.joined
  return (
    <tr class={tone}>
      <th scope="row">
        <div class="main">{name}</div>
        <div class="sub">{listener.address}</div>
        <div class="sub">
          {listener.role} of {listener.cluster}
        </div>
      </th>
      <Cell column={COLUMNS.takes}>
        <Mark tone={tone}>{listener.ready ? 'yes' : 'no'}</Mark>: {listener.why}
      </Cell>
      <Cell
        column={COLUMNS.sessions}
        below={`limit ${countWords(limits.open)}`}
        more={<Spark values={history.series[seriesOf.open(name)]} of={`sessions on ${name}`} words={countWords} />}
      >
        <Numbers of={OVER_TIME} numbers={[open, most.open, totals.came]} />
      </Cell>
      <Cell
        column={COLUMNS.rate}
        below={`max ${rateWords(most.rate)}`}
        more={
          <>
            <Spark values={history.series[seriesOf.rate(name)]} of={`new clients on ${name}`} words={rateWords} />
            {listener.lastAgo !== undefined && <div class="sub">last {formatMs(listener.lastAgo)} ago</div>}
          </>
        }
      >
        {rateWords(listener.rate)}
      </Cell>
      <Held listener={listener} />
      <Ends ended={totals.ended} />
      <Cell column={COLUMNS.dials} below={`${countWords(totals.retries)} tried again`}>
        {totals.failedDials > 0 ? `${countWords(totals.failedDials)} failed` : 'none failed'}
      </Cell>
      <Cell column={COLUMNS.bytes} more={<div>{formatBytes(totals.fromMember)} down</div>}>
        {formatBytes(totals.fromClient)} up
      </Cell>
    </tr>
  )
}

function Held({ listener: { sessions, most, limits, totals, waitingFor } }: { readonly listener: ListenerStatus }) {
  return (
    <Cell
      column={COLUMNS.held}
      below={`limit ${countWords(limits.held)}`}
      more={
        waitingFor !== undefined && (
          <div>
            <Mark tone="odd">longest {formatMs(waitingFor)}</Mark>
          </div>
        )
      }
    >
      <Numbers of={OVER_TIME} numbers={[sessions.held, most.held, totals.held]} />
    </Cell>
  )
}

/** Refusals and cuts by reason, and connections that broke. */
function Ends({ ended }: { readonly ended: Readonly<Partial<Record<End, number>>> }) {
  const broken = (ended.client_reset ?? 0) + (ended.backend_reset ?? 0)
  const [refused, cut] = [endWords(ended, 'refused'), endWords(ended, 'cut')]
  return (
    <Cell
      column={COLUMNS.ends}
      below={cut === '' ? 'none cut' : `cut: ${cut}`}
      more={broken > 0 && <div class="sub">{countWords(broken)} broken off</div>}
    >
      {refused === '' ? 'none refused' : refused}
    </Cell>
  )
}
