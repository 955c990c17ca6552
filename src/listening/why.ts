// Why an address cannot be listened on, in words with the remedy.

import { formatListenAddress } from '../config/addresses.js'
import type { ListenAddress } from '../config/shape.js'

/** What may be over a moment later by itself. */
export const PASSING: ReadonlySet<string> = new Set(['EADDRINUSE', 'EADDRNOTAVAIL'])

/** One line: the address, what is wrong with it, and what to do. */
export function whyNot(address: ListenAddress, error: NodeJS.ErrnoException): string {
  const { code = 'unknown' } = error
  const where = formatListenAddress(address)
  switch (code) {
    case 'EADDRINUSE':
      return `${where} is taken (${code}); stop the other process or choose another`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${where} is not an address of this machine (${code}); choose one of "ip address", or 0.0.0.0`
    case 'EACCES':
      return `${where} needs a right that this process has not (${code}); choose a port above 1023, or a directory this user may write to`
    default:
      return `${where} cannot be listened on: ${error.message}`
  }
}
