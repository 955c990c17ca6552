// IP addresses as a test writes them.

import { type Ip, parseIp } from '../../src/units/ip.js'

export function ip(text: string): Ip {
  const address = parseIp(text)
  if (!address) throw new Error(`not an address: ${text}`)
  return address
}
