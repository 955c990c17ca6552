// Holds the floating addresses of one host: its groups of virtual routers, fed with what the network, the proxy and the clock
// say. Its one periodic job, each half second: lists the network, renews the addresses, tells the proxy.

import type { Config, VrrpConfig } from '../config/shape.js'
import type { Report } from '../events/event.js'
import type { Ms } from '../units/units.js'
import type { RouterReport } from '../vrrp/conversation.js'
import { createClaims } from './claim.js'
import { isOwner } from './dialect.js'
import { createGroup, type Members, type VrrpGroup } from './group.js'
import { followNetwork, listNetwork } from './network.js'
import { floatingOf, ownerTrouble } from './owner.js'
import { openPlatform } from './platform.js'
import { createProxyEar, type ProxyEar, type ProxyView } from './proxy-ear.js'
import { witnessPlace } from './witness.js'

const BEAT_MS = 500
/** How long an announced successor of the proxy may take before its absence is a fault. */
const SUCCESSION_MS = 10_000

/** What the sidecar reads of the configuration. */
export type SidecarConfig = Pick<Config, 'vrrp' | 'clusters' | 'fleet'>

export interface SidecarDeps {
  readonly config: SidecarConfig
  /** The proxy's control socket. */
  readonly socket: string
  readonly now: () => Ms
  readonly report: Report
  readonly bug: (error: unknown) => void
  /** Told before anything is done: nothing on this host forbids the configuration. */
  readonly begins: () => void
}

export interface Sidecar {
  reports(): readonly RouterReport[]
  /** Goes over to another configuration; routers that stay keep their addresses. Gives what makes it impossible, and then nothing has changed. */
  change(config: SidecarConfig): Promise<string | undefined>
  /** Releases every address and says goodbye, at once; then ends. */
  stop(): Promise<void>
}

/** Starts it. Gives a line for the operator where the configuration cannot hold on this host. Throws CallError. */
export async function startSidecar(deps: SidecarDeps): Promise<Sidecar | string> {
  const { report, now } = deps
  const platform = openPlatform(deps.bug)
  const groups = new Map<string, VrrpGroup>()
  let config = deps.config
  let view: ProxyView = { kind: 'gone', why: 'the proxy has not been heard yet' }
  let succession: NodeJS.Timeout | undefined
  let ear: ProxyEar | undefined

  const tellProxy = () => ear?.say(reports())
  const reports = () => [...groups.values()].flatMap(group => group.reports())

  /** Without `renew` only what is missing is put: a renewal is news itself, and would be answered by the next without end. */
  function look(renew: boolean): void {
    const network = listNetwork(platform, floatingOf(config.vrrp))
    if (network instanceof Error) {
      report({ kind: 'vrrp_failed', name: 'network', why: network.message })
      return
    }
    for (const group of groups.values()) {
      group.look(network)
      group.reconcile(renew)
    }
  }

  /** An announced successor is waited for; every other end counts at once. */
  function heard(next: ProxyView): void {
    const waits = next.kind !== 'speaks' && view.kind === 'speaks' && view.tick.successor
    if (waits) {
      succession ??= setTimeout(
        () => apply({ kind: 'gone', why: 'the announced successor did not come' }),
        SUCCESSION_MS,
      )
      return
    }
    clearTimeout(succession)
    succession = undefined
    const first = view.kind !== 'speaks' && next.kind === 'speaks'
    apply(next)
    if (first) tellProxy()
  }

  function apply(next: ProxyView): void {
    view = next
    for (const group of groups.values()) group.proxy(next)
  }

  function begin(key: string, members: Members): void {
    const place = witnessPlace(members, config)
    const group = createGroup(members, place, { platform, now, report, changed: () => setImmediate(tellProxy) })
    groups.set(key, group)
    const network = listNetwork(platform, floatingOf(config.vrrp))
    if (!(network instanceof Error)) group.look(network)
    group.proxy(view)
    // What a killed predecessor left behind goes before anything else.
    group.reconcile(true)
    group.start()
  }

  const claims = createClaims()
  const wrong = ownerTrouble(config.vrrp, platform) ?? (await claims.take(config.vrrp))
  if (wrong !== undefined) {
    claims.close()
    await platform.close()
    return wrong
  }
  deps.begins()
  for (const [key, members] of groupsOf(config.vrrp)) begin(key, members)
  const stopFollowing = followNetwork(platform, () => look(false))
  const beat = setInterval(() => {
    look(true)
    tellProxy()
  }, BEAT_MS)
  if (tracksProxy(config.vrrp)) ear = createProxyEar({ path: deps.socket, now, heard })

  return {
    reports,
    async change(next) {
      const why = ownerTrouble(next.vrrp, platform) ?? (await claims.take(next.vrrp))
      if (why !== undefined) return why
      const wanted = groupsOf(next.vrrp)
      const before = groupsOf(config.vrrp)
      config = next
      for (const [key, group] of groups) {
        const members = wanted.get(key)
        if (members && isSameKind(before.get(key), members)) continue
        void group.stop()
        groups.delete(key)
      }
      for (const [key, members] of wanted) {
        const group = groups.get(key)
        if (!group) begin(key, members)
        else group.change(members, witnessPlace(members, config))
      }
      if (!tracksProxy(next.vrrp)) ear?.close()
      if (!tracksProxy(next.vrrp)) ear = undefined
      else ear ??= createProxyEar({ path: deps.socket, now, heard })
      apply(view)
      look(false)
      return undefined
    },
    async stop() {
      clearInterval(beat)
      clearTimeout(succession)
      const stopped = [...groups.values()].map(group => group.stop())
      stopFollowing()
      tellProxy()
      await Promise.all(stopped)
      ear?.close()
      claims.close()
      await platform.close()
    },
  }
}

const tracksProxy = (vrrp: Config['vrrp']) => Object.values(vrrp).some(({ track }) => track.proxy)

/** Routers of one sync group together, every other by itself. */
function groupsOf(vrrp: Config['vrrp']): ReadonlyMap<string, Members> {
  const found = new Map<string, Map<string, VrrpConfig>>()
  for (const [name, config] of Object.entries(vrrp)) {
    const key = config.syncGroup === undefined ? `router ${name}` : `group ${config.syncGroup}`
    const members = found.get(key) ?? new Map<string, VrrpConfig>()
    found.set(key, members.set(name, config))
  }
  return found
}

/** What may change under a running machine is everything but who it is. */
function isSameKind(before: Members | undefined, after: Members): boolean {
  const identity = (members: Members) =>
    JSON.stringify(
      [...members].map(([name, one]) => [
        name,
        one.interface,
        one.routerId,
        one.version,
        isOwner(one),
        one.virtualMac,
        one.addresses[0]?.address.includes(':'),
      ]),
    )
  return before !== undefined && identity(before) === identity(after)
}
