// What probes and real dials say of one member: up or down, since when and why.
// Knows rise and fall. Knows no clock, no socket, and not what a source published.

import { formatMs, type Ms } from '../units/units.js'
import type { DialOutcome, ProbeOutcome, Unasked } from './answer.js'

/** How many successes or failures in a row it takes to change the mind about a member; both at least 1. */
export interface HealthRules {
  readonly rise: number
  readonly fall: number
}

export interface Health {
  /** `unknown` until the first evidence, which decides at once. */
  readonly up: boolean | 'unknown'
  /** When `up` last changed. */
  readonly since: Ms
  /** Successes and failures in a row towards the next change. */
  readonly risen: number
  readonly fallen: number
  /** Words of the latest failure, or of an answer that decides nothing; absent after a success. */
  readonly why?: string
  /** When the failures began that took it down, or threaten to; absent while it answers. */
  readonly failingSince?: Ms
  /** When it came back up after a failure: slow start counts from here. Absent for a member up at first sight. */
  readonly upSince?: Ms
}

type Evidence = { readonly at: Ms } & (
  | { readonly kind: 'good' }
  | { readonly kind: 'bad'; readonly why: string }
  | { readonly kind: 'neutral'; readonly why: string }
)

/** Reasons that prove a living server which could not be asked: they neither raise nor lower a member. */
const ANSWERS_ALL_THE_SAME: ReadonlySet<Unasked> = new Set(['too_many', 'auth', 'unclear'])

/** The state before anything is known. */
export function unknownHealth(now: Ms): Health {
  return { up: 'unknown', since: now, risen: 0, fallen: 0 }
}

/** Takes a probe's outcome in. The time is the outcome's own. */
export function onProbe(health: Health, outcome: ProbeOutcome, rules: HealthRules): Health {
  return weigh(health, evidenceOfProbe(outcome), rules)
}

/** Takes a session's own dial in: a failed one counts as one failure, a good one as one success. */
export function onDial(health: Health, outcome: DialOutcome, rules: HealthRules): Health {
  return weigh(health, evidenceOfDial(outcome), rules)
}

function evidenceOfProbe({ answer, answeredAt: at }: ProbeOutcome): Evidence {
  if (answer.kind !== 'unasked') return { kind: 'good', at }
  return { kind: ANSWERS_ALL_THE_SAME.has(answer.reason) ? 'neutral' : 'bad', at, why: answer.why }
}

function evidenceOfDial({ ok, at, reason, why }: DialOutcome): Evidence {
  if (ok) return { kind: 'good', at }
  const neutral = reason !== undefined && ANSWERS_ALL_THE_SAME.has(reason)
  return { kind: neutral ? 'neutral' : 'bad', at, why: why ?? reason ?? 'a session could not connect' }
}

function weigh(health: Health, evidence: Evidence, rules: HealthRules): Health {
  switch (evidence.kind) {
    case 'good':
      return rise(health, evidence.at, rules)
    case 'bad':
      return fall(health, evidence.at, evidence.why, rules)
    case 'neutral':
      return { ...health, why: evidence.why }
    default:
      return evidence satisfies never
  }
}

function rise(whole: Health, at: Ms, rules: HealthRules): Health {
  const { why, ...health } = whole
  if (health.up === true && health.risen === 0 && health.fallen === 0 && health.failingSince === undefined && !why)
    return whole
  const risen = health.risen + 1
  const seen = { ...health, risen, fallen: 0 }
  if (health.up === false && risen < rules.rise) return seen
  const { failingSince: _since, ...well } = { ...seen, risen: 0 }
  if (health.up === true) return well
  return { ...well, up: true, since: at, ...(health.up === false ? { upSince: at } : {}) }
}

function fall(health: Health, at: Ms, why: string, rules: HealthRules): Health {
  const fallen = health.fallen + 1
  const seen = { ...health, fallen, risen: 0, why, failingSince: health.failingSince ?? at }
  if (health.up === false) return { ...seen, fallen: 0 }
  if (health.up === true && fallen < rules.fall) return seen
  const { upSince: _, ...down } = seen
  return { ...down, fallen: 0, up: false, since: at }
}

const LEAST_SHARE = 0.1

/** The share of its usual sessions a member takes now: 0.1 right after it came back, 1 once `slowStart` has passed. */
export function slowStartShare(health: Health, now: Ms, slowStart: Ms): number {
  if (health.upSince === undefined || slowStart <= 0) return 1
  const passed = (now - health.upSince) / slowStart
  return Math.min(1, Math.max(LEAST_SHARE, LEAST_SHARE + (1 - LEAST_SHARE) * passed))
}

/** A member's health as status, explain and refusals print it: `healthy for 3min`, `no answer for 12s: …`. */
export function healthWords(health: Health, now: Ms): string {
  const since = health.up === false ? (health.failingSince ?? health.since) : health.since
  const lasted = formatMs(Math.max(0, now - since) as Ms)
  const because = health.why === undefined ? '' : `: ${health.why}`
  switch (health.up) {
    case 'unknown':
      return health.why === undefined ? 'not asked yet' : `answers, but cannot be asked${because}`
    case true:
      return health.why === undefined
        ? `healthy for ${lasted}`
        : `healthy for ${lasted}, but the last try failed${because}`
    case false:
      return health.risen > 0 ? `answers again after ${lasted}, not yet trusted` : `no answer for ${lasted}${because}`
    default:
      return health.up satisfies never
  }
}
