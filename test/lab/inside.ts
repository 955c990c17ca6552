// A process inside a network namespace that does with src/linux what it is told, over node's message channel.
// Holds its sockets until the channel closes; knows nothing of what a test expects.

import type { Prefixed, Wanted } from '../../src/linux/address-message.js'
import { dropAddress, listAddresses, putAddress } from '../../src/linux/addresses.js'
import { loadDatagrams } from '../../src/linux/datagrams.js'
import { whoClaims } from '../../src/linux/duplicate-address.js'
import type { Ipv4Settings, Link, Macvlan } from '../../src/linux/link-message.js'
import {
  addMacvlan,
  findLink,
  listLinks,
  readIpv4,
  removeLink,
  setAlias,
  setIpv4,
  switchLink,
} from '../../src/linux/links.js'
import { openNetlink } from '../../src/linux/netlink.js'
import { type News, openNetworkWatch } from '../../src/linux/network-watch.js'
import { openPacketSocket } from '../../src/linux/packet-socket.js'
import { type Incoming, type Outgoing, openRawSocket, type RawSocket } from '../../src/linux/raw-socket.js'
import { createReadiness } from '../../src/linux/readiness.js'

/** What it can be told, with its arguments. The last call that opened a raw socket of a family decides where `send` goes. */
export type Orders = ReturnType<typeof createOrders>
export type Told = { readonly news: News } | { readonly packet: Incoming; readonly late: number }

const tell = (told: Told) => process.send?.(told)
/** Of this machine, the same in every process: CLOCK_MONOTONIC. */
const nanoseconds = () => process.hrtime.bigint()

function createOrders() {
  const datagrams = loadDatagrams()
  const netlink = openNetlink(datagrams)
  const readiness = createReadiness(datagrams.libc, error => {
    throw error
  })
  const raw = new Map<number, RawSocket>()
  const link = (name: string): Link => {
    const found = findLink(netlink, name)
    if (found instanceof Error) throw found
    return found
  }
  return {
    list: () => listAddresses(netlink),
    links: () => listLinks(netlink),
    find: (name: string) => findLink(netlink, name),
    put: (name: string, wanted: Wanted) => putAddress(netlink, link(name), wanted),
    drop: (name: string, which: Prefixed) => dropAddress(netlink, link(name), which),
    putAt: (index: number, wanted: Wanted) => putAddress(netlink, { index, name: 'gone0' }, wanted),
    turn: (name: string, on: boolean) => switchLink(netlink, link(name), on),
    macvlan: (name: string, wanted: Omit<Macvlan, 'parent'>) => addMacvlan(netlink, link(name), wanted),
    remove: (name: string) => removeLink(netlink, link(name)),
    alias: (name: string, text: string) => setAlias(netlink, link(name), text),
    readIpv4: (name: string) => readIpv4(netlink, link(name)),
    ipv4: (name: string, settings: Ipv4Settings) => setIpv4(netlink, link(name), settings),
    watch: () => {
      const watch = openNetworkWatch(datagrams)
      readiness.watch(watch.fd, () => {
        for (const news of watch.read()) tell({ news })
      })
    },
    raw: (name: string, family: 4 | 6, group?: string) => {
      const options = { link: link(name), family, protocol: 112 }
      const socket = openRawSocket(datagrams, group === undefined ? options : { ...options, group })
      raw.set(family, socket)
      readiness.watch(socket.fd, () => {
        for (const packet of socket.receive().packets) tell({ packet, late: lateness(packet.payload) })
      })
    },
    send: (family: 4 | 6, packet: Outgoing) => raw.get(family)?.send(packet),
    sendClock: (family: 4 | 6, from: string, to: string) => {
      const payload = new Uint8Array(8)
      new DataView(payload.buffer).setBigInt64(0, nanoseconds())
      return raw.get(family)?.send({ from, to, payload })
    },
    leave: (family: 4 | 6) => raw.get(family)?.leave(),
    announce: (name: string, address: string) => {
      const socket = openPacketSocket(datagrams, link(name), false)
      const error = socket.announce(address)
      socket.close()
      return error
    },
    whoClaims: (name: string, address: string, milliseconds: number) =>
      whoClaims({ datagrams, readiness }, link(name), address, milliseconds),
    timePut: (name: string, wanted: Wanted) => {
      const to = link(name)
      const begun = nanoseconds()
      for (let n = 0; n < 100; n++) putAddress(netlink, to, wanted)
      return Number(nanoseconds() - begun) / 100e6
    },
    close: async () => {
      await readiness.close()
    },
  }
}

/** Milliseconds since the sender looked at its clock, for a packet that carries it. */
function lateness(payload: Uint8Array): number {
  if (payload.length !== 8) return -1
  return Number(nanoseconds() - new DataView(payload.buffer, payload.byteOffset).getBigInt64(0)) / 1e6
}

const orders: Record<string, (...args: never[]) => unknown> = createOrders()

process.on('message', async ({ id, order, args }: { id: number; order: string; args: never[] }) => {
  const answer = await Promise.resolve()
    .then(() => orders[order]?.(...args))
    .catch(error => error)
  const failed = answer instanceof Error ? { error: answer.message, code: (answer as { code?: string }).code } : {}
  process.send?.({ id, ...failed, value: failed.error === undefined ? answer : undefined })
})
