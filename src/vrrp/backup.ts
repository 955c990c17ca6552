// A backup: listens, and claims the addresses when no better master speaks (RFC 9568, section 6.4.2; RFC 3768, section 6.4.2).

import { compareIp, formatIp, type Ip } from '../units/ip.js'
import { formatMs, type Ms, ms } from '../units/units.js'
import type { Action, Backup, Heard, Input, Result, State, Why } from './state.js'
import { priorityOf, skewTime } from './timers.js'
import { become, listening, toMaster } from './transitions.js'
import { permits } from './witness.js'

type Advert = Extract<Input, { kind: 'advert' }>

/** An advert for a backup. */
export function backupHears(state: State, backup: Backup, advert: Advert, now: Ms): Result {
  if (advert.priority === 0) return [masterLeft(state, backup, advert, now), []]
  const lower = advert.priority < priorityOf(state)
  const lowerSince = lower ? (backup.lowerSince ?? now) : undefined
  const heard = heardFrom(advert, now)
  if (lower && preemptsNow(state, lowerSince, now)) return [{ ...state, phase: { ...backup, heard, lowerSince } }, []]
  return [{ ...state, phase: { ...follow(state, advert, heard, now), lowerSince } }, []]
}

const heardFrom = ({ from, priority }: Advert, now: Ms): Heard => ({ address: from, priority, at: now, left: false })

/**
 * RFC 9568, section 6.4.2: priority 0 sets the Active_Down_Timer to Skew_Time, so that the best backup comes first.
 * RFC 3768, section 6.4.2: the same with v2's skew.
 */
function masterLeft(state: State, backup: Backup, { from, priority }: Advert, now: Ms): State {
  const masterDownAt = ms(now + skewTime(state.setup.version, priorityOf(state), backup.interval))
  const heard: Heard = { address: from, priority: backup.heard?.priority ?? priority, at: now, left: true }
  return { ...state, phase: { ...backup, masterDownAt, heard, lowerSince: undefined, listenedAgain: false } }
}

/**
 * RFC 9568, section 6.4.2: with Preempt_Mode a lower advert is discarded and the timer runs on.
 * Our preemptDelay holds Preempt_Mode back for its length, counted from the first lower advert (the RFCs have no such delay).
 */
function preemptsNow({ setup }: State, lowerSince: Ms | undefined, now: Ms): boolean {
  return setup.preempt && now - (lowerSince ?? now) >= setup.preemptDelay
}

/**
 * RFC 9568, section 6.4.2: no preemption, or a priority at least ours: take over Max Advertise Interval, recompute, reset the
 * timer. RFC 3768, section 6.4.2: reset it to the interval that both must share. Equal priority never preempts.
 */
export function follow(state: State, { interval }: Advert, heard: Heard, now: Ms): Backup {
  const { setup } = state
  return listening(state, setup.version === 3 ? interval : setup.interval, heard, now)
}

/**
 * The Active_Down_Timer. RFC 9568, section 6.4.2: it fired, so become master; in a sync group, or where the witness does not permit it,
 * only say that we would.
 */
export function backupWakes(state: State, backup: Backup, now: Ms): Result {
  if (now < backup.masterDownAt) return [state, []]
  const { grouped } = state.setup
  if (!grouped && permits(state)) return claim(state, backup, now)
  const waiting = wanting(state, backup, now)
  return [waiting, grouped ? [] : campaign(waiting, now)]
}

const wanting = (state: State, backup: Backup, now: Ms): State => ({
  ...state,
  phase: { ...backup, wants: true, masterDownAt: ms(now + state.setup.interval) },
})

/** How long a lower master is spoken to after it was last heard: it gives way at once, but the witness takes its time to name us. */
const CAMPAIGN = ms(1000)

/**
 * What is done while the witness is waited for because a master is heard that does not outrank us: an advert of ours makes it give way (RFC
 * 9568, section 6.4.3), and it lets go of the witness with the addresses. One that cannot hear us stays the only master.
 */
export function campaign(state: State, now: Ms): readonly Action[] {
  const { phase, witness } = state
  const waits = phase.role === 'backup' && phase.wants && (witness.kind === 'other' || witness.kind === 'free')
  if (!waits || permits(state)) return []
  const { heard } = phase
  if (!heard || heard.left || outranks(state, heard.priority, heard.address)) return []
  const recent = now - heard.at <= Math.max(CAMPAIGN, STILL_SPEAKS * phase.interval)
  return recent ? [{ kind: 'advert', priority: priorityOf(state) }] : []
}

/** Becomes master, with the reason that what was heard gives. */
export function claim(state: State, backup: Backup, now: Ms): Result {
  const [why, detail] = reasonToClaim(state, backup, now)
  return toMaster(state, why, detail, now)
}

/** A master silent for longer than this many of its intervals is not preempted, it is missing. */
const STILL_SPEAKS = 2

function reasonToClaim(state: State, { heard, interval }: Backup, now: Ms): [Why, string] {
  if (!heard) return ['nobody_heard', 'no master spoke']
  const name = formatIp(heard.address)
  const ago = formatMs(ms(Math.max(0, now - heard.at)))
  if (heard.left) return ['master_left', `${name} gave up ${ago} ago`]
  const ours = priorityOf(state)
  if (heard.priority < ours && now - heard.at <= STILL_SPEAKS * interval)
    return ['preempted', `${name} has priority ${heard.priority}, ours is ${ours}`]
  return ['master_silent', `${name} was last heard ${ago} ago`]
}

/** True when an advert or a known master outranks us: RFC 9568, section 6.4.3, greater priority, or equal and greater address. */
export function outranks(state: State, priority: number, address: Ip): boolean {
  const ours = priorityOf(state)
  return priority > ours || (priority === ours && compareIp(address, state.setup.address) > 0)
}

/**
 * Why a takeover would come to nothing: a master that outranks us would take the addresses back at once. Undefined when it would hold.
 */
export function takeoverObjection(state: State): string | undefined {
  const { phase } = state
  if (phase.role !== 'backup') return phase.role === 'master' ? 'it is master already' : `its state is ${phase.role}`
  const { heard } = phase
  if (!heard || heard.left || !outranks(state, heard.priority, heard.address)) return undefined
  const ours = `ours is ${priorityOf(state)} at ${formatIp(state.setup.address)}`
  return `${formatIp(heard.address)} is master with priority ${heard.priority}, ${ours}; raise ours or lower its first`
}

/** The operator wants a backup to be master: now, or as soon as the witness permits it. */
export function takeover(state: State, backup: Backup, now: Ms): Result {
  if (permits(state)) return toMaster(state, 'takeover', 'the operator asked for it', now)
  const waiting = wanting(state, backup, now)
  return [waiting, campaign(waiting, now)]
}

/** Wakes after its timer by more than an interval: listens for one more whole master down interval before it claims. */
export function listenAgain(state: State, backup: Backup, now: Ms): State {
  const fresh = listening(state, backup.interval, backup.heard, now)
  return { ...state, phase: { ...fresh, lowerSince: backup.lowerSince, listenedAgain: true } }
}

/** RFC 9568, section 6.4.1, not the owner: Active_Adver_Interval := Advertisement_Interval, set the timer, go to Backup. */
export function toBackup(state: State, why: Why, detail: string, now: Ms): Result {
  return become(state, listening(state, state.setup.interval, undefined, now), why, detail, now)
}
