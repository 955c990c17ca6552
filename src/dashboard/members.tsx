// The members of a cluster: what each is, how far behind, what it carries, how its last check went, and why it is or is not in
// each pool.

import { type History, seriesOf } from '../history/history.js'
import type { ClusterStatus, MemberStatus, PoolVerdict } from '../pools/status.js'
import { checkWords, verdictWords } from '../pools/words.js'
import { bytes, formatBytes, formatMs, ms } from '../units/units.js'
import { Cell, type Column, Numbers, Table } from './cell.js'
import { Mark } from './mark.js'
import { Spark } from './spark.js'
import { counted, countWords, rateWords } from './words.js'

interface MembersProps {
  readonly cluster: ClusterStatus
  readonly history: History
}

const SESSIONS = ['now', 'max', 'all'] as const
const COLUMNS = {
  member: { name: 'Member' },
  now: { name: 'Now', kind: 'some' },
  pools: { name: 'In each pool', kind: 'wide' },
  lag: { name: 'Lag', kind: 'right' },
  sessions: { name: 'Sessions', kind: 'numbers', of: SESSIONS },
  rate: { name: 'New sessions', kind: 'right' },
  bytes: { name: 'Bytes', kind: 'right' },
  health: { name: 'Health, last check', kind: 'wide' },
} as const satisfies Record<string, Column>

export function Members({ cluster, history }: MembersProps) {
  if (cluster.members.length === 0) return <p class="empty">No members are known.</p>
  return (
    <Table caption={`Members of ${cluster.name}`} columns={Object.values(COLUMNS)}>
      {cluster.members.map(member => (
        <Member key={member.name} cluster={cluster.name} member={member} history={history} />
      ))}
    </Table>
  )
}

function Member({ cluster, member, history }: MemberProps) {
  const { name, totals } = member
  const { role, state } = member.published
  const timeline = member.timeline === undefined ? '' : `, timeline\u00a0${member.timeline}`
  return (
    <tr class={member.healthy ? undefined : 'bad'}>
      <th scope="row">
        <div class="main">{name}</div>
        <div class="sub">{member.address}</div>
        {member.pooler?.health !== undefined && <div class="sub">pooler {member.pooler.address}</div>}
        {member.drained && <Mark tone="odd">drained</Mark>}
        {member.vanished && <Mark tone="odd">member key gone</Mark>}
      </th>
      <Cell column={COLUMNS.now} below={`Patroni: ${role}, ${state}${timeline}`}>
        <Mark tone={member.role === 'no answer' ? 'bad' : 'good'}>{member.role}</Mark>
      </Cell>
      <Cell column={COLUMNS.pools}>
        <ul class="verdicts">
          {member.pools.map(pool => (
            <Verdict key={pool.listen} {...pool} />
          ))}
        </ul>
      </Cell>
      <Cell column={COLUMNS.lag} more={<LagSpark values={history.series[seriesOf.lag(cluster, name)]} name={name} />}>
        {member.lag === undefined ? '–' : formatBytes(member.lag)}
      </Cell>
      <Cell
        column={COLUMNS.sessions}
        more={
          <>
            <SessionSpark values={history.series[seriesOf.sessions(cluster, name)]} name={name} />
            {totals.cut > 0 && <div class="sub">{countWords(totals.cut)} cut</div>}
          </>
        }
      >
        <Numbers of={SESSIONS} numbers={[member.sessions, member.mostSessions, totals.joined]} />
      </Cell>
      <Cell
        column={COLUMNS.rate}
        below={`max ${rateWords(totals.mostRate)}`}
        more={totals.lastAgo !== undefined && <div class="sub">last {formatMs(totals.lastAgo)} ago</div>}
      >
        {rateWords(totals.rate)}
      </Cell>
      <Cell column={COLUMNS.bytes} more={<div>{formatBytes(totals.fromMember)} down</div>}>
        {formatBytes(totals.fromClient)} up
      </Cell>
      <Cell
        column={COLUMNS.health}
        below={lastCheckWords(member)}
        more={
          <div class="sub">
            {troubleWords(member)}
            <br />
            {downWords(member)}
          </div>
        }
      >
        <Mark tone={member.healthy ? 'good' : 'bad'}>{member.health}</Mark>
      </Cell>
    </tr>
  )
}

interface SparkOf {
  readonly values: readonly (number | null)[] | undefined
  readonly name: string
}

function LagSpark({ values, name }: SparkOf) {
  return <Spark values={values} of={`lag of ${name}`} words={value => formatBytes(bytes(value))} />
}

function SessionSpark({ values, name }: SparkOf) {
  return <Spark values={values} of={`sessions on ${name}`} words={countWords} />
}

interface MemberProps {
  readonly cluster: string
  readonly member: MemberStatus
  readonly history: History
}

/** What it answered last, unless that is the very reason why it is down, and how long that took. */
function lastCheckWords({ check, health }: MemberStatus): string {
  const said = check === undefined || health.includes(check.said) ? '' : `${check.said}, `
  return said + checkWords(check)
}

function troubleWords({ totals: { checks, failedChecks, failedDials } }: MemberStatus): string {
  const dials = failedDials > 0 ? `, ${counted(failedDials, 'dial')} failed` : ''
  return `${countWords(failedChecks)} of ${counted(checks, 'check')} failed${dials}`
}

function downWords({ totals }: MemberStatus): string {
  if (totals.downs === 0) return 'never down'
  return `down ${totals.downs === 1 ? 'once' : `${totals.downs} times`}, ${formatMs(ms(totals.downFor))} in all`
}

function Verdict(verdict: PoolVerdict) {
  const { listen, usable } = verdict
  return (
    <li>
      <Mark tone={usable ? 'good' : 'idle'}>
        <b>{listen}</b> {usable ? 'yes' : 'no'}
      </Mark>
      : {verdictWords(verdict)}
    </li>
  )
}
