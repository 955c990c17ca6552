// Two hosts that share one floating address: mekare with its sidecar, HAProxy with keepalived, as the address drills have them.

import { type Contend, keepalived, mekare } from '../drills/address/contender.js'

interface AddressPair {
  readonly title: string
  readonly contend: Contend
}

export const ADDRESS_PAIRS: Readonly<Record<string, AddressPair>> = {
  'haproxy-keepalived': { title: 'HAProxy and keepalived', contend: keepalived('fault') },
  'mekare-vrrp': { title: 'mekare and its sidecar', contend: mekare(1000) },
}
