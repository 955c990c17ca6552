// Gives every host of a stand its own address: a network namespace each on one bridge (root), or an address of the
// loopback block (anyone). Knows links and neighbours. Starts no server.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { lastOctet, PORTS, type Ports, shiftPorts } from './hosts.js'

const run = promisify(execFile)

export interface Network {
  readonly kind: 'namespaces' | 'loopback'
  readonly ports: Ports
  /** The address that no host has as its own and a sidecar may hold; undefined where no host can take one. */
  readonly floating: string | undefined
  address(host: string): string
  /** Where a proxy of the host listens, to be reached at the floating address too. */
  listening(host: string): string
  /** The command line that runs `argv` in the host's network. */
  inside(host: string, argv: readonly string[]): readonly string[]
  /** Pulls the host's cable; with `from`, only what passes between it and those hosts is lost, without a word. */
  cut(host: string, from?: readonly string[]): Promise<void>
  mend(host: string, from?: readonly string[]): Promise<void>
}

/** Whether this process may make network namespaces (root with CAP_SYS_ADMIN and CAP_NET_ADMIN, iproute2 installed). */
export async function canMakeNamespaces(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false
  const name = `mk${process.pid}-try`
  try {
    await run('ip', ['netns', 'add', name])
    await run('ip', ['link', 'add', 'mk-try', 'netns', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name])
    return true
  } catch {
    return false
  } finally {
    await run('ip', ['netns', 'del', name]).catch(() => undefined)
  }
}

/** Names of the namespaces a stand makes, the bridge's first. */
export function namespaceNames(token: string, hosts: readonly string[]): string[] {
  return ['net', ...hosts].map(host => `${token}-${host}`)
}

const SUBNET = '10.77.0'

/** Makes the namespaces, the bridge and the links. Whoever calls sees to it that the namespaces are deleted. */
export async function createNamespaces(token: string, hosts: readonly string[]): Promise<Network> {
  const bridge = `${token}-net`
  for (const name of namespaceNames(token, hosts)) await run('ip', ['netns', 'add', name])
  await batch(bridge, [
    'link add br0 type bridge forward_delay 0 mcast_snooping 0',
    'link set br0 up',
    'link set lo up',
  ])
  for (const host of hosts) {
    const peer = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', `${token}-${host}`]
    await run('ip', ['link', 'add', host, 'netns', bridge, ...peer])
    await batch(bridge, [`link set ${host} master br0`, `link set ${host} up`])
    const address = `addr add ${SUBNET}.${lastOctet(host)}/24 dev eth0`
    await batch(`${token}-${host}`, ['link set lo up', address, 'link set eth0 up'])
  }
  return namespaceNetwork(token)
}

async function batch(namespace: string, lines: readonly string[]): Promise<void> {
  for (const line of lines) await run('ip', ['-n', namespace, ...line.split(' ')])
}

function namespaceNetwork(token: string): Network {
  const address = (host: string) => `${SUBNET}.${lastOctet(host)}`
  const link = (host: string, state: string) => batch(`${token}-net`, [`link set ${host} ${state}`])
  // A permanent neighbour with a hardware address nobody has: what is sent there is dropped by everyone, silently.
  const lose = (a: string, b: string) =>
    batch(`${token}-${a}`, [`neigh replace ${address(b)} lladdr 02:00:00:00:00:ff dev eth0 nud permanent`])
  const find = (a: string, b: string) => batch(`${token}-${a}`, [`neigh del ${address(b)} dev eth0`])
  const bothWays = async (how: typeof lose, host: string, others: readonly string[]) => {
    await Promise.all(others.flatMap(other => [how(host, other), how(other, host)]))
  }
  return {
    kind: 'namespaces',
    ports: PORTS,
    floating: `${SUBNET}.100`,
    address,
    listening: () => '0.0.0.0',
    inside: (host, argv) => ['nsenter', `--net=/run/netns/${token}-${host}`, '--', ...argv],
    cut: (host, from) => (from ? bothWays(lose, host, from) : link(host, 'down')),
    mend: (host, from) => (from ? bothWays(find, host, from) : link(host, 'up')),
  }
}

/** Addresses 127.77.`block`.x, ports higher by `shift`. There is no link to cut and no address to float. */
export function loopbackNetwork(block: number, shift: number): Network {
  const refuse = async (host: string) => {
    throw new Error(`${host}: a link can only be cut between network namespaces; run as root on Linux with iproute2`)
  }
  const address = (host: string) => `127.77.${block}.${lastOctet(host)}`
  return {
    kind: 'loopback',
    ports: shiftPorts(shift),
    floating: undefined,
    address,
    listening: address,
    inside: (_host, argv) => argv,
    cut: refuse,
    mend: refuse,
  }
}
