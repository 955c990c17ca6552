// The hands of one virtual router: does what its machine asks for, on the wire and to the addresses, and hears for it.
// Decides nothing of VRRP.

import type { VrrpConfig } from '../config/shape.js'
import type { Report } from '../events/event.js'
import { whoClaims } from '../linux/duplicate-address.js'
import { formatIp } from '../vrrp/ip.js'
import type { Advert } from '../vrrp/packet.js'
import type { Drop, Reading } from '../vrrp/read.js'
import type { Action, Role } from '../vrrp/state.js'
import { dialectOf, isOwner } from './dialect.js'
import { createHolding, OWNED } from './holding.js'
import type { Place } from './place.js'
import type { Platform } from './platform.js'
import { openWire, type Wire } from './wire.js'

export interface Router {
  /** Stands at a place from now on; gives what the kernel refused, in words. The same place again changes nothing. */
  stand(place: Place): string | undefined
  /** Lets go of the sockets: the interface is gone or another one. */
  leave(): void
  act(action: Action): void
  hear(): void
  /** Addresses as wanted; announced again where one had to be put back. */
  reconcile(renew: boolean): void
  change(config: VrrpConfig): void
  counts(): RouterCounts
  close(): void
}

interface RouterCounts {
  readonly transitions: Readonly<Partial<Record<Role, number>>>
  readonly dropped: Readonly<Partial<Record<Drop, number>>>
}

export interface RouterDeps {
  readonly platform: Platform
  readonly report: Report
  readonly heard: (advert: Advert) => void
  /** The addresses cannot be held here. */
  readonly broken: (why: string) => void
  /** The role has changed. */
  readonly changed: () => void
}

/** How long after a takeover another host is given to let go before it is asked for, and how long it may answer. */
const CLAIM_AFTER_MS = 1000
const CLAIM_WITHIN_MS = 500

export function createRouter(name: string, first: VrrpConfig, deps: RouterDeps): Router {
  const { platform, report } = deps
  let config = first
  let place: Place | undefined
  let wire: Wire | undefined
  let asking: NodeJS.Timeout | undefined
  const transitions: Partial<Record<Role, number>> = {}
  const dropped: Partial<Record<Drop, number>> = {}
  const failed = (why: string | undefined) => {
    if (why !== undefined) report({ kind: 'vrrp_failed', name, why })
  }
  const holding = isOwner(first)
    ? OWNED
    : createHolding(first, {
        netlink: platform.netlink,
        failed,
        told: (address, done) => report({ kind: 'vrrp_address', name, address, done }),
      })

  function read(reading: Reading): void {
    if (reading.kind === 'dropped') {
      const { drop, why } = reading
      dropped[drop] = (dropped[drop] ?? 0) + 1
      if (drop !== 'vrid') report({ kind: 'vrrp_dropped', name, drop, why })
      return
    }
    if (reading.differs !== undefined) report({ kind: 'vrrp_differs', name, why: reading.differs })
    deps.heard(reading.advert)
  }

  function open(at: Place): string | undefined {
    wire?.close()
    wire = undefined
    place = undefined
    try {
      wire = openWire(dialectOf(config), at, { platform, read, failed })
    } catch (error) {
      if (error instanceof Error && 'call' in error) return error.message
      throw error
    }
    place = at
    return undefined
  }

  function acquire(): void {
    if (!place) return
    const why = holding.acquire(place.link)
    if (why !== undefined) {
      deps.broken(why)
      return
    }
    clearTimeout(asking)
    asking = setTimeout(() => void askOthers().catch((error: unknown) => failed(String(error))), CLAIM_AFTER_MS)
  }

  /** Another host that still has an address is told of, never a reason to let go: a frozen one's kernel answers too. */
  async function askOthers(): Promise<void> {
    for (const { address } of config.addresses) {
      if (!place || !holding.held()) return
      const claim = await whoClaims(platform, place.link, address, CLAIM_WITHIN_MS)
      if (claim instanceof Error) failed(claim.message)
      else if (claim && holding.held()) report({ kind: 'vrrp_duplicate', name, address, mac: claim.mac })
    }
  }

  function act(action: Action): void {
    switch (action.kind) {
      case 'advert':
        failed(wire?.advertise(action.priority))
        break
      case 'acquire':
        acquire()
        break
      case 'release':
        clearTimeout(asking)
        holding.release()
        break
      case 'announce':
        failed(wire?.announce(action.repeat))
        break
      case 'transition':
        transitions[action.to] = (transitions[action.to] ?? 0) + 1
        report({ ...action, kind: 'vrrp_changed', name })
        deps.changed()
        break
      case 'rival':
        report({ ...action, kind: 'vrrp_rival', name, address: formatIp(action.address) })
        break
      case 'withheld':
        report({ ...action, kind: 'vrrp_withheld', name })
        break
      case 'takeover_refused':
        report({ kind: 'vrrp_failed', name, why: `takeover refused: ${action.why}` })
        break
      default:
        action satisfies never
    }
  }

  return {
    act,
    stand: at => (place && isSamePlace(place, at) ? undefined : open(at)),
    leave() {
      wire?.close()
      wire = undefined
      place = undefined
    },
    hear: () => wire?.receive(),
    reconcile(renew) {
      if (place && holding.reconcile(place.link, renew)) failed(wire?.announce(config.garp.repeat))
    },
    change(next) {
      config = next
      holding.change(next)
      if (place) failed(open(place))
    },
    counts: () => ({ transitions, dropped }),
    close() {
      clearTimeout(asking)
      holding.release()
      wire?.close()
      wire = undefined
    },
  }
}

const isSamePlace = (a: Place, b: Place): boolean =>
  a.link.index === b.link.index && a.link.mac === b.link.mac && a.source === b.source && same(a.own, b.own)

const same = (a: Place['own'], b: Place['own']) => a.map(formatIp).join() === b.map(formatIp).join()
