// Parts of the status document in words, the same in the terminal and on the dashboard. Knows no layout and no colour.

import type { End } from '../sessions/end.js'
import { formatBytes, formatMs, plural } from '../units/units.js'
import type { CheckStatus, ClusterStatus, ListenerStatus, MemberStatus, PoolVerdict } from './status.js'

/** Ends of one kind with their counts, the most first: `3 limit, 1 timeout`; empty when there are none. */
export function endWords(ended: Readonly<Partial<Record<End, number>>>, kind: 'refused' | 'cut'): string {
  return Object.entries(ended)
    .filter(([end]) => end.startsWith(`${kind}_`))
    .toSorted(([, a], [, b]) => b - a)
    .map(([end, count]) => `${count} ${end.slice(kind.length + 1).replaceAll('_', ' ')}`)
    .join(', ')
}

/** Who leads, for how long, on which timeline. */
export function leaderWords({ leader, leaderFor, timeline }: ClusterStatus): string {
  const on = timeline === undefined ? '' : `, timeline ${timeline}`
  return leader === undefined ? 'none: no leader key' : `${leader} for ${formatMs(leaderFor)}${on}`
}

/** `sql 1ms, 300ms ago` */
export function checkWords(check: CheckStatus | undefined): string {
  return check === undefined ? 'not asked yet' : `${check.via} ${formatMs(check.took)}, ${formatMs(check.ago)} ago`
}

/** Why it is or is not in a pool, and with which part of new sessions where that is not the usual one. */
export function verdictWords({ usable, why, share }: PoolVerdict): string {
  return usable && share !== 1 ? `${why}, share ${share.toFixed(2)}` : why
}

/** What has been of a member since the start. */
export function memberTotalWords({ totals, mostSessions }: MemberStatus): string {
  const { joined, cut, failedDials, checks, failedChecks, downs, downFor } = totals
  const sessions = [
    plural(joined, 'session'),
    ...some(mostSessions, `at most ${mostSessions} at one time`),
    ...some(cut, `${cut} cut`),
  ]
  return [
    sessions.join(', '),
    movedWords(totals),
    [plural(checks, 'check'), ...some(failedChecks, `${failedChecks} failed`)].join(', '),
    ...some(failedDials, `${plural(failedDials, 'dial')} failed`),
    ...some(downs, `down ${downs === 1 ? 'once' : `${downs} times`}, ${formatMs(downFor)} in all`),
  ].join('; ')
}

/** What has been of a listener since the start. */
export function listenerTotalWords({ totals, most, limits, rate, lastAgo }: ListenerStatus): string {
  const came = [
    `${totals.came} came`,
    ...some(most.open, `at most ${most.open} of ${limits.open} at one time, ${most.rate} in a second, now ${rate}`),
    ...(lastAgo === undefined ? [] : [`the last ${formatMs(lastAgo)} ago`]),
  ]
  const held = [`${totals.held} held`, ...some(most.held, `at most ${most.held}`)]
  return [came.join(', '), held.join(', '), movedWords(totals)].join('; ')
}

/** What went wrong on a listener since the start; empty when nothing did. */
export function listenerTroubleWords({ totals }: ListenerStatus): string {
  const { ended, failedDials, retries } = totals
  const [refused, cut] = [endWords(ended, 'refused'), endWords(ended, 'cut')]
  return [
    ...some(refused, `refused: ${refused}`),
    ...some(cut, `cut: ${cut}`),
    ...some(failedDials, `${plural(failedDials, 'dial')} failed, ${retries} tried again`),
  ].join('; ')
}

/** Who waits now, and how long; empty when nobody does. */
export function waitingWords({ sessions, waitingFor }: ListenerStatus): string {
  return waitingFor === undefined ? '' : `${sessions.held}, the longest for ${formatMs(waitingFor)}`
}

function movedWords({ fromClient, fromMember }: Pick<MemberStatus['totals'], 'fromClient' | 'fromMember'>): string {
  return `${formatBytes(fromClient)} up, ${formatBytes(fromMember)} down`
}

const some = (is: number | string, words: string): string[] => (is === 0 || is === '' ? [] : [words])
