// Incidents in words, the same in the terminal, on the dashboard and in the log. Knows no layout.

import { formatMs, type Ms } from '../units/units.js'
import type { Cause, Incident, Moment } from './incident.js'
import { gapsOf, type Owner, sharesOf } from './phases.js'

const CAUSE_WORDS: Readonly<Record<Cause, string>> = {
  switchover: 'a switchover was asked for',
  unreachable: 'the primary did not answer',
  in_recovery: 'the primary answered that it is in recovery',
  key_gone: 'the leader key expired or was removed',
  key_moved: 'the leader key moved with no sign before',
  other: 'the gate closed',
}

export const OWNER_WORDS: Readonly<Record<Owner, string>> = {
  mekare: 'mekare',
  patroni: 'Patroni',
  nobody: 'nobody waited',
}

/** Why it began: `a switchover was asked for (failover key: pg1 → pg2)`. */
export function causeWords({ cause, sign }: Pick<Incident, 'cause' | 'sign'>): string {
  return `${CAUSE_WORDS[cause]} (${sign})`
}

/** Who led and who leads: `pg1 → pg2`, `pg1 stays`. */
export function wayWords({ from, to, lasted }: Pick<Incident, 'from' | 'to' | 'lasted'>): string {
  if (from !== undefined && from === to && lasted !== undefined) return `${from} stays`
  return `${from ?? 'no leader'} → ${to ?? (lasted === undefined ? 'no leader yet' : 'no leader')}`
}

/** How long it took and whose time that was: `took 1.410s: Patroni 1.380s, mekare 0.030s`. */
export function lengthWords(incident: Incident): string {
  if (incident.lasted === undefined) return 'UNDER WAY'
  const shares = sharesOf(incident)
  const parts = (['patroni', 'mekare', 'nobody'] as const)
    .filter(owner => owner !== 'nobody' || shares.nobody > 0)
    .map(owner => `${OWNER_WORDS[owner]} ${seconds(shares[owner])}`)
  const end = incident.interrupted ? '; this router ended before it did' : ''
  return `took ${seconds(incident.lasted)}: ${parts.join(', ')}${end}`
}

/** What a moment is: `leader key names pg2`. */
export function momentWords(
  name: Moment,
  { from = 'the old leader', to = 'the new leader' }: Pick<Incident, 'from' | 'to'>,
): string {
  switch (name) {
    case 'first_sign':
      return 'first sign'
    case 'gate_closed':
      return 'gate closed'
    case 'last_answer':
      return `last answer of ${from}`
    case 'sessions_lost':
      return `open sessions of ${from} end`
    case 'key_gone':
      return 'leader key gone'
    case 'key_moved':
      return `leader key names ${to}`
    case 'last_no':
      return `${to} asked: no primary yet`
    case 'confirmed':
      return `${to} confirms, gate open`
    case 'first_write':
      return 'first write let through'
    case 'first_login':
      return 'first login ends'
    case 'first_answer':
      return `first answer of ${to}`
    default:
      return name satisfies never
  }
}

/** What clients paid: `new connections to write were let in again after 1.424s; open sessions were without a primary for 1.215s; 34 held …`. */
export function paidWords(incident: Incident): string {
  const { anew, open } = gapsOf(incident)
  return [
    ...(anew === undefined ? [] : [`new connections to write were let in again after ${seconds(anew)}`]),
    open === undefined ? 'no open session was lost' : `open sessions were without a primary for ${seconds(open)}`,
    countsWords(incident),
  ].join('; ')
}

/** What became of sessions: `34 held, 5 lost with pg1, 0 cut, 0 refused`. */
export function countsWords({ from = 'the old leader', held, lost, cut, refused }: Incident): string {
  return `${held} held, ${lost} lost with ${from}, ${cut} cut, ${refused} refused`
}

/** A length to the millisecond: `0.025s`, `27.300s`; from a minute on in whole words, `4min`. */
export function seconds(length: Ms): string {
  return length < 60_000 ? `${(length / 1000).toFixed(3)}s` : formatMs(length)
}
