// A proxy of the fleet in words, the same in the terminal and on the dashboard.

import { type EpochMs, formatMs, ms } from '../units/units.js'
import type { ProxyStatus } from './fleet.js'

export const gateWords = ({ gate }: ProxyStatus): string =>
  gate.kind === 'open' ? `open to ${gate.member}` : `closed: ${gate.why}`

/** Since its start, by the clocks of two hosts. */
export const upWords = ({ startedAt }: ProxyStatus, at: EpochMs): string => formatMs(ms(Math.max(0, at - startedAt)))

export const holdsWords = ({ holds }: ProxyStatus): string => (holds.length === 0 ? '-' : holds.join(', '))
