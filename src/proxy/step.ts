// What a login waits for, and until when: the janitor, a drain or a changed gate can end any wait.

import { type Ms, ms } from '../units/units.js'

/**
 *   introduction, word   the header of a balancer; the first byte of one that spoke for itself
 *   startup              the client's first packet, or the next one after N
 *   cancel               that its CancelRequest is passed on
 *   held                 its turn
 *   connecting, answer   that the link stands; what the member says to the client's packet
 *   escort               the end of a plaintext startup, whose bytes it passes on
 *   nothing              a decision that is being made; or it is over, and the relay has it, or nobody
 */
export type Step =
  | 'introduction'
  | 'word'
  | 'startup'
  | 'cancel'
  | 'held'
  | 'connecting'
  | 'answer'
  | 'escort'
  | 'nothing'

export interface Waiting {
  step: Step
  /** When it has lasted too long; NEVER where others see to that. */
  until: Ms
}

export const NEVER = ms(Number.POSITIVE_INFINITY)

export function begin(waiting: Waiting, step: Step, until: Ms = NEVER): void {
  waiting.step = step
  waiting.until = until
}
