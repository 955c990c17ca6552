// A virtual router's state in words, for status and explain. Knows no log and no clock.

import { formatIp } from '../units/ip.js'
import { formatMs, type Ms, ms } from '../units/units.js'
import { faultWords } from './machine.js'
import type { Backup, Heard, Master, State } from './state.js'
import { priorityOf } from './timers.js'
import { permits } from './witness.js'

/** One line: the role, for how long, and what it waits for. `master for 3h, priority 250; next advert in 400ms`. */
export function describeState(state: State, now: Ms): string {
  const { phase } = state
  const words = phaseWords(state, now)
  const witness = phase.role === 'backup' || phase.role === 'master' ? witnessWords(state) : ''
  return witness === '' ? words : `${words}; ${witness}`
}

function witnessWords({ witness }: State): string {
  switch (witness.kind) {
    case 'none':
      return ''
    case 'unheard':
      return 'witness not heard yet'
    case 'free':
      return 'witness names nobody'
    case 'ours':
      return 'witness names this host'
    case 'other':
      return `witness names ${witness.holder}`
    case 'silent':
      return `witness silent, VRRP alone decides: ${witness.why}`
    default:
      return witness satisfies never
  }
}

function phaseWords(state: State, now: Ms): string {
  const lasted = length(now - state.since)
  const { phase } = state
  switch (phase.role) {
    case 'initialize':
      return `not started${state.faults.size > 0 ? `; ${faultWords(state)}` : ''}`
    case 'fault':
      return `fault for ${lasted}: ${faultWords(state)}`
    case 'backup':
      return `backup for ${lasted}, ${priorityWords(state)}; ${backupWords(state, phase, now)}`
    case 'master':
      return `master for ${lasted}, ${priorityWords(state)}; ${masterWords(state, phase, now)}`
    default:
      return phase satisfies never
  }
}

const length = (span: number) => formatMs(ms(Math.max(0, span)))

function priorityWords(state: State): string {
  const ours = priorityOf(state)
  const { priority } = state.setup
  return ours === priority ? `priority ${ours}` : `priority ${ours} (${priority} lowered by tracks)`
}

function backupWords(state: State, { heard, masterDownAt, wants, lowerSince }: Backup, now: Ms): string {
  if (wants) return `would be master, waits for ${permits(state) ? 'the rest of its sync group' : 'the witness'}`
  const claims = `claims in ${length(masterDownAt - now)}`
  if (!heard) return `no master heard yet, ${claims}`
  if (heard.left) return `${formatIp(heard.address)} gave up ${length(now - heard.at)} ago, ${claims}`
  const master = `${formatIp(heard.address)} is master with priority ${heard.priority}, heard ${length(now - heard.at)} ago`
  return heard.priority < priorityOf(state)
    ? `${master}, lower than ours: ${lowerWords(state, claims, lowerSince, now)}`
    : `${master}, ${claims} unless heard`
}

function lowerWords({ setup }: State, claims: string, lowerSince: Ms | undefined, now: Ms): string {
  if (!setup.preempt) return 'left alone, preempt is false'
  const left = setup.preemptDelay - (now - (lowerSince ?? now))
  return left > 0 ? `left alone for ${length(left)} more (preemptDelay)` : claims
}

function masterWords({ rivals }: State, { advertAt }: Master, now: Ms): string {
  const next = `next advert in ${length(advertAt - now)}`
  return rivals.last ? `${next}; ${rivalWords(rivals.count, rivals.last, now)}` : next
}

function rivalWords(count: number, { address, priority, at }: Heard, now: Ms): string {
  const last = `the last from ${formatIp(address)} with priority ${priority}, ${length(now - at)} ago`
  return `${count} adverts of another master heard, ${last}`
}
