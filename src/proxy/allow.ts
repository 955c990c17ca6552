// Which client addresses a listener lets in: CIDR blocks and single addresses.

import { BlockList, isIPv6 } from 'node:net'

export type Allow = (host: string, blocks: readonly string[]) => boolean

/** Compiles `allow` once for each configuration; empty lets everybody in, and so does a Unix socket, which has no address. */
export function createAllow(): Allow {
  let compiled: { readonly from: readonly string[]; readonly list: BlockList } | undefined
  return (host, blocks) => {
    if (blocks.length === 0 || host === '') return true
    if (compiled?.from !== blocks) compiled = { from: blocks, list: compile(blocks) }
    return compiled.list.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')
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
