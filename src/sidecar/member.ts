// One virtual router of a group: its hands, and what it tracks. Turns facts of the host (interfaces, proxy, scripts) into faults and
// lowered priorities of its machine.

import type { VrrpConfig } from '../config/shape.js'
import type { Report } from '../events/event.js'
import { ipBytes } from '../linux/ip-address.js'
import type { Ip } from '../units/ip.js'
import { type Ms, ms } from '../units/units.js'
import type { RouterReport } from '../vrrp/conversation.js'
import { describeState } from '../vrrp/describe.js'
import type { Action, Input, State } from '../vrrp/state.js'
import { priorityOf } from '../vrrp/timers.js'
import { setupOf } from './dialect.js'
import type { HostNetwork } from './network.js'
import { findPlace, linkTrouble } from './place.js'
import type { Platform } from './platform.js'
import type { ProxyView } from './proxy-ear.js'
import { judgeProxy } from './proxy-track.js'
import { createRouter } from './router.js'
import { createScriptTrack, type ScriptTrack } from './script-track.js'

export interface Member {
  start(): void
  act(action: Action): void
  /** Hears what waits on its socket. */
  hear(): void
  look(network: HostNetwork): void
  proxy(view: ProxyView): void
  reconcile(renew: boolean): void
  change(config: VrrpConfig): void
  report(): RouterReport | undefined
  /** Ends scripts and timers; the machine may still be told to stop. */
  rest(): void
  /** Closes the sockets. */
  close(): void
}

export interface MemberDeps {
  readonly platform: Platform
  readonly now: () => Ms
  readonly report: Report
  readonly changed: () => void
  readonly tell: (input: Input) => void
  readonly state: () => State | undefined
}

/** Before its place is known a router has no address; a machine in fault never compares it. */
export const NOWHERE: Ip = new Uint8Array(4)
/** After the kernel refused an address, how long until it is tried again. */
const TRY_AGAIN_MS = 5000

export function createMember(name: string, first: VrrpConfig, deps: MemberDeps): Member {
  const { platform, now, report, changed, tell, state } = deps
  let config = first
  let source = NOWHERE
  let scripts: readonly ScriptTrack[] = []
  const lowered = new Map<string, { readonly by: number; readonly why: string }>()
  const timers = new Set<NodeJS.Timeout>()

  const router = createRouter(name, config, {
    platform,
    report,
    changed,
    heard: ({ from, priority, interval }) => tell({ kind: 'advert', from, priority, interval }),
    broken,
  })

  function fault(what: string, why: string | undefined): void {
    if (state()?.faults.get(what) === why) return
    tell(why === undefined ? { kind: 'fault_over', name: what } : { kind: 'fault', name: what, why })
  }

  function broken(why: string): void {
    fault('addresses', why)
    const timer = setTimeout(() => {
      timers.delete(timer)
      fault('addresses', undefined)
    }, TRY_AGAIN_MS)
    timers.add(timer)
  }

  function lower(what: string, by: number, why: string): void {
    const sum = () => [...lowered.values()].reduce((total, one) => total + one.by, 0)
    const before = sum()
    if (by > 0) lowered.set(what, { by, why })
    else lowered.delete(what)
    const after = sum()
    if (before === after) return
    const reasons = [...lowered.values()].map(one => one.why).join('; ')
    report({ kind: 'vrrp_lowered', name, by: after, why: reasons })
    tell({ kind: 'lowered', by: after })
    changed()
  }

  function place(network: HostNetwork): void {
    const { links } = network
    const standing = findPlace(config, network)
    if (!standing.ok) {
      fault('interface', standing.why)
      if (!links.some(link => link.name === config.interface)) router.leave()
      return
    }
    const at = ipBytes(standing.place.source)
    if (source.join() !== at.join()) {
      source = at
      tell({ kind: 'setup', setup: setupOf(config, source) })
    }
    fault('interface', router.stand(standing.place, links))
  }

  function runScripts(): void {
    for (const script of scripts) script.close()
    scripts = Object.entries(config.track.scripts).map(([script, track]) => {
      const what = `script ${script}`
      fault(what, undefined)
      lower(what, 0, '')
      return createScriptTrack(track, why => {
        if (track.lower === 0) fault(what, why === undefined ? undefined : `${what}: ${why}`)
        else lower(what, why === undefined ? 0 : track.lower, `${what}: ${why ?? ''}`)
      })
    })
  }

  /** What only the old configuration tracks is over. */
  function forgetTracks({ track }: VrrpConfig): void {
    for (const link of track.interfaces) fault(`interface ${link}`, undefined)
    for (const script of Object.keys(track.scripts)) {
      fault(`script ${script}`, undefined)
      lower(`script ${script}`, 0, '')
    }
  }

  return {
    start: runScripts,
    act: action => router.act(action),
    hear: () => router.hear(),
    look(network) {
      place(network)
      for (const link of config.track.interfaces) fault(`interface ${link}`, linkTrouble(link, network.links))
    },
    proxy(view) {
      const { fault: why, lowered: by, why: words } = judgeProxy(config.track, view)
      fault('proxy', why)
      lower('proxy', by, words)
    },
    reconcile: renew => router.reconcile(renew),
    change(next) {
      if (JSON.stringify(next) === JSON.stringify(config)) return
      forgetTracks(config)
      config = next
      router.change(config)
      tell({ kind: 'setup', setup: setupOf(config, source) })
      runScripts()
    },
    report() {
      const machine = state()
      return (
        machine && {
          name,
          interface: config.interface,
          addresses: config.addresses.map(({ address, prefix }) => `${address}/${prefix}`),
          role: machine.phase.role,
          for: ms(Math.max(0, now() - machine.since)),
          priority: priorityOf(machine),
          words: describeState(machine, now()),
          rivals: machine.rivals.count,
          ...router.counts(),
          ...(machine.witness.kind !== 'none' && { witness: machine.witness.kind }),
        }
      )
    },
    rest() {
      for (const script of scripts) script.close()
      for (const timer of timers) clearTimeout(timer)
    },
    close: () => router.close(),
  }
}
