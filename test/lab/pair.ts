// Two hosts of mekare on one wire, each with a proxy and a sidecar, and one floating address between them. Knows their
// configuration and nothing of how they behave.

import type { FloatingHosts, Program } from './floating.js'

/** The hosts of floating addresses: ours, the other (keepalived or a second of ours), and a client. */
export const [M, K, C] = ['m', 'k', 'c'] as const
export const VIP = '10.78.0.199'

/** What every configuration begins with: a cluster whose etcd is not there. */
export const HEAD =
  'clusters: {x: {etcd: {hosts: [127.0.0.1:1]}}}\nlog: {format: json, level: debug}\nincidents: {file: off}\n'

export interface Pair {
  readonly configs: { readonly [M]: string; readonly [K]: string }
  /** Starts `run` or `vrrp` on a host. */
  start(host: string, verb: string): Program
}

/** Priorities 250 and 240. Without `more` there is no preemption: the address stays where it went. */
export function createPair(
  hosts: FloatingHosts,
  interval: string,
  more = 'preempt: false',
  head: (host: string) => string = () => HEAD,
): Pair {
  const config = (host: string, priority: number) =>
    hosts.file(
      `${host}-${interval}.yaml`,
      `${head(host)}admin: {socket: ${hosts.dir}/${host}.sock}\nvrrp: {pg: {interface: eth0, routerId: 51, priority: ${priority}, advertInterval: ${interval}, addresses: [${VIP}/24], ${more}}}\n`,
    )
  const configs = { [M]: config(M, 250), [K]: config(K, 240) }
  return { configs, start: (host, verb) => hosts.mekare(host, verb, configs[host as typeof M]) }
}

/** The hosts that hold the address now, as one word. */
export const holder = (hosts: FloatingHosts): string => hosts.holders(VIP).join()

/** The role a sidecar said last that it has. */
export const lastRole = (program: Program): string | undefined =>
  [...program.text().matchAll(/"to":"(\w+)"/g)].at(-1)?.[1]

export const endAll = async (programs: readonly Program[]): Promise<void> => {
  await Promise.all(programs.map(program => program.end()))
}
