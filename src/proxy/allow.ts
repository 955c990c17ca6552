// Which client addresses a listener lets in: CIDR blocks and single addresses.

import { BlockList, isIPv6 } from 'node:net'

export type Allow = (host: string, blocks: readonly string[]) => boolean

/** Compiles each list once, as long as it is in force; empty lets everybody in, and so does a Unix socket, which has no address. */
export function createAllow(): Allow {
  const compiled = new WeakMap<readonly string[], BlockList>()
  return (host, blocks) => {
    if (blocks.length === 0 || host === '') return true
    const list = compiled.get(blocks) ?? compile(blocks)
    compiled.set(blocks, list)
    return list.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')
  }
}

function compile(blocks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const block of blocks) {
    const [net = '', bits] = block.split('/')
    const family = isIPv6(net) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(net, family)
    else list.addSubnet(net, Number(bits), family)
  }
  return list
}
