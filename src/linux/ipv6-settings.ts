// Settings of IPv6 on one interface, which rtnetlink reads but does not write: /proc/sys/net/ipv6/conf, ip-sysctl in the kernel's manual.

import { writeFileSync } from 'node:fs'
import type { LinkName } from './links.js'

export type Ipv6Setting = 'accept_ra' | 'disable_ipv6'

/**
 * Writes one. Undefined when it is done, or where the kernel has no IPv6; else one line with the remedy. Needs CAP_NET_ADMIN and a writable
 * /proc/sys.
 */
export function setIpv6({ name }: LinkName, setting: Ipv6Setting, value: number): string | undefined {
  const path = `/proc/sys/net/ipv6/conf/${name}/${setting}`
  try {
    writeFileSync(path, String(value))
    return undefined
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error'
    if (code === 'ENOENT') return undefined
    return `${path} cannot be set to ${value} (${code}); let the sidecar write there (ReadWritePaths=/proc/sys/net/ipv6/conf in its unit)`
  }
}
