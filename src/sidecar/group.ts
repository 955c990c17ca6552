// One sync group, or one virtual router by itself: its machines, their hands, and what they track. Turns facts of the host
// (interfaces, proxy, scripts) into faults and lowered priorities.

import type { VrrpConfig } from '../config/shape.js'
import type { Report } from '../events/event.js'
import { ipBytes } from '../linux/ip-address.js'
import { type Ms, ms } from '../units/units.js'
import type { RouterReport } from '../vrrp/conversation.js'
import { describeState } from '../vrrp/describe.js'
import type { Ip } from '../vrrp/ip.js'
import type { Action } from '../vrrp/state.js'
import { priorityOf } from '../vrrp/timers.js'
import { setupOf } from './dialect.js'
import { createDriver } from './driver.js'
import type { HostNetwork } from './network.js'
import { findPlace, linkTrouble } from './place.js'
import type { Platform } from './platform.js'
import type { ProxyView } from './proxy-ear.js'
import { judgeProxy } from './proxy-track.js'
import { createRouter, type Router } from './router.js'
import { createScriptTrack, type ScriptTrack } from './script-track.js'

export type Members = ReadonlyMap<string, VrrpConfig>

export interface VrrpGroup {
  start(): void
  /** How the host's network is now. */
  look(network: HostNetwork): void
  proxy(view: ProxyView): void
  /** The addresses as wanted: on change, and each half second with their lifetimes renewed. */
  reconcile(renew: boolean): void
  /** A new configuration of the same routers. */
  change(members: Members): void
  reports(): readonly RouterReport[]
  /** Releases the addresses, says goodbye, closes the sockets. */
  stop(): void
}

interface GroupDeps {
  readonly platform: Platform
  readonly now: () => Ms
  readonly report: Report
  readonly changed: () => void
}

interface Member {
  config: VrrpConfig
  readonly router: Router
  source: Ip
  readonly lowered: Map<string, { readonly by: number; readonly why: string }>
  scripts: readonly ScriptTrack[]
}

/** Before its place is known a router has no address; a machine in fault never compares it. */
const NOWHERE: Ip = new Uint8Array(4)
/** After the kernel refused an address, how long until it is tried again. */
const TRY_AGAIN_MS = 5000

export function createGroup(first: Members, { platform, now, report, changed }: GroupDeps): VrrpGroup {
  const members = new Map<string, Member>()
  const timers = new Set<NodeJS.Timeout>()
  const setups = new Map([...first].map(([name, config]) => [name, setupOf(config, NOWHERE)]))
  const driver = createDriver(setups, {
    now,
    act: (name: string, action: Action) => members.get(name)?.router.act(action),
    hear: () => {
      for (const { router } of members.values()) router.hear()
    },
  })

  for (const [name, config] of first) {
    const router = createRouter(name, config, {
      platform,
      report,
      changed,
      heard: ({ from, priority, interval }) => driver.tell(name, { kind: 'advert', from, priority, interval }),
      broken: why => brokenFor(name, why),
    })
    members.set(name, { config, router, source: NOWHERE, lowered: new Map(), scripts: [] })
  }

  function fault(name: string, what: string, why: string | undefined): void {
    const known = driver.state(name)?.faults.get(what)
    if (known === why) return
    driver.tell(name, why === undefined ? { kind: 'fault_over', name: what } : { kind: 'fault', name: what, why })
  }

  function brokenFor(name: string, why: string): void {
    fault(name, 'addresses', why)
    const timer = setTimeout(() => {
      timers.delete(timer)
      fault(name, 'addresses', undefined)
    }, TRY_AGAIN_MS)
    timers.add(timer)
  }

  function lower(name: string, member: Member, what: string, by: number, why: string): void {
    const sum = () => [...member.lowered.values()].reduce((total, one) => total + one.by, 0)
    const before = sum()
    if (by > 0) member.lowered.set(what, { by, why })
    else member.lowered.delete(what)
    const after = sum()
    if (before === after) return
    const reasons = [...member.lowered.values()].map(one => one.why).join('; ')
    report({ kind: 'vrrp_lowered', name, by: after, why: reasons })
    driver.tell(name, { kind: 'lowered', by: after })
    changed()
  }

  function place(name: string, member: Member, { links, addresses }: HostNetwork): void {
    const standing = findPlace(member.config, links, addresses)
    if (!standing.ok) {
      fault(name, 'interface', standing.why)
      if (!links.some(link => link.name === member.config.interface)) member.router.leave()
      return
    }
    const source = ipBytes(standing.place.source)
    if (member.source.join() !== source.join()) {
      member.source = source
      driver.tell(name, { kind: 'setup', setup: setupOf(member.config, source) })
    }
    fault(name, 'interface', member.router.stand(standing.place))
  }

  function runScripts(name: string, member: Member): void {
    for (const script of member.scripts) script.close()
    member.scripts = Object.entries(member.config.track.scripts).map(([script, config]) => {
      const what = `script ${script}`
      fault(name, what, undefined)
      lower(name, member, what, 0, '')
      return createScriptTrack(config, why => {
        if (config.lower === 0) fault(name, what, why === undefined ? undefined : `${what}: ${why}`)
        else lower(name, member, what, why === undefined ? 0 : config.lower, `${what}: ${why ?? ''}`)
      })
    })
  }

  return {
    start() {
      for (const [name, member] of members) runScripts(name, member)
      driver.tell(undefined, { kind: 'start' })
    },
    look(network) {
      for (const [name, member] of members) {
        place(name, member, network)
        for (const link of member.config.track.interfaces)
          fault(name, `interface ${link}`, linkTrouble(link, network.links))
      }
    },
    proxy(view) {
      for (const [name, member] of members) {
        const { fault: why, lowered, why: words } = judgeProxy(member.config.track, view)
        fault(name, 'proxy', why)
        lower(name, member, 'proxy', lowered, words)
      }
    },
    reconcile(renew) {
      // A host that was frozen puts nothing back before it knows whether it is master still.
      driver.wake()
      for (const { router } of members.values()) router.reconcile(renew)
    },
    change(next) {
      for (const [name, member] of members) {
        const config = next.get(name)
        if (!config) continue
        for (const link of member.config.track.interfaces) fault(name, `interface ${link}`, undefined)
        for (const script of Object.keys(member.config.track.scripts)) {
          fault(name, `script ${script}`, undefined)
          lower(name, member, `script ${script}`, 0, '')
        }
        member.config = config
        member.router.change(config)
        driver.tell(name, { kind: 'setup', setup: setupOf(config, member.source) })
        runScripts(name, member)
      }
    },
    reports: () => [...members].flatMap(([name, member]) => reportOf(name, member)),
    stop() {
      for (const { scripts } of members.values()) for (const script of scripts) script.close()
      driver.tell(undefined, { kind: 'stop' })
      driver.close()
      for (const timer of timers) clearTimeout(timer)
      for (const { router } of members.values()) router.close()
    },
  }

  function reportOf(name: string, { config, router }: Member): RouterReport[] {
    const state = driver.state(name)
    if (!state) return []
    return [
      {
        name,
        interface: config.interface,
        addresses: config.addresses.map(({ address, prefix }) => `${address}/${prefix}`),
        role: state.phase.role,
        for: ms(Math.max(0, now() - state.since)),
        priority: priorityOf(state),
        words: describeState(state, now()),
        rivals: state.rivals.count,
        ...router.counts(),
      },
    ]
  }
}
