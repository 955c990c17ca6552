// Asks, a while after a takeover, whether another host still claims one of the addresses. That is told, never a reason to let go: a frozen
// host's kernel answers too.

import { whoClaims } from '../linux/duplicate-address.js'
import type { Link } from '../linux/link-message.js'
import type { Platform } from './platform.js'

/** How long another host is given to let go before it is asked for, and how long it may answer. */
const AFTER_MS = 1000
const WITHIN_MS = 500

export interface Claimants {
  /** Asks once, later, and instead of what was to be asked before. */
  askLater(): void
  /** Does not ask. */
  leave(): void
}

interface ClaimantsDeps {
  readonly platform: Platform
  /** What to ask about, and where; undefined when the addresses are not here any more. */
  readonly held: () => { readonly link: Link; readonly addresses: readonly string[] } | undefined
  readonly found: (address: string, mac: string) => void
  readonly failed: (why: string) => void
}

export function createClaimants({ platform, held, found, failed }: ClaimantsDeps): Claimants {
  let timer: NodeJS.Timeout | undefined

  async function ask(): Promise<void> {
    for (const address of held()?.addresses ?? []) {
      const link = held()?.link
      if (!link) return
      const claim = await whoClaims(platform, link, address, WITHIN_MS)
      if (claim instanceof Error) failed(claim.message)
      else if (claim && held()) found(address, claim.mac)
    }
  }

  return {
    askLater() {
      clearTimeout(timer)
      timer = setTimeout(() => void ask().catch((error: unknown) => failed(String(error))), AFTER_MS)
    },
    leave: () => clearTimeout(timer),
  }
}
