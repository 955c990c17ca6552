// A master: speaks, keeps its addresses announced, and gives way to a better master (RFC 9568, section 6.4.3; RFC 3768, 6.4.3).

import { formatIp } from '../units/ip.js'
import { type Ms, ms } from '../units/units.js'
import { follow, outranks } from './backup.js'
import type { Action, Input, Master, Result, State } from './state.js'
import { priorityOf } from './timers.js'
import { leaveMaster, refreshAfter } from './transitions.js'

type Advert = Extract<Input, { kind: 'advert' }>

/** An advert for a master. */
export function masterHears(state: State, master: Master, advert: Advert, now: Ms): Result {
  // RFC 9568, section 6.4.3 and RFC 3768, section 6.4.3: priority 0 is answered by an advert at once, and the timer reset.
  if (advert.priority === 0) return speak(state, master, now)
  if (outranks(state, advert.priority, advert.from)) return giveWay(state, advert, now)
  return assert(state, master, advert, now)
}

/**
 * RFC 9568, section 6.4.3: a greater priority, or an equal one from a greater address: cancel the Adver_Timer, learn the interval,
 * go to Backup. RFC 3768, section 6.4.3: the same without learning. No goodbye: the other is master already.
 */
function giveWay(state: State, advert: Advert, now: Ms): Result {
  const heard = { address: advert.from, priority: advert.priority, at: now, left: false }
  const detail = `${formatIp(advert.from)} speaks with priority ${advert.priority}, ours is ${priorityOf(state)}`
  return leaveMaster(state, follow(state, advert, heard, now), 'outranked', detail, now, false)
}

/** A rival quiet for this many of our intervals is told anew when it speaks again. */
const QUIET = 3
/** Announcements against a rival, at most this often. */
const AGAINST_RIVAL = ms(1000)

/**
 * RFC 9568, section 6.4.3: discard the advert and send ours at once, to assert ourselves and to teach the bridges. RFC 3768 and
 * RFC 5798 only discard; keepalived answers in every version, and so do we. The rival may have announced the addresses as its
 * own, so they are announced now and, since its last word may come after ours, once more later.
 */
function assert(state: State, master: Master, { from, priority }: Advert, now: Ms): Result {
  const count = state.rivals.count + 1
  const { last } = state.rivals
  const known = last && formatIp(last.address) === formatIp(from) && now - last.at < QUIET * state.setup.interval
  const counted = { ...state, rivals: { count, last: { address: from, priority, at: now, left: false } } }
  const announcing = now - master.announcedAt >= AGAINST_RIVAL
  const [next, adverts] = speak(counted, announcing ? announced(state, master, now) : master, now)
  const actions: Action[] = [...adverts]
  if (announcing) actions.push({ kind: 'announce', repeat: state.setup.garp.repeat, round: 'rival' })
  if (!known) actions.push({ kind: 'rival', address: from, priority, count })
  return [next, actions]
}

/** After a round against a rival the next is `again`, unless that one is due earlier. */
function announced(state: State, master: Master, now: Ms): Master {
  const { again } = state.setup.garp
  const sooner = master.announce && master.announce.at <= now + again
  const announce = again <= 0 || sooner ? master.announce : { at: ms(now + again), round: 'again' as const }
  return { ...master, announcedAt: now, announce }
}

/** Sends an advert now and sets the Adver_Timer anew: one advert however late we are, never a burst to catch up. */
export function speak(state: State, master: Master, now: Ms): Result {
  const phase: Master = { ...master, sentAt: now, advertAt: ms(now + state.setup.interval) }
  return [{ ...state, phase }, [{ kind: 'advert', priority: priorityOf(state) }]]
}

/** RFC 9568, section 6.4.3, the Adver_Timer; and the rounds of announcements. */
export function masterWakes(state: State, master: Master, now: Ms): Result {
  const { announce } = master
  const due = announce !== undefined && now >= announce.at
  const after: Master = due ? { ...master, announcedAt: now, announce: refreshAfter(state.setup, now) } : master
  const [next, adverts]: Result = now >= master.advertAt ? speak(state, after, now) : [{ ...state, phase: after }, []]
  if (!due) return [next, adverts]
  return [next, [...adverts, { kind: 'announce', repeat: state.setup.garp.repeat, round: announce.round }]]
}
