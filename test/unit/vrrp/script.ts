// Words for scripts of a VRRP machine: what it hears and is told, and what it does, in a line each.

import { formatIp } from '../../../src/units/ip.js'
import { type Ms, ms } from '../../../src/units/units.js'
import { newMachine, step, wakeAt } from '../../../src/vrrp/machine.js'
import type { Action, Input, Setup, State, Witness } from '../../../src/vrrp/state.js'
import { ip } from '../ip-words.js'

const US = ip('10.0.0.2')
export const SETUP: Setup = {
  version: 3,
  priority: 200,
  interval: ms(1000),
  preempt: true,
  preemptDelay: ms(0),
  garp: { repeat: 5, again: ms(5000), refresh: ms(60_000) },
  address: US,
  grouped: false,
}

/** Master_Down_Interval of SETUP: 3 s and a skew of 56/256 s. */
export const DOWN = 3218.75

export function say(action: Action): string {
  switch (action.kind) {
    case 'advert':
      return `advert ${action.priority}`
    case 'acquire':
    case 'release':
      return action.kind
    case 'announce':
      return `announce ${action.round} ×${action.repeat}`
    case 'transition':
      return `${action.from} → ${action.to} (${action.why})`
    case 'rival':
      return `rival ${formatIp(action.address)} ${action.priority} #${action.count}`
    case 'takeover_refused':
      return `refused: ${action.why}`
    case 'withheld':
      return `withheld by ${action.holder}`
    default:
      return action satisfies never
  }
}

export const hears = (priority: number, from = '10.0.0.1', interval = 1000): Input => ({
  kind: 'advert',
  from: ip(from),
  priority,
  interval: ms(interval),
})
export const says = (witness: Witness): Input => ({ kind: 'witness', witness })
export const OTHER = says({ kind: 'other', holder: 'k' })
export const FREE = says({ kind: 'free' })
export const OURS = says({ kind: 'ours' })
export const SILENT = says({ kind: 'silent', why: 'etcd a: no answer in time' })
export const TIME: Input = { kind: 'time' }
export const START: Input = { kind: 'start' }
export const STOP: Input = { kind: 'stop' }

/** Feeds inputs in order and, before each, every wake-up that falls due, on time. Returns what was done, with its time. */
export function play(
  setup: Partial<Setup>,
  script: readonly (readonly [number, Input])[],
): { said: string[]; state: State } {
  let state = newMachine({ ...SETUP, ...setup }, ms(0))
  const said: string[] = []
  const feed = (input: Input, now: Ms) => {
    const [next, actions] = step(state, input, now)
    state = next
    if (actions.length > 0) said.push(`${now}: ${actions.map(say).join(', ')}`)
  }
  for (const [at, input] of script) {
    for (let due = wakeAt(state); due !== undefined && due < at; due = wakeAt(state)) feed(TIME, due)
    feed(input, ms(at))
  }
  return { said, state }
}

export const said = (setup: Partial<Setup>, ...script: (readonly [number, Input])[]) => play(setup, script).said

export const MASTER_AT_DOWN = `${DOWN}: advert 200, acquire, announce first ×5, backup → master (nobody_heard)`
