// The ways from one role to another, with what each asks of the world. Knows no packets: who decides to go is backup.ts,
// master.ts and machine.ts. The addresses are acquired in toMaster and released in leaveMaster, and nowhere else.

import { type Ms, ms } from '../units/units.js'
import type { Action, Backup, Heard, Master, Phase, Result, Setup, State, Why } from './state.js'
import { masterDownInterval, priorityOf } from './timers.js'

/** Changes the role and says so. */
export function become(state: State, phase: Phase, why: Why, detail: string, now: Ms): Result {
  const told: Action = { kind: 'transition', from: state.phase.role, to: phase.role, why, detail }
  return [{ ...state, phase, since: now }, [told]]
}

/** A backup's phase with a whole Active_Down_Interval ahead of it. */
export function listening(state: State, interval: Ms, heard: Heard | undefined, now: Ms): Backup {
  const { version } = state.setup
  return {
    role: 'backup',
    masterDownAt: ms(now + masterDownInterval(version, priorityOf(state), interval)),
    interval,
    heard,
    lowerSince: undefined,
    listenedAgain: false,
    wants: false,
  }
}

/**
 * RFC 9568, section 6.4.2 (Active_Down_Timer fires) and 6.4.1 (owner): send an ADVERTISEMENT, announce every address, set the
 * Adver_Timer. RFC 3768, 6.4.2 is the same. The advert goes first: it costs microseconds and stops other backups.
 */
export function toMaster(state: State, why: Why, detail: string, now: Ms): Result {
  const { interval, garp } = state.setup
  const phase: Master = {
    role: 'master',
    sentAt: now,
    advertAt: ms(now + interval),
    announcedAt: now,
    announce: garp.again > 0 ? { at: ms(now + garp.again), round: 'again' } : refreshAfter(state.setup, now),
  }
  const [next, told] = become(state, phase, why, detail, now)
  const announce: Action = { kind: 'announce', repeat: garp.repeat, round: 'first' }
  return [next, [{ kind: 'advert', priority: priorityOf(state) }, { kind: 'acquire' }, announce, ...told]]
}

/** The next refreshing round, if any is configured. */
export function refreshAfter({ garp }: Setup, now: Ms): Master['announce'] {
  return garp.refresh > 0 ? { at: ms(now + garp.refresh), round: 'refresh' } : undefined
}

/** Leaves mastership: the addresses go first, so that nobody who hears the goodbye finds them still here. */
export function leaveMaster(state: State, phase: Phase, why: Why, detail: string, now: Ms, goodbye: boolean): Result {
  const [next, told] = become(state, phase, why, detail, now)
  const spoken: Action[] = goodbye ? [{ kind: 'advert', priority: 0 }] : []
  return [next, [{ kind: 'release' }, ...spoken, ...told]]
}

/**
 * Out of service, to `initialize` or `fault`: the Shutdown event. Backup: cancel the timer (RFC 9568, section 6.4.2).
 * Master: cancel the timer and send an ADVERTISEMENT of priority 0 (section 6.4.3). RFC 3768 is the same in both.
 */
export function shutDown(state: State, phase: Phase, why: Why, detail: string, now: Ms): Result {
  if (state.phase.role === 'master') return leaveMaster(state, phase, why, detail, now, true)
  return become(state, phase, why, detail, now)
}
