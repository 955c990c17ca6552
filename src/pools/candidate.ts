// Whether a member could take the lead over in a switchover, by what Patroni itself would look at, and who would be the best.
// Knows what is published and measured. Asks nobody: Patroni has the last word.

import type { Member, Topology } from '../topology/topology.js'
import { formatBytes, type Ms } from '../units/units.js'
import type { ClusterState } from './cluster.js'
import { lagNow, type ViewRules } from './view.js'

export type Candidate =
  /** `why`: what makes it fit, in words. */
  | { readonly ok: true; readonly from: string; readonly to: string; readonly why: string }
  | { readonly ok: false; readonly why: string }

const no = (why: string): Candidate => ({ ok: false, why })

/** The member asked for, or else the best, as the next leader; or why there can be no switchover now. */
export function candidateOf(state: ClusterState, to: string | undefined, rules: ViewRules, now: Ms): Candidate {
  const { topology, gate, silent } = state
  const leader = topology?.term?.leader
  if (topology === undefined) return no('nothing is known of the cluster yet: its source has not answered')
  if (topology.leaderless) return no('the source is static: there is no Patroni to ask')
  if (silent) return no(`the source is silent: ${silent.why}; who leads now is not known`)
  if (leader === undefined) return no('there is no leader to switch over from: a failover is for patronictl failover')
  if (gate.kind === 'closed') return no(`the gate is closed: ${gate.why}; a switchover needs a primary that works`)
  if (topology.failover !== undefined) return no('another switchover is under way or planned (the failover key is set)')
  if (to === undefined && topology.settings.pause)
    return no('Patroni is paused and then only takes a switchover to somebody: name the member with --to')
  const judged = [...topology.members.values()]
    .filter(({ name }) => name !== leader)
    .map(member => ({ name: member.name, ...judge(member, topology, state, rules, now) }))
  return to === undefined ? best(judged, leader) : asked(judged, to, leader)
}

interface Judged {
  readonly name: string
  readonly why: string
  /** How far behind, in bytes; absent: it cannot take over. */
  readonly behind?: number
  readonly sync: boolean
}

function asked(judged: readonly Judged[], to: string, leader: string): Candidate {
  if (to === leader) return no(`${to} is the leader already`)
  const found = judged.find(({ name }) => name === to)
  if (found === undefined) {
    const others = judged.map(({ name }) => name).join(', ')
    return no(
      `no member is named ${to}; ${others === '' ? `${leader} is alone` : `there are, beside ${leader}: ${others}`}`,
    )
  }
  return found.behind === undefined
    ? no(`${to} cannot take over: ${found.why}`)
    : { ok: true, from: leader, to, why: found.why }
}

/** A synchronous standby before others, then the one that is least behind. */
function best(judged: readonly Judged[], leader: string): Candidate {
  const [first] = judged
    .filter(({ behind }) => behind !== undefined)
    .toSorted(
      (a, b) => Number(b.sync) - Number(a.sync) || (a.behind ?? 0) - (b.behind ?? 0) || (a.name < b.name ? -1 : 1),
    )
  if (first !== undefined) return { ok: true, from: leader, to: first.name, why: first.why }
  if (judged.length === 0) return no(`nobody could take over: ${leader} is alone`)
  return no(`nobody could take over: ${judged.map(({ name, why }) => `${name}: ${why}`).join('; ')}`)
}

const FIT_STATES: ReadonlySet<string> = new Set(['running', 'streaming', 'in archive recovery'])

/** By the rules of Patroni: `failover_limitation` of patroni/ha.py and `is_failover_possible` of patroni/api.py. */
function judge(
  member: Member,
  topology: Topology,
  state: ClusterState,
  rules: ViewRules,
  now: Ms,
): Pick<Judged, 'why' | 'behind' | 'sync'> {
  const sync = isSync(member.name, topology)
  const unfit = whyUnfit(member, sync, topology, state)
  if (unfit !== undefined) return { why: unfit, sync }
  const lag = lagNow(state, member, rules, now)
  if (lag.kind !== 'known') return { why: lag.kind === 'unknown' ? `its lag is not known: ${lag.why}` : lag.why, sync }
  const most = topology.settings.maximumLagOnFailover
  const behind = `${formatBytes(lag.bytes)} behind`
  if (lag.bytes > most && !topology.settings.synchronousMode)
    return { why: `it is ${behind}, over Patroni's maximum_lag_on_failover of ${formatBytes(most)}`, sync }
  return { why: `${member.state}, ${behind}${sync ? ', synchronous' : ''}`, behind: lag.bytes, sync }
}

function whyUnfit(
  { name, vanishedAt, tags, state: word }: Member,
  sync: boolean,
  { settings }: Topology,
  { health, drained }: ClusterState,
): string | undefined {
  const { up, why } = health.get(name) ?? { up: 'unknown' as const, why: undefined }
  if (up === false) return `it does not answer${why === undefined ? '' : `: ${why}`}`
  if (vanishedAt !== undefined) return 'its member key is gone: Patroni does not know it any more'
  if (drained.has(name)) return `it is drained (mekare undrain ${name})`
  if (tags.nofailover) return 'it has the tag nofailover (or failover_priority 0)'
  if (!FIT_STATES.has(word)) return `its state is ${word}`
  if (settings.synchronousMode && !sync) return 'it is no synchronous standby, and Patroni runs in synchronous_mode'
  return undefined
}

function isSync(name: string, { sync }: Topology): boolean {
  return (sync?.standbys ?? []).some(one => one.toLowerCase() === name.toLowerCase())
}
