// One sync group, or one virtual router by itself: its members, the driver of their machines, and the witness that all of them ask.

import type { VrrpConfig } from '../config/shape.js'
import type { Report } from '../events/event.js'
import type { Ms } from '../units/units.js'
import type { RouterReport } from '../vrrp/conversation.js'
import { setupOf } from './dialect.js'
import { createDriver } from './driver.js'
import { createMember, type Member, NOWHERE } from './member.js'
import type { HostNetwork } from './network.js'
import type { Platform } from './platform.js'
import type { ProxyView } from './proxy-ear.js'
import { createWitness, type WitnessPlace } from './witness.js'

export type Members = ReadonlyMap<string, VrrpConfig>

export interface VrrpGroup {
  start(): void
  /** How the host's network is now. */
  look(network: HostNetwork): void
  proxy(view: ProxyView): void
  /** The addresses as wanted: on change, and each half second with their lifetimes renewed. */
  reconcile(renew: boolean): void
  /** A new configuration of the same routers. */
  change(members: Members, witness: WitnessPlace | undefined): void
  reports(): readonly RouterReport[]
  /** Releases the addresses, says goodbye, closes the sockets; resolves when the witness knows too. */
  stop(): Promise<void>
}

interface GroupDeps {
  readonly platform: Platform
  readonly now: () => Ms
  readonly report: Report
  readonly changed: () => void
}

export function createGroup(first: Members, place: WitnessPlace | undefined, deps: GroupDeps): VrrpGroup {
  const { now, report } = deps
  const members = new Map<string, Member>()
  const each = () => members.values()
  const witness = createWitness({
    now,
    report,
    names: [...first.keys()],
    told: says => driver.tell(undefined, { kind: 'witness', witness: says }),
  })
  const driver = createDriver(new Map([...first].map(([name, config]) => [name, setupOf(config, NOWHERE)])), {
    now,
    act: (name, action) => members.get(name)?.act(action),
    hear() {
      for (const member of each()) member.hear()
    },
    needsWitness: needed => witness.want(needed),
  })
  for (const [name, config] of first) {
    const own = { tell: driver.tell.bind(undefined, name), state: () => driver.state(name) }
    members.set(name, createMember(name, config, { ...deps, ...own }))
  }
  witness.ask(place)

  return {
    start() {
      for (const member of each()) member.start()
      driver.tell(undefined, { kind: 'start' })
    },
    look(network) {
      for (const member of each()) member.look(network)
    },
    proxy(view) {
      for (const member of each()) member.proxy(view)
    },
    reconcile(renew) {
      // A host that was frozen puts nothing back before it knows whether it is master still.
      driver.wake()
      for (const member of each()) member.reconcile(renew)
    },
    change(next, nextPlace) {
      witness.ask(nextPlace)
      for (const [name, member] of members) {
        const config = next.get(name)
        if (config) member.change(config)
      }
    },
    reports: () => [...each()].flatMap(member => member.report() ?? []),
    stop() {
      for (const member of each()) member.rest()
      driver.tell(undefined, { kind: 'stop' })
      driver.close()
      for (const member of each()) member.close()
      return witness.stop()
    },
  }
}
