// News of interfaces and addresses as the kernel tells them, whoever made the change: rtnetlink(7), its multicast groups.
// Remembers nothing: who was told that news got lost lists them again.

import { type Address, RTM_DELADDR, RTM_NEWADDR, readAddress } from './address-message.js'
import { type Datagram, type Datagrams, receiveBatch } from './datagrams.js'
import { EAGAIN } from './libc.js'
import { type Link, RTM_DELLINK, RTM_NEWLINK, readLink } from './link-message.js'
import { openRouteSocket } from './netlink.js'
import { type NetlinkMessage, readNetlink } from './netlink-message.js'

const RTMGRP_LINK = 0x1
const RTMGRP_IPV4_IFADDR = 0x10
const RTMGRP_IPV6_IFADDR = 0x100
const ROOM = 65_536
const BATCH = 64
/** More messages than the largest queue holds. */
const QUEUE_LIMIT = 100_000

export type News =
  | { readonly kind: 'link'; readonly link: Link; readonly gone: boolean }
  /** A renewal of a lifetime is told too, with `gone` false. */
  | { readonly kind: 'address'; readonly address: Address; readonly gone: boolean }
  /** Some news did not fit the queue; what was in it is dropped too: list again. */
  | { readonly kind: 'lost' }

export interface NetworkWatch {
  readonly fd: number
  /** What has happened since; ask again until there is nothing. */
  read(): readonly News[]
  close(): void
}

/** Opens it: everything from now on is told. Needs no capability. Throws CallError. */
export function openNetworkWatch(datagrams: Datagrams): NetworkWatch {
  const fd = openRouteSocket(datagrams, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR)
  const next = datagrams.receiver(ROOM, 0)
  return {
    fd,
    read() {
      const { got, errno } = receiveBatch(
        () => next(fd),
        one => readNetlink(one.data).flatMap(readNews),
        BATCH,
      )
      if (errno === 0) return got.flat()
      empty(() => next(fd))
      return [{ kind: 'lost' }]
    },
    close: () => {
      datagrams.libc.close(fd)
    },
  }
}

/**
 * After an overflow the kernel goes on dropping, without another word, until the queue has been read empty
 * (NETLINK_S_CONGESTED, net/netlink/af_netlink.c). So it is emptied first: a list made after that misses nothing.
 */
function empty(next: () => Datagram | number): void {
  for (let n = 0; n < QUEUE_LIMIT; n++) if (next() === EAGAIN) return
}

/** Turns one message of the kernel into news; nothing where it is of another kind. */
export function readNews(message: NetlinkMessage): News[] {
  if (message.type === RTM_NEWLINK || message.type === RTM_DELLINK) {
    const link = readLink(message)
    return link ? [{ kind: 'link', link, gone: message.type === RTM_DELLINK }] : []
  }
  if (message.type !== RTM_NEWADDR && message.type !== RTM_DELADDR) return []
  const address = readAddress(message)
  return address ? [{ kind: 'address', address, gone: message.type === RTM_DELADDR }] : []
}
