// The status document as a person reads it at three in the morning: gate and leader first, then the source, then each member
// with what it is and why it is or is not in each pool, then the listeners. Knows no socket and no terminal.

import { printable } from '../events/printable.js'
import type { FleetStatus } from '../fleet/fleet.js'
import { gateWords, holdsWords, upWords } from '../fleet/words.js'
import type { ClusterStatus, ListenerStatus, MemberStatus, Status, VrrpStatus } from '../pools/status.js'
import {
  checkWords,
  leaderWords,
  listenerTotalWords,
  listenerTroubleWords,
  memberTotalWords,
  verdictWords,
  waitingWords,
} from '../pools/words.js'
import { type EpochMs, formatBytes, formatMs, plural } from '../units/units.js'
import { columns, fittingColumns } from './columns.js'
import type { Paint } from './paint.js'

/**
 * Lines joined by newlines, with one at the end. Text of peers is made safe for a terminal. In a narrow one, tables go without
 * the columns that can be spared.
 */
export function renderStatus(status: Status, paint: Paint, width = Number.POSITIVE_INFINITY): string {
  const marks = [
    ...(status.stopping ? [paint.bad('STOPPING')] : []),
    ...(status.drained === undefined ? [] : [paint.odd(`DRAINED for ${formatMs(status.drained)}`)]),
  ]
  const head = `mekare ${printable(status.version)} on ${printable(status.name)}, up ${formatMs(status.up)}${marks.map(mark => `  ${mark}`).join('')}`
  const { predecessor: old } = status
  const before =
    old === undefined
      ? []
      : [
          paint.odd(
            `process ${old.pid} before it: ${plural(old.sessions, 'session')} left, for ${formatMs(old.left)} at most`,
          ),
        ]
  const clusters = status.clusters.flatMap(cluster => ['', ...renderCluster(cluster, status.at, paint, width)])
  const floating = status.vrrp && status.vrrp.length > 0 ? ['', ...renderVrrp(status.vrrp, paint)] : []
  return `${[head, ...before, ...clusters, '', ...renderListeners(status.listeners, paint, width), ...floating].join('\n')}\n`
}

function renderVrrp(routers: readonly VrrpStatus[], paint: Paint): string[] {
  const head = ['FLOATING ADDRESS', 'VRRP', 'INTERFACE', 'STATE'].map(paint.faint)
  const rows = routers.map(({ name, report }) => {
    if (!report) return ['-', printable(name), '-', paint.bad('no sidecar is connected; start it with mekare vrrp')]
    const painted = { master: paint.good, backup: paint.bold, fault: paint.bad, initialize: paint.odd }[report.role]
    const words = printable(report.words)
    return [
      printable(report.addresses.join(', ')),
      printable(name),
      printable(report.interface),
      words.replace(/^\w+/, painted),
    ]
  })
  return columns([head, ...rows])
}

function renderCluster(cluster: ClusterStatus, at: EpochMs, paint: Paint, width: number): string[] {
  const title = cluster.name === cluster.scope ? cluster.name : `${cluster.name} (scope ${cluster.scope})`
  const marks = [cluster.pause ? 'Patroni is paused' : '', cluster.standbyCluster ? 'standby cluster' : ''].filter(
    Boolean,
  )
  const facts = [
    ['gate', gateText(cluster.gate, paint)],
    ['leader', printable(leaderWords(cluster))],
    ...sourceRows(cluster, paint),
    ...(marks.length > 0 ? [['note', paint.odd(marks.join(', '))]] : []),
    ...cluster.problems.map(problem => ['problem', paint.odd(printable(problem))]),
    ...(cluster.fleet?.warnings ?? []).map(warning => ['proxies', paint.bad(printable(warning))]),
  ]
  const proxies = cluster.fleet ? ['', ...renderFleet(cluster.fleet, at, paint, width)] : []
  const members = renderMembers(cluster.members, paint, width)
  return [paint.bold(printable(title)), ...columns(facts, '  '), '', ...members, ...proxies]
}

function renderFleet({ proxies, unknown }: FleetStatus, at: EpochMs, paint: Paint, width: number): string[] {
  const head = ['PROXY', 'VERSION', 'UP', 'GATE', 'SESSIONS', 'HOLDS', 'CONFIG'].map(paint.faint)
  const rows = proxies.map(proxy => [
    `${printable(proxy.name)}${proxy.self ? ' (this one)' : ''}`,
    printable(proxy.version),
    upWords(proxy, at),
    (proxy.gate.kind === 'open' ? paint.good : paint.bad)(printable(gateWords(proxy))),
    String(proxy.sessions),
    printable(holdsWords(proxy)),
    printable(proxy.digest),
  ])
  const others = unknown === undefined ? [] : [paint.odd(`  the others are not known: ${printable(unknown)}`)]
  return [...fittingColumns([head, ...rows], { indent: '  ', width, spare: SPARE.proxies }), ...others]
}

function gateText(gate: ClusterStatus['gate'], paint: Paint): string {
  if (gate.kind === 'open') return `${paint.good('OPEN')} to ${printable(gate.member)} for ${formatMs(gate.for)}`
  return `${paint.bad('CLOSED')} for ${formatMs(gate.for)}: ${printable(gate.why)}`
}

/** The source's state, then a row for each of its endpoints. */
function sourceRows({ source }: ClusterStatus, paint: Paint): string[][] {
  const states = { 'in use': 'in use', 'standing by': 'standing by', failed: paint.bad('failed') }
  const because = (why: string | undefined) => (why === undefined ? '' : `: ${printable(why)}`)
  const age = source.age === undefined ? 'has not answered yet' : `answered ${formatMs(source.age)} ago`
  const silent = source.silentFor === undefined ? undefined : `SILENT for ${formatMs(source.silentFor)}`
  const health = silent === undefined ? age : paint.bad(silent + because(source.why))
  const endpoints = source.endpoints.map(e => ['', `${printable(e.name)} ${states[e.state]}${because(e.why)}`])
  const next = source.next === undefined ? [] : [['', paint.odd(`to be replaced by ${printable(source.next)}`)]]
  return [['source', `${source.kind} ${health}`], ...endpoints, ...next]
}

/** Columns of the tables that a narrow screen can spare, by number, the first one first. */
const SPARE = { members: [7, 3, 1, 4], listeners: [5, 6, 2, 1], proxies: [2, 1] } as const

function renderMembers(members: readonly MemberStatus[], paint: Paint, width: number): string[] {
  if (members.length === 0) return ['  no members are known']
  const head = ['MEMBER', 'ADDRESS', 'NOW', 'PATRONI SAYS', 'TL', 'LAG', 'SESSIONS', 'LAST CHECK', 'HEALTH'].map(
    paint.faint,
  )
  const table = fittingColumns([head, ...members.map(member => memberRow(member, paint))], {
    indent: '  ',
    width,
    spare: SPARE.members,
  })
  const [first = '', ...rows] = table
  return [
    first,
    ...members.flatMap((member, i) => [rows[i] ?? '', ...pooler(member, paint), ...verdicts(member, paint)]),
  ]
}

function memberRow(member: MemberStatus, paint: Paint): string[] {
  const role = { primary: paint.bold('primary'), replica: 'replica', 'no answer': paint.bad('no answer') }[member.role]
  const marks = [member.drained ? 'DRAINED' : '', member.vanished ? 'member key GONE' : ''].filter(Boolean)
  const health = (member.healthy ? paint.good : paint.bad)(printable(member.health))
  return [
    printable(member.name),
    printable(member.address),
    role,
    printable(`${member.published.role}, ${member.published.state}`),
    member.timeline === undefined ? '-' : String(member.timeline),
    member.lag === undefined ? '-' : formatBytes(member.lag),
    String(member.sessions),
    checkWords(member.check),
    [health, ...marks.map(paint.odd)].join(', '),
  ]
}

/** Nothing is said of one that no session is dialled through. */
function pooler({ pooler: one }: MemberStatus, paint: Paint): string[] {
  if (one?.health === undefined) return []
  return [`      pooler at ${printable(one.address)}  ${(one.healthy ? paint.good : paint.bad)(printable(one.health))}`]
}

function verdicts(member: MemberStatus, paint: Paint): string[] {
  const rows = member.pools.map(pool => [
    printable(pool.listen),
    pool.usable ? paint.good('yes') : paint.odd('no '),
    printable(verdictWords(pool)),
  ])
  const totals = paint.faint(`      since start: ${memberTotalWords(member)}`)
  return [...columns(rows, '      '), totals]
}

function renderListeners(listeners: readonly ListenerStatus[], paint: Paint, width: number): string[] {
  const head = ['LISTENER', 'ADDRESS', 'ROLE', 'JOINED', 'HELD', 'DIALING', 'STARTUP', 'READY'].map(paint.faint)
  const rows = listeners.map(({ sessions, ...listener }) => [
    printable(listener.name),
    printable(listener.address),
    listener.role,
    String(sessions.joined),
    sessions.held > 0 ? paint.odd(String(sessions.held)) : '0',
    String(sessions.dialing),
    String(sessions.startup),
    `${listener.ready ? paint.good('yes') : paint.bad('no')}: ${printable(listener.why)}`,
  ])
  const [first = '', ...table] = fittingColumns([head, ...rows], { width, spare: SPARE.listeners })
  return [first, ...listeners.flatMap((listener, i) => [table[i] ?? '', ...sinceStart(listener, paint)])]
}

function sinceStart(listener: ListenerStatus, paint: Paint): string[] {
  const [waiting, trouble] = [waitingWords(listener), listenerTroubleWords(listener)]
  return [
    ...(waiting === '' ? [] : [paint.odd(`    waiting now: ${waiting}`)]),
    paint.faint(`    since start: ${listenerTotalWords(listener)}`),
    ...(trouble === '' ? [] : [`    ${trouble}`]),
  ]
}
