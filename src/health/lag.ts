// How far a replica is behind, and whether it still follows the cluster's history at all.
// Knows positions, timelines and fork points. Knows no limits: maxLag is the pools' business.

import type { HistoryEntry, Member } from '../topology/topology.js'
import { type Bytes, bytes, formatLsn, type Lsn, type Ms } from '../units/units.js'
import type { Answer } from './answer.js'

export type Lag =
  | { readonly kind: 'known'; readonly bytes: Bytes; readonly delay?: Ms }
  | { readonly kind: 'unknown'; readonly why: string }
  /** It replayed past the point where its timeline ended: what it shows never happened in this cluster. */
  | { readonly kind: 'diverged'; readonly why: string }

export interface Position {
  readonly lsn: Lsn
  readonly at: Ms
}

export interface LagInput {
  readonly now: Ms
  /** A probe's position older than this is not fresh: published ones are as good then. */
  readonly freshFor: Ms
  /** The replica's last answer in recovery, with the time of the answer. */
  readonly answer?: { readonly at: Ms; readonly said: Extract<Answer, { kind: 'recovery' }> }
  readonly published?: Pick<Member, 'replayLsn' | 'receiveLsn' | 'timeline'>
  /**
   * The last position a primary answered, and the one before it. The earlier one serves to tell where the primary
   * was when the replica was asked: the two are never asked at the same moment.
   */
  readonly primary?: Position & { readonly timeline?: number; readonly earlier?: Position }
  /** The leader's last published position. */
  readonly optime?: Lsn
  /** The newest timeline known from elsewhere (the source). */
  readonly timeline?: number
  readonly history: readonly HistoryEntry[]
  /** How far the present primary had replayed when it last answered in recovery: it forked there or later. */
  readonly forkAtLeast?: Lsn
}

/**
 * The replica's lag in bytes of write-ahead log against the primary, or against the primary's last known position
 * while there is none. Never negative. `delay` only where the replica itself told one.
 */
export function lagOf(input: LagInput): Lag {
  const replica = replicaPosition(input)
  if (replica.lsn === undefined) return { kind: 'unknown', why: 'its replay position is not known' }
  const objection = offTimeline(input, replica.lsn, replica.timeline)
  if (objection !== undefined) return objection
  const reference = referencePosition(input, replica.at)
  if (reference === undefined) return { kind: 'unknown', why: 'no position of a primary is known' }
  const behind = bytes(Math.max(0, reference - replica.lsn))
  return { kind: 'known', bytes: behind, ...(replica.delay === undefined ? {} : { delay: replica.delay }) }
}

interface ReplicaPosition {
  readonly lsn?: Lsn | undefined
  readonly timeline?: number | undefined
  readonly delay?: Ms | undefined
  readonly at: Ms
}

function replicaPosition({ answer, published, now, freshFor }: LagInput): ReplicaPosition {
  const probed = answer?.said
  const told = published?.replayLsn ?? published?.receiveLsn
  if (answer !== undefined && (isFresh(answer.at, now, freshFor) || told === undefined)) {
    const lsn = answer.said.replayLsn ?? answer.said.receiveLsn ?? told
    // Each may be late: the control file tells the last restartpoint's, Patroni publishes once per loop_wait.
    const timeline = Math.max(answer.said.timeline ?? 0, published?.timeline ?? 0) || undefined
    return { lsn, timeline, delay: answer.said.replayDelay, at: answer.at }
  }
  return { lsn: told, timeline: published?.timeline ?? probed?.timeline, at: now }
}

/** A fresh probe of the primary wins; otherwise the farthest position anyone knows of, which is the careful choice. */
function referencePosition({ primary, optime, now, freshFor }: LagInput, askedAt: Ms): Lsn | undefined {
  if (primary === undefined) return optime
  if (isFresh(primary.at, now, freshFor)) return positionAt(primary, primary.earlier, askedAt)
  return optime === undefined || primary.lsn >= optime ? primary.lsn : optime
}

function positionAt(last: Position, earlier: Position | undefined, at: Ms): Lsn {
  if (earlier === undefined || at >= last.at || earlier.at >= last.at || earlier.lsn > last.lsn) return last.lsn
  const passed = Math.max(0, at - earlier.at) / (last.at - earlier.at)
  return (earlier.lsn + Math.floor((last.lsn - earlier.lsn) * passed)) as Lsn
}

/** Undefined when the replica is on the newest timeline, or still on the part of an old one that the newest grew from. */
function offTimeline(input: LagInput, replayed: Lsn, timeline: number | undefined): Lag | undefined {
  const newest = newestTimeline(input)
  if (timeline === undefined || newest === undefined || timeline >= newest) return undefined
  const fork = input.history.find(entry => entry.timeline === timeline)?.forkLsn
  if (fork === undefined) {
    if (input.forkAtLeast !== undefined && timeline === newest - 1 && replayed <= input.forkAtLeast) return undefined
    return { kind: 'unknown', why: `on timeline ${timeline}, and where timeline ${newest} left it is not known yet` }
  }
  if (replayed <= fork) return undefined
  const ended = `timeline ${timeline} ended at ${formatLsn(fork)}`
  return { kind: 'diverged', why: `replayed to ${formatLsn(replayed)}, but ${ended}; it needs pg_rewind or a new copy` }
}

function newestTimeline({ primary, timeline, history }: LagInput): number | undefined {
  const known = [primary?.timeline, timeline, ...history.map(entry => entry.timeline + 1)].filter(n => n !== undefined)
  return known.length === 0 ? undefined : Math.max(...known)
}

const isFresh = (at: Ms, now: Ms, freshFor: Ms): boolean => now - at <= freshFor
