// What the proxy's state means for a virtual router: a fault, a lower priority, or nothing. Pure.

import type { VrrpConfig } from '../config/shape.js'
import { HUNG_MS } from '../vrrp/conversation.js'
import type { ProxyView } from './proxy-ear.js'

export interface ProxyVerdict {
  /** Why the addresses must go; undefined: they may stay. */
  readonly fault?: string
  readonly lowered: number
  readonly why: string
}

/** Takes the priority down to 1: who else lives gets the address, and nobody else is it left with this host. */
const ALL_OF_IT = 253

/** Judges what is known of the proxy by what the router tracks. */
export function judgeProxy(track: VrrpConfig['track'], view: ProxyView): ProxyVerdict {
  if (!track.proxy) return { lowered: 0, why: '' }
  if (view.kind === 'gone') return { fault: view.why, lowered: 0, why: '' }
  if (view.kind === 'hung')
    return { fault: `the proxy has not spoken for ${HUNG_MS}ms: it hangs or is frozen`, lowered: 0, why: '' }
  const { stopping, successor, drained, gateClosed, sourceSilent } = view.tick
  if (stopping && !successor) return { fault: 'the proxy is stopping', lowered: 0, why: '' }
  const reasons = [
    { by: drained ? ALL_OF_IT : 0, why: 'drained by an operator' },
    { by: gateClosed.length > 0 ? track.whenGateClosed : 0, why: `gate closed: ${gateClosed.join(', ')}` },
    { by: sourceSilent.length > 0 ? track.whenNoEtcd : 0, why: `source silent: ${sourceSilent.join(', ')}` },
  ].filter(({ by }) => by > 0)
  return { lowered: reasons.reduce((sum, { by }) => sum + by, 0), why: reasons.map(({ why }) => why).join('; ') }
}
