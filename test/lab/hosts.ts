// Knows the stand's hosts: their names, their last octets, their ports. Knows no process and no network interface.

export interface Ports {
  readonly etcd: number
  readonly etcdPeer: number
  readonly postgres: number
  readonly pooler: number
  readonly patroni: number
  readonly write: number
  readonly read: number
  readonly admin: number
}

export const PORTS: Ports = {
  etcd: 2379,
  etcdPeer: 2380,
  postgres: 5432,
  pooler: 6432,
  patroni: 8008,
  write: 5000,
  read: 5001,
  admin: 7000,
}

/** The same ports, each higher by `shift`: where another server of the machine holds one on every address. */
export function shiftPorts(shift: number): Ports {
  return Object.fromEntries(Object.entries(PORTS).map(([name, port]) => [name, port + shift])) as unknown as Ports
}

const TENS: Record<string, number> = { etcd: 10, pg: 20, proxy: 30 }

/** Last octet of a host: etcd1 to etcd9 from 11, pg1 from 21, proxy1 from 31, client 50. Throws for another name. */
export function lastOctet(host: string): number {
  if (host === 'client') return 50
  const [, kind = '', n] = /^([a-z]+)([1-9])$/.exec(host) ?? []
  const tens = TENS[kind]
  if (tens === undefined) throw new Error(`${host}: no such host; the stand has etcd1…, pg1…, proxy1… and client`)
  return tens + Number(n)
}

/** `count` host names of one kind: pg1, pg2, pg3. */
export function hostNames(kind: 'etcd' | 'pg' | 'proxy', count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${kind}${i + 1}`)
}
