// What a new configuration asks for, against the one in force: which sockets stay, which clusters go on, what cannot be changed
// while the process runs. Decides, and touches nothing. Knows addresses only as things that are equal or in one another's way.

import type { ClusterConfig, Config, ListenAddress, ListenConfig } from '../config/shape.js'

export interface ListenerPlan {
  readonly name: string
  readonly rules: ListenConfig
  /** The listener of before whose socket leads here from now on; absent: a socket is to be opened. */
  readonly socketOf?: string
  /** Listeners of before whose sockets stand in the way of the one to be opened: all interfaces against one of them, on the same port. */
  readonly blockedBy: readonly string[]
  /** A socket that another process has listened on: it accepts at once, so it is taken only when all others could be opened. */
  readonly handedOn?: boolean
  /** It is the listener of before: who waits there goes on waiting. Else it begins empty. */
  readonly goesOn: boolean
}

export interface ClusterPlan {
  readonly name: string
  readonly config: ClusterConfig
  /** `begin`: with nothing known yet. `change`: what is known stays; `source` and `probes` say what is begun anew. */
  readonly how: 'keep' | 'begin' | 'change'
  readonly source: boolean
  readonly probes: boolean
}

export interface Plan {
  readonly clusters: readonly ClusterPlan[]
  readonly listeners: readonly ListenerPlan[]
  /** Listeners of before whose socket is wanted no more. */
  readonly closing: readonly string[]
  readonly admin: boolean
  readonly log: boolean
  /** Sections and keys that only a restart changes. */
  readonly needsRestart: readonly string[]
  /** `vrrp` differs: the sidecar's to take up. */
  readonly sidecar: boolean
}

export interface PlanRules {
  /** Whether two addresses cannot stand side by side. */
  readonly collide: (a: ListenAddress, b: ListenAddress) => boolean
}

/** Compares two good configurations. */
export function planReload(before: Config, after: Config, rules: PlanRules): Plan {
  const clusters = Object.entries(after.clusters).map(([name, config]) =>
    planCluster(name, before.clusters[name], config),
  )
  const begun = new Set(clusters.filter(({ how }) => how === 'begin').map(({ name }) => name))
  return {
    clusters,
    ...planListeners(before.listen, after.listen, begun, rules),
    admin: !isSame(before.admin.address, after.admin.address),
    log: !isSame(before.log, after.log),
    needsRestart: [
      ...(isSame(before.relay, after.relay) ? [] : ['relay']),
      ...(before.admin.socket === after.admin.socket ? [] : ['admin.socket']),
      ...(isSame(before.incidents, after.incidents) ? [] : ['incidents']),
    ],
    sidecar: !isSame(before.vrrp, after.vrrp),
  }
}

/** What a process that begins has to begin: everything. Its listeners are there, and each wants a socket. */
export function planOpening({ clusters, listen }: Config): Pick<Plan, 'clusters' | 'listeners' | 'closing'> {
  return {
    clusters: Object.entries(clusters).map(([name, config]) => planCluster(name, undefined, config)),
    listeners: Object.entries(listen).map(([name, rules]) => ({ name, rules, goesOn: true, blockedBy: [] })),
    closing: [],
  }
}

/** What the names of members hang on: Patroni's words for them, or their addresses. Another identity is another cluster. */
const identity = ({ scope, namespace, source }: ClusterConfig) => (source === 'static' ? source : { scope, namespace })

/** Where the topology is asked for. */
function asked({ source, etcd, patroni, static: fixed }: ClusterConfig): unknown {
  if (source === 'etcd') return { source, etcd, fixed }
  return source === 'patroni' ? { source, patroni } : { source, fixed }
}

/** How a member is asked; what is made of the answers (rise, fall, interval) needs nobody anew. */
function questions({ probe, patroni: { username, password, ca, cert, key } }: ClusterConfig): unknown {
  const { rise: _, fall: __, interval: ___, slowStart: ____, ...login } = probe
  return login.user === undefined ? { login, rest: { username, password, ca, cert, key } } : { login }
}

function planCluster(name: string, before: ClusterConfig | undefined, config: ClusterConfig): ClusterPlan {
  const none = { name, config, source: false, probes: false }
  if (!before || !isSame(identity(before), identity(config))) return { ...none, how: 'begin' }
  if (isSame(before, config)) return { ...none, how: 'keep' }
  const source = !isSame(asked(before), asked(config))
  return { name, config, how: 'change', source, probes: !isSame(questions(before), questions(config)) }
}

type Listens = Config['listen']

/** A socket goes with its address, whatever name is on it; a name that stays with its cluster keeps those who wait. */
export function planListeners(
  before: Listens,
  after: Listens,
  begun: ReadonlySet<string>,
  { collide }: PlanRules,
): Pick<Plan, 'listeners' | 'closing'> {
  const listeners = Object.entries(after).map(([name, rules]): ListenerPlan => {
    const old = before[name]
    const socketOf = old && isSame(old.address, rules.address) ? name : ownerOf(rules.address, before)
    const goesOn = old !== undefined && old.cluster === rules.cluster && !begun.has(rules.cluster)
    if (socketOf !== undefined) return { name, rules, goesOn, socketOf, blockedBy: [] }
    const inTheWay = Object.entries(before).filter(([, { address }]) => collide(address, rules.address))
    return { name, rules, goesOn, blockedBy: inTheWay.map(([other]) => other) }
  })
  const kept = new Set(listeners.map(({ socketOf }) => socketOf))
  return { listeners, closing: Object.keys(before).filter(name => !kept.has(name)) }
}

/** Port 0 is a port of the system's choice: no two are the same. */
function ownerOf(address: ListenAddress, before: Listens): string | undefined {
  if (address.kind === 'tcp' && address.port === 0) return undefined
  return Object.entries(before).find(([, { address: old }]) => isSame(old, address))?.[0]
}

/** Values of a configuration: plain, and with their keys in the table's order. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
