// The capabilities this process has, capabilities(7), as /proc tells them.

import { readFileSync } from 'node:fs'

/** Numbers of linux/capability.h. */
const NUMBERS = { CAP_NET_ADMIN: 12n, CAP_NET_RAW: 13n } as const

export type Capability = keyof typeof NUMBERS

/** Those of `wanted` that are not effective; none where /proc does not tell. */
export function missingCapabilities(wanted: readonly Capability[]): readonly Capability[] {
  const [, hex] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status()) ?? []
  if (hex === undefined) return []
  const effective = BigInt(`0x${hex}`)
  return wanted.filter(name => ((effective >> NUMBERS[name]) & 1n) === 0n)
}

function status(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8')
  } catch {
    return ''
  }
}
