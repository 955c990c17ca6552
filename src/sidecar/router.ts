// The hands of one virtual router: does what its machine asks for, on the wire and to the addresses, and hears for it.
// Decides nothing of VRRP.

import type { VrrpConfig } from '../config/shape.js'
import type { Report } from '../events/event.js'
import type { Link } from '../linux/link-message.js'
import { formatIp } from '../units/ip.js'
import type { Advert } from '../vrrp/packet.js'
import type { Drop, Reading } from '../vrrp/read.js'
import type { Action, Role } from '../vrrp/state.js'
import { createClaimants } from './claimants.js'
import { dialectOf, isOwner } from './dialect.js'
import { createHolding, OWNED, type Seat } from './holding.js'
import type { Place } from './place.js'
import type { Platform } from './platform.js'
import { createVirtualMac, removeVirtual, virtualMacOf } from './virtual-mac.js'
import { openWire, type Wire } from './wire.js'

export interface Router {
  /** Stands at a place from now on; gives what the kernel refused, in words. The same place again changes nothing. `links`: all there are. */
  stand(place: Place, links: readonly Link[]): string | undefined
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

export function createRouter(name: string, first: VrrpConfig, deps: RouterDeps): Router {
  const { platform, report } = deps
  let config = first
  let place: Place | undefined
  let wire: Wire | undefined
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

  const claimants = createClaimants({
    platform,
    held: () =>
      place && holding.held() ? { link: place.link, addresses: config.addresses.map(one => one.address) } : undefined,
    found: (address, claimant) => report({ kind: 'vrrp_duplicate', name, address, mac: claimant }),
    failed,
  })
  const mac = first.virtualMac ? createVirtualMac(first, platform.netlink, { failed, foundLeft }) : undefined

  function foundLeft(address: string): void {
    report({ kind: 'vrrp_address', name, address, done: 'left behind' })
  }

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
      wire = openWire(dialectOf(config), at, mac && virtualMacOf(config), { platform, read, failed })
    } catch (error) {
      if (error instanceof Error && 'call' in error) return error.message
      throw error
    }
    place = at
    return undefined
  }

  /** What a configuration without the virtual MAC address no longer needs, of a process that could not remove it. */
  function clean(at: Place): void {
    const left = mac ? undefined : removeVirtual(platform.netlink, config, at.link)
    if (left instanceof Error) failed(left.message)
    else if (left !== undefined) foundLeft(left)
  }

  const seat = (): Seat | undefined => {
    const link = mac ? mac.link() : place?.link
    return place && link && { link, routeless: mac ? place.reached : [] }
  }

  function leave(): void {
    wire?.close()
    wire = undefined
    place = undefined
    mac?.remove()
  }

  function acquire(): void {
    const on = seat()
    if (!on) return
    const why = mac?.turn(true) ?? holding.acquire(on)
    if (why === undefined) claimants.askLater()
    else deps.broken(why)
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
        claimants.leave()
        holding.release()
        failed(mac?.turn(false))
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
    stand(at, links) {
      const why = mac?.stand(at.link, links)
      if (why !== undefined || (place && isSamePlace(place, at))) return why
      clean(at)
      return open(at)
    },
    leave,
    hear: () => wire?.receive(),
    reconcile(renew) {
      const on = seat()
      if (on && holding.reconcile(on, renew)) failed(wire?.announce(config.garp.repeat))
    },
    change(next) {
      config = next
      holding.change(next)
      if (place) failed(open(place))
    },
    counts: () => ({ transitions, dropped }),
    close() {
      claimants.leave()
      holding.release()
      leave()
    },
  }
}

const isSamePlace = (a: Place, b: Place): boolean =>
  a.link.index === b.link.index &&
  a.link.mac === b.link.mac &&
  a.source === b.source &&
  same(a.own, b.own) &&
  a.reached.join() === b.reached.join()

const same = (a: Place['own'], b: Place['own']) => a.map(formatIp).join() === b.map(formatIp).join()
