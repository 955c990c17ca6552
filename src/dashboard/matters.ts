// What an operator who has just been woken must know, the worst first: whether clients get through, and what is not as it
// should be. Read from the status document alone. Knows no element.

import type { ClusterStatus, ListenerStatus, MemberStatus, Status } from '../pools/status.js'
import { waitingWords } from '../pools/words.js'
import { formatMs } from '../units/units.js'
import { counted } from './words.js'

export interface Matter {
  readonly tone: 'bad' | 'odd'
  readonly what: string
  readonly why: string
}

/** Everything that is not as it should be; empty when nothing is. */
export function mattersOf(status: Status): readonly Matter[] {
  const matters = [
    ...routerMatters(status),
    ...status.listeners.flatMap(listenerMatters),
    ...status.clusters.flatMap(clusterMatters),
  ]
  return [...matters.filter(({ tone }) => tone === 'bad'), ...matters.filter(({ tone }) => tone === 'odd')]
}

/** The listeners that let clients through, and to whom: `write takes sessions for pg1`. */
export const throughWords = ({ listeners }: Status): readonly string[] =>
  listeners.filter(({ ready }) => ready).map(({ name, why }) => `${name} ${why}`)

const bad = (what: string, why: string): Matter => ({ tone: 'bad', what, why })
const odd = (what: string, why: string): Matter => ({ tone: 'odd', what, why })

function routerMatters({ stopping, drained, predecessor, vrrp = [] }: Status): readonly Matter[] {
  return [
    ...(stopping ? [bad('this router stops', 'it takes nobody new')] : []),
    ...(drained === undefined ? [] : [odd('this router is drained', `by an operator for ${formatMs(drained)}`)]),
    ...(predecessor === undefined ? [] : [odd(`process ${predecessor.pid} before this one`, leftWords(predecessor))]),
    ...vrrp.flatMap(({ name, report }) => {
      if (report === undefined) return [bad(`floating address ${name}`, 'no sidecar is connected')]
      return report.role === 'fault' ? [bad(`floating address ${name}`, report.words)] : []
    }),
  ]
}

const leftWords = ({ sessions, left }: NonNullable<Status['predecessor']>) =>
  `${counted(sessions, 'session')} left, for ${formatMs(left)} at most`

function listenerMatters(listener: ListenerStatus): readonly Matter[] {
  const { name, ready, why, paused } = listener
  if (ready) return []
  const waiting = waitingWords(listener)
  const wait = waiting === '' ? '' : `; waiting: ${waiting}`
  if (paused !== undefined)
    return [odd(`${name} is paused`, `by an operator for ${formatMs(paused)}: everyone new waits${wait}`)]
  return [bad(`${name} lets nobody through`, `${why}${wait}`)]
}

function clusterMatters({ source, members, pause, problems, fleet }: ClusterStatus): readonly Matter[] {
  const { kind, silentFor, why = 'no answer', endpoints, next } = source
  return [
    ...(silentFor === undefined ? [] : [bad(`${kind} is silent`, `for ${formatMs(silentFor)}: ${why}`)]),
    ...members.flatMap(memberMatters),
    ...endpoints
      .filter(({ state }) => state === 'failed')
      .map(endpoint => odd(`${kind} ${endpoint.name}`, endpoint.why ?? 'failed')),
    ...(next === undefined ? [] : [odd(kind, `to be replaced by ${next}`)]),
    ...(pause ? [odd('Patroni is paused', 'it changes no leader by itself')] : []),
    ...(fleet?.warnings ?? []).map(warning => odd('proxies', warning)),
    ...problems.map(problem => odd('topology', problem)),
  ]
}

function memberMatters({ name, healthy, health, drained, vanished, pooler }: MemberStatus): readonly Matter[] {
  return [
    ...(healthy ? [] : [bad(name, health)]),
    ...(pooler?.healthy === false ? [bad(`the pooler beside ${name}`, pooler.health ?? 'no answer')] : []),
    ...(drained ? [odd(name, 'drained by an operator')] : []),
    ...(vanished ? [odd(name, 'its member key is gone; it is still asked')] : []),
  ]
}
