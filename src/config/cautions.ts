// What a configuration allows that its operator may not have meant: right, and worth a warning.

import type { Config } from './shape.js'

/** A sentence each, with its key and the remedy. */
export function cautions({ listen }: Config): readonly string[] {
  const open = Object.entries(listen).filter(
    ([, { address, proxyProtocol, proxyFrom }]) =>
      address.kind === 'tcp' && proxyProtocol === 'require' && proxyFrom.length === 0,
  )
  return open.map(
    ([name]) =>
      `listen.${name}.proxyFrom: is empty, and proxyProtocol is require: whoever reaches the port can claim any address, so allow and maxPerAddress hold nobody off; name the balancers in it`,
  )
}
