// What an operator has ordered and not taken back: pauses of listeners, members and this router drained. Survives a reload, and is
// handed to the process that takes this one's place.

import type { Outcome } from '../admin/deps.js'
import type { Sidecars } from '../admin/sidecars.js'
import type { Config } from '../config/shape.js'
import type { Report } from '../events/event.js'
import type { ProxyServer } from '../proxy/proxy.js'
import { formatMs, type Ms, ms } from '../units/units.js'
import type { Cluster } from './cluster.js'

/** The orders in force, each with how long it has been. */
export interface Ordered {
  readonly paused: Readonly<Record<string, Ms>>
  readonly members: readonly { readonly cluster: string; readonly member: string }[]
  readonly self?: Ms
}

export interface Orders {
  inForce(): Ordered
  /** Takes over what another process was ordered. */
  obey(orders: Ordered): void
  pause(listen: string, on: boolean): Outcome
  drain(member: string, on: boolean): Outcome | Promise<Outcome>
  /** For how long this router has been out of service. */
  drainedFor(): Ms | undefined
}

export interface OrdersDeps {
  readonly config: () => Config
  readonly now: () => Ms
  readonly report: Report
  readonly clusters: ReadonlyMap<string, Cluster>
  readonly proxy: ProxyServer
  readonly sidecars: Sidecars
}

export function createOrders(deps: OrdersDeps): Orders {
  const { config, now, report, clusters, proxy } = deps
  let drainedSince: Ms | undefined
  const drainedFor = () => (drainedSince === undefined ? undefined : ms(now() - drainedSince))

  function pause(listen: string, on: boolean): Outcome {
    const rules = config().listen[listen]
    if (!rules)
      return { ok: false, why: `no listener "${listen}"; there are ${Object.keys(config().listen).join(', ')}` }
    const lasted = proxy.paused().get(listen)
    if (on === (lasted !== undefined))
      return {
        ok: true,
        said: `${listen} is ${lasted === undefined ? 'not paused' : `paused already, for ${formatMs(lasted)}`}`,
      }
    proxy.pause(listen, on ? now() : undefined)
    report({ kind: 'listener_paused', listen, paused: on, ...(lasted === undefined ? {} : { lasted }) })
    if (!on) return { ok: true, said: `${listen} takes sessions again; those who waited go in order` }
    const wait =
      rules.holdFor === 0
        ? 'is refused (holdFor is 0)'
        : `waits ${formatMs(rules.holdFor)} at most (holdFor) and is then refused`
    return { ok: true, said: `${listen} is paused: everyone new ${wait}; open sessions go on; mekare resume ${listen}` }
  }

  function drainMember(member: string, on: boolean): Outcome {
    const homes = [...clusters.values()].filter(cluster => cluster.state().topology?.members.has(member))
    const known = [...clusters.values()].flatMap(cluster => [...(cluster.state().topology?.members.keys() ?? [])])
    if (homes.length === 0)
      return { ok: false, why: `no member "${member}"; there are ${known.join(', ') || 'none yet'}` }
    for (const cluster of homes) cluster.tell({ kind: 'drain', member, on })
    const sessions = homes.reduce((sum, cluster) => sum + proxy.sessionsOn(cluster.name, member), 0)
    if (!on) return { ok: true, said: `${member} takes new read sessions again` }
    const writes = homes.some(cluster => isPrimary(cluster, member))
      ? '; it is the primary: writes stay until a switchover'
      : ''
    return {
      ok: true,
      said: [
        `${member} gets no new read sessions; ${ending(sessions, 'there now')}${writes}`,
        ...homes.flatMap(cluster => leftAlone(cluster, member)),
      ].join('\n'),
    }
  }

  /** What is to be said of listeners for which the drained member was the last one. */
  function leftAlone(cluster: Cluster, member: string): readonly string[] {
    const reading = Object.entries(config().listen).filter(
      ([, rules]) => rules.cluster === cluster.name && rules.role !== 'primary',
    )
    const alone = reading.filter(([, rules]) => !cluster.pool(rules).some(({ usable }) => usable))
    return alone.map(([listen, { holdFor }]) => {
      const fate = holdFor === 0 ? 'is refused' : `waits ${formatMs(holdFor)} and is then refused`
      return `nobody is left for ${listen}: who comes ${fate}, as long as ${member} is drained`
    })
  }

  /** First the addresses move away, then the sessions that are left may end by themselves; whoever still comes is served. */
  async function drainSelf(on: boolean): Promise<Outcome> {
    const lasted = drainedFor()
    if (on !== (lasted !== undefined)) {
      drainedSince = on ? now() : undefined
      report({ kind: 'router_drained', drained: on, ...(lasted === undefined ? {} : { lasted }) })
      deps.sidecars.pulse()
    }
    if (!on) return { ok: true, said: 'in service again: /readyz says what is true' }
    const where = await addressesGone()
    const left = `${ending(proxy.size(), 'left')}; whoever still comes is served`
    return {
      ok: true,
      said: `out of service: /readyz says no; ${where}; ${left}\nwatch them: mekare status --watch, mekare sessions`,
    }
  }

  /** Waits until no virtual router of this host is master, as long as its peers may take: three adverts, a skew and a preemption. */
  async function addressesGone(): Promise<string> {
    const routers = Object.values(config().vrrp)
    if (routers.length === 0) return 'no floating address is configured here'
    const masters = () => deps.sidecars.reports().filter(({ role }) => role === 'master')
    if (deps.sidecars.connected() === 0) return 'no sidecar is connected: it holds no address'
    const began = now()
    const patience = Math.max(...routers.map(({ advertInterval }) => advertInterval)) * 5 + 2000
    while (masters().length > 0 && drainedSince !== undefined && now() - began < patience)
      await new Promise(resolve => setTimeout(resolve, 50))
    const stay = masters().flatMap(({ addresses }) => addresses)
    if (stay.length === 0) return 'the floating addresses are elsewhere'
    return `${stay.join(', ')} stayed here: no other router took over within ${formatMs(ms(patience))} (none lives, or it has preempt: false)`
  }

  return {
    inForce: () => ({
      paused: Object.fromEntries(proxy.paused()),
      members: [...clusters.values()].flatMap(({ name, state }) =>
        [...state().drained].map(member => ({ cluster: name, member })),
      ),
      ...(drainedSince === undefined ? {} : { self: ms(now() - drainedSince) }),
    }),
    obey({ paused, members, self }) {
      for (const [listen, lasted] of Object.entries(paused))
        if (config().listen[listen]) proxy.pause(listen, ms(now() - lasted))
      for (const { cluster, member } of members)
        if (!clusters.get(cluster)?.state().drained.has(member))
          clusters.get(cluster)?.tell({ kind: 'drain', member, on: true })
      drainedSince = self === undefined ? undefined : ms(now() - self)
    },
    pause,
    drain: (member, on) => (member === 'self' ? drainSelf(on) : drainMember(member, on)),
    drainedFor,
  }
}

function isPrimary(cluster: Cluster, member: string): boolean {
  const { gate } = cluster.state()
  return gate.kind === 'open' && gate.member === member
}

/** `1 session is left and ends by itself` */
const ending = (sessions: number, where: string): string =>
  sessions === 1
    ? `1 session is ${where} and ends by itself`
    : `${sessions} sessions are ${where} and end by themselves`
