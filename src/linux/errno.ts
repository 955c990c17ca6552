// What a system call that failed means to an operator: the call, what it was about, the errno and the remedy, in one line.
// Knows Linux's errno values for sockets and rtnetlink. Refuses to know what the caller wanted it for.

import { errnoName } from './libc.js'

/** A system call that failed. Given as a value where the caller goes on, thrown where it cannot. */
export interface CallError extends Error {
  /** The manual page's name of it: `socket`, `bind`, `RTM_NEWADDR`. */
  readonly call: string
  /** `EPERM`; `errno 9999` for a number without a name. */
  readonly code: string
}

export interface Failure {
  readonly call: string
  readonly errno: number
  /** What was attempted, with its value: `add 10.77.0.100/24`. */
  readonly doing: string
  readonly interface?: string
  /** What the call needs. Without one, EPERM is the work of a firewall. */
  readonly capability?: Capability
  /** The kernel's own words about it (extended acknowledgement of netlink). */
  readonly kernelSays?: string
}

type Capability = 'CAP_NET_ADMIN' | 'CAP_NET_RAW'

/** Makes `add 10.77.0.100/24: RTM_NEWADDR on eth0 failed (EPERM); CAP_NET_ADMIN is missing: …`. */
export function callError(failure: Failure): CallError {
  const code = errnoName(failure.errno)
  const place = failure.interface === undefined ? '' : ` on ${failure.interface}`
  const words = failure.kernelSays ? `${code}: ${failure.kernelSays}` : code
  const text = `${failure.doing}: ${failure.call}${place} failed (${words}); ${remedy(code, failure)}`
  return Object.assign(new Error(text), { call: failure.call, code })
}

const UNAVAILABLE = 'this kernel cannot do it: load the module it needs, or do without'
const NO_ROOM = () => 'the kernel has no room for it now: it can be tried again'
const NO_VALUE = () => 'the kernel refuses the value: correct it'
const NO_WAY = (name: string) => `no way there from ${name}: give it an address in that network, or a route`
const TOO_MANY = () => 'too many open descriptors: raise LimitNOFILE'
const NO_INTERFACE = (name: string) =>
  `there is no interface ${name}: correct the name (ip link lists them) or create it`

/** What to do, by errno; given the interface's name. */
const REMEDIES: Readonly<Record<string, (name: string) => string>> = {
  EACCES: name => `IPv6 may be switched off there: set sysctl net.ipv6.conf.${name}.disable_ipv6=0`,
  ENODEV: NO_INTERFACE,
  ENXIO: NO_INTERFACE,
  ENETDOWN: name => `${name} is down: ip link set ${name} up`,
  EBUSY: () =>
    'what it should sit on is a port of a bridge, bond or team, or in other use: name that bridge, bond or team instead',
  EEXIST: () => 'it exists already: remove it or choose another',
  EADDRNOTAVAIL: name => `no such address on ${name}: someone else removed it, or it was never there`,
  ENETUNREACH: NO_WAY,
  EHOSTUNREACH: NO_WAY,
  EAFNOSUPPORT: () =>
    'this kernel has no such address family (IPv6 off: ipv6.disable=1, or no module ipv6): enable it or remove what needs it',
  EOPNOTSUPP: () => UNAVAILABLE,
  EPROTONOSUPPORT: () => UNAVAILABLE,
  EMFILE: TOO_MANY,
  ENFILE: TOO_MANY,
  ENOBUFS: NO_ROOM,
  EAGAIN: NO_ROOM,
  EINVAL: NO_VALUE,
  ERANGE: NO_VALUE,
}

function remedy(code: string, { capability, interface: name = 'the interface' }: Failure): string {
  if (code === 'EPERM' && capability !== undefined) return missing(capability)
  if (code === 'EPERM')
    return 'a firewall rule of this host drops it (nft list ruleset), or a security module: allow it'
  return REMEDIES[code]?.(name) ?? 'see the manual page of the call'
}

const missing = (capability: Capability): string =>
  `${capability} is missing: run as root, or grant it (AmbientCapabilities=${capability} in the systemd unit)`
