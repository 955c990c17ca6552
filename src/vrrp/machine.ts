// VRRP's state machine: an input and the time go in, the next state and what to do come out (RFC 9568, section 6; RFC 3768, section 6).
// Knows no socket, timer or clock. `now` is monotonic, so a step of the wall clock means nothing here.
// Its driver hands over every packet that waits before it hands over the time: a late machine hears first.

import { type Ms, ms } from '../units/units.js'
import {
  backupHears,
  backupWakes,
  campaign,
  claim,
  listenAgain,
  takeover,
  takeoverObjection,
  toBackup,
} from './backup.js'
import { masterHears, masterWakes, speak } from './master.js'
import { type Action, type Input, OWNER, type Phase, type Result, type Setup, type State } from './state.js'
import { priorityOf, sleptAsBackup, sleptAsMaster } from './timers.js'
import { leaveMaster, listening, refreshAfter, shutDown, toMaster } from './transitions.js'
import { permits, withheldBy } from './witness.js'

/** A virtual router that has not been started. */
export function newMachine(setup: Setup, now: Ms): State {
  const rivals = { count: 0, last: undefined }
  const witness = { kind: 'none' } as const
  return { setup, phase: { role: 'initialize' }, since: now, lowered: 0, faults: new Map(), rivals, witness }
}

/** Takes one input in. The same state, input and time always give the same result. */
export function step(state: State, input: Input, now: Ms): Result {
  const [awake, first] = afterSleep(state, now)
  const [next, second] = take(awake, input, now)
  const holder = withheldBy(next)
  const withheld: Action[] = holder === undefined || withheldBy(state) === holder ? [] : [{ kind: 'withheld', holder }]
  return [next, [...first, ...second, ...withheld]]
}

/** When to come back with `time`; undefined: not before the next other input. */
export function wakeAt({ phase }: State): Ms | undefined {
  switch (phase.role) {
    case 'backup':
      return phase.masterDownAt
    case 'master':
      return phase.announce ? ms(Math.min(phase.advertAt, phase.announce.at)) : phase.advertAt
    case 'initialize':
    case 'fault':
      return undefined
    default:
      return phase satisfies never
  }
}

/** Whether the addresses belong on the interface now: what is wanted, for whoever compares it with what is there. */
export function holdsAddresses({ phase }: State): boolean {
  return phase.role === 'master'
}

/**
 * A machine that was stopped, starved or suspended listens before it claims anything; the RFCs are silent on it. A backup past its
 * timer listens once more; a master that every backup has declared down lets go of the addresses and starts again as a backup.
 */
function afterSleep(state: State, now: Ms): Result {
  const { phase } = state
  if (phase.role === 'backup' && sleptAsBackup(phase, now)) return [listenAgain(state, phase, now), []]
  if (phase.role !== 'master' || !sleptAsMaster(state, phase, now)) return [state, []]
  const detail = `did not run for ${Math.round(now - phase.sentAt)}ms: another may be master by now`
  return leaveMaster(state, listening(state, state.setup.interval, undefined, now), 'late', detail, now, false)
}

function take(state: State, input: Input, now: Ms): Result {
  switch (input.kind) {
    case 'time':
      return wake(state, now)
    case 'advert':
      return hear(state, input, now)
    case 'start':
      return state.phase.role === 'initialize'
        ? enter(state, 'started', 'listens for a master first', now)
        : [state, []]
    case 'stop':
      return state.phase.role === 'initialize' ? [state, []] : stop(state, now)
    case 'lowered':
      return [{ ...state, lowered: input.by }, []]
    case 'fault':
    case 'fault_over':
      return fault(state, input, now)
    case 'takeover':
    case 'claim':
    case 'yield':
      return ordered(state, input, now)
    case 'campaign':
      return [state, campaign(state, now)]
    case 'witness':
      return heed({ ...state, witness: input.witness }, now)
    case 'setup':
      return configure({ ...state, setup: input.setup }, now)
    default:
      return input satisfies never
  }
}

function wake(state: State, now: Ms): Result {
  const { phase } = state
  if (phase.role === 'backup') return backupWakes(state, phase, now)
  return phase.role === 'master' ? masterWakes(state, phase, now) : [state, []]
}

/** RFC 9568, section 6.4.1: in Initialize nothing is heard; nor in fault. */
function hear(state: State, advert: Extract<Input, { kind: 'advert' }>, now: Ms): Result {
  const { phase } = state
  if (phase.role === 'backup') return backupHears(state, phase, advert, now)
  return phase.role === 'master' ? masterHears(state, phase, advert, now) : [state, []]
}

/** RFC 9568, section 6.4.1, the Startup event: priority 255 goes to Active (RFC 3768: Master), every other to Backup. */
function enter(state: State, why: 'started' | 'fault_over', detail: string, now: Ms): Result {
  if (state.faults.size > 0) return shutDown(state, { role: 'fault' }, 'fault', faultWords(state), now)
  if (priorityOf(state) < OWNER) return toBackup(state, why, detail, now)
  return toMaster(state, 'owner', 'priority 255: the owner of the addresses', now)
}

const stop = (state: State, now: Ms) => shutDown(state, { role: 'initialize' }, 'stopped', 'told to end', now)

/** What is broken, in one line. */
export function faultWords({ faults }: State): string {
  return [...faults.values()].join('; ')
}

const OUT_OF_SERVICE: ReadonlySet<Phase['role']> = new Set(['initialize', 'fault'])

/** A fault is a Shutdown event, the end of the last one a Startup event (RFC 9568, sections 6.4.1 to 6.4.3). */
function fault(state: State, input: Extract<Input, { kind: 'fault' | 'fault_over' }>, now: Ms): Result {
  const faults = new Map(state.faults)
  if (input.kind === 'fault') faults.set(input.name, input.why)
  else faults.delete(input.name)
  const next = { ...state, faults }
  if (state.phase.role === 'fault')
    return faults.size === 0 ? enter(next, 'fault_over', `over: ${faultWords(state)}`, now) : [next, []]
  if (faults.size === 0 || OUT_OF_SERVICE.has(state.phase.role)) return [next, []]
  return shutDown(next, { role: 'fault' }, 'fault', faultWords(next), now)
}

/** What an operator or the sync group orders. */
function ordered(state: State, input: Extract<Input, { kind: 'takeover' | 'claim' | 'yield' }>, now: Ms): Result {
  const { phase } = state
  if (input.kind === 'claim') return phase.role === 'backup' ? claim(state, phase, now) : [state, []]
  if (input.kind === 'takeover') {
    const why = takeoverObjection(state)
    if (why !== undefined) return [state, [{ kind: 'takeover_refused', why }]]
    return phase.role === 'backup' ? takeover(state, phase, now) : [state, []]
  }
  if (phase.role !== 'master') return [state, []]
  const backup = listening(state, state.setup.interval, undefined, now)
  return leaveMaster(state, backup, 'group', input.why, now, true)
}

/** What the witness says now: a backup that waited for it claims, a master yields to whom it names. That one is master already or will be. */
function heed(state: State, now: Ms): Result {
  const { phase, witness, setup } = state
  if (phase.role === 'backup' && phase.wants && !setup.grouped && permits(state)) return claim(state, phase, now)
  if (phase.role !== 'master' || witness.kind !== 'other' || permits(state)) return [state, []]
  const backup = listening(state, setup.interval, undefined, now)
  return leaveMaster(state, backup, 'witness', `the witness names ${witness.holder}`, now, false)
}

/** A new setup keeps the role. A master speaks at once, so that the others learn the new interval; a backup listens anew. */
function configure(state: State, now: Ms): Result {
  const { phase, setup } = state
  if (phase.role === 'backup') {
    const interval = setup.version === 3 && phase.heard ? phase.interval : setup.interval
    const fresh = listening(state, interval, phase.heard, now)
    return [{ ...state, phase: { ...fresh, lowerSince: phase.lowerSince } }, []]
  }
  if (phase.role !== 'master') return [state, []]
  return speak(state, { ...phase, announce: phase.announce ?? refreshAfter(setup, now) }, now)
}
