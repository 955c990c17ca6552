// The witness of one group: a key in etcd, under a lease, that names the host which may be master of all of its routers. Asks for it
// while the machines need it, gives it up at once when they do not, and tells them what etcd says. Decides nothing.

import type { Config, EtcdConfig, VrrpConfig } from '../config/shape.js'
import { ownKey } from '../etcd/keys.js'
import { createLeasedKey, type LeasedKey } from '../etcd/leased-key.js'
import type { Report } from '../events/event.js'
import { ipBytes } from '../linux/ip-address.js'
import { compareIp } from '../units/ip.js'
import type { Ms } from '../units/units.js'
import type { Witness as Says } from '../vrrp/state.js'

/** Where the witness is, and what we write there. */
export interface WitnessPlace {
  readonly etcd: EtcdConfig
  readonly key: string
  readonly host: string
}

export interface Witness {
  /** Asks there from now on; the same place again changes nothing, none at all means that there is no witness. */
  ask(place: WitnessPlace | undefined): void
  want(wanted: boolean): void
  /** Gives it up; resolves when etcd knows, or within a second. */
  stop(): Promise<void>
}

interface WitnessDeps {
  readonly now: () => Ms
  readonly report: Report
  /** The virtual routers it is about. */
  readonly names: readonly string[]
  readonly told: (says: Says) => void
}

/**
 * The place that the configuration of a group names. The key is that of the least address: what floats is what must not be held twice,
 * and the names of routers may differ between hosts.
 */
export function witnessPlace(
  members: ReadonlyMap<string, VrrpConfig>,
  { clusters, fleet }: Pick<Config, 'clusters' | 'fleet'>,
): WitnessPlace | undefined {
  const [one] = members.values()
  const cluster = one?.witness === 'etcd' ? clusters[one.witnessCluster ?? ''] : undefined
  const addresses = [...members.values()].flatMap(config => config.addresses.map(({ address }) => address))
  const [least] = addresses.sort((a, b) => compareIp(ipBytes(a), ipBytes(b)))
  if (!cluster || least === undefined) return undefined
  return { etcd: cluster.etcd, key: ownKey(cluster, 'addresses', least), host: fleet.name }
}

export function createWitness({ now, report, names, told }: WitnessDeps): Witness {
  let place: WitnessPlace | undefined
  let key: LeasedKey | undefined
  let wanted = false
  let silent = false

  function heard(says: Says): void {
    if ((says.kind === 'silent') !== silent) {
      silent = says.kind === 'silent'
      report({ kind: 'vrrp_witness', names, silent, why: says.kind === 'silent' ? says.why : '' })
    }
    told(says)
  }

  return {
    ask(next) {
      if (JSON.stringify(next) === JSON.stringify(place)) return
      void key?.stop()
      key = undefined
      place = next
      silent = false
      told(next ? { kind: 'unheard' } : { kind: 'none' })
      if (!next) return
      key = createLeasedKey({ config: next.etcd, key: next.key, value: () => next.host, now, told: heard })
      key.want(wanted)
    },
    want(next) {
      wanted = next
      key?.want(next)
    },
    stop: async () => key?.stop(),
  }
}
