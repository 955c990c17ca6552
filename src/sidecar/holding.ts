// The floating addresses of one virtual router: wanted against actual. They carry a short lifetime that is renewed each half second,
// so that the kernel itself takes them away from a process that is killed or frozen. Knows no VRRP.

import type { VrrpConfig } from '../config/shape.js'
import type { VrrpEvent } from '../events/event.js'
import type { Address } from '../linux/address-message.js'
import { dropAddress, listAddresses, putAddress } from '../linux/addresses.js'
import type { LinkName } from '../linux/links.js'
import type { Netlink } from '../linux/netlink.js'

/** Seconds an address outlives its last renewal; the kernel looks up to half a second late. */
const VALID_FOR = 2

type Floating = VrrpConfig['addresses'][number]
type Config = Pick<VrrpConfig, 'addresses' | 'label'>
type Done = Extract<VrrpEvent, { kind: 'vrrp_address' }>['done']

/** Where the addresses are put. */
export interface Seat {
  readonly link: LinkName
  /** Those of them that come without a route to their network, since another interface has it. */
  readonly routeless: readonly string[]
}

export interface Holding {
  /** Puts all of them; gives what the kernel refused, in words. */
  acquire(seat: Seat): string | undefined
  release(): void
  /** Puts back what is missing; with `renew` also renews the rest, and removes what is here while nothing is wanted. True when something was put back. */
  reconcile(seat: Seat, renew: boolean): boolean
  /** Other addresses from now on: those that are no longer wanted go at once, new ones come with the next reconcile(). */
  change(config: Config): void
  held(): boolean
}

interface HoldingDeps {
  readonly netlink: Netlink
  readonly told: (address: string, done: Done) => void
  readonly failed: (why: string) => void
}

const textOf = ({ address, prefix }: Floating) => `${address}/${prefix}`
const isSame = (a: Floating) => (b: Address) => a.address === b.address && a.prefix === b.prefix

export function createHolding(first: Config, { netlink, told, failed }: HoldingDeps): Holding {
  let config = first
  let on: LinkName | undefined
  /** Who takes an address away as often as it is put back is answered once between renewals: a fight would eat the machine. */
  let putBack = false

  /** An IPv6 address is not preferred, so that what this host begins does not come from it. */
  function put({ link, routeless }: Seat, { address, prefix }: Floating): string | undefined {
    const label = config.label !== undefined && !address.includes(':') ? { label: config.label } : {}
    const preferred = address.includes(':') ? { preferredFor: 0 } : {}
    const noPrefixRoute = routeless.includes(address)
    const wanted = { address, prefix, validFor: VALID_FOR, noPrefixRoute, ...label, ...preferred }
    return putAddress(netlink, link, wanted)?.message
  }

  function drop(link: LinkName, address: Floating, done: Done): void {
    const error = dropAddress(netlink, link, address)
    if (!error) told(textOf(address), done)
    // Gone already, with its interface or by its lifetime: what was wanted.
    else if (!['EADDRNOTAVAIL', 'ENODEV'].includes(error.code)) failed(error.message)
  }

  function actual(link: LinkName): readonly Address[] {
    const found = listAddresses(netlink, link.index)
    if (!(found instanceof Error)) return found
    failed(found.message)
    return []
  }

  function keep(seat: Seat, renew: boolean): boolean {
    const before = actual(seat.link)
    on = seat.link
    let back = false
    if (renew) putBack = false
    for (const address of config.addresses) {
      const missing = !before.some(isSame(address))
      if (!renew && (putBack || !missing)) continue
      const why = put(seat, address)
      if (why !== undefined) failed(why)
      else if (missing) {
        back = true
        putBack ||= !renew
        told(textOf(address), 'put back')
      }
    }
    return back
  }

  return {
    acquire(seat) {
      on = seat.link
      for (const address of config.addresses) {
        const why = put(seat, address)
        if (why !== undefined) return why
        told(textOf(address), 'added')
      }
      return undefined
    },
    release() {
      if (!on) return
      for (const address of config.addresses) drop(on, address, 'removed')
      on = undefined
    },
    reconcile(seat, renew) {
      if (on) return keep(seat, renew)
      if (!renew) return false
      const here = actual(seat.link)
      for (const address of config.addresses) if (here.some(isSame(address))) drop(seat.link, address, 'left behind')
      return false
    },
    change(next) {
      const gone = config.addresses.filter(({ address }) => !next.addresses.some(one => one.address === address))
      if (on) for (const address of gone) drop(on, address, 'removed')
      config = next
    },
    held: () => on !== undefined,
  }
}

/** The holding of an owner: its addresses are the host's own, so nothing is put and nothing taken. */
export const OWNED: Holding = {
  acquire: () => undefined,
  release: () => {},
  reconcile: () => false,
  change: () => {},
  held: () => false,
}
