// A conversation with the kernel's routing tables, rtnetlink(7): one request, its answer. Knows sequence numbers, dumps and
// acknowledgements; refuses to know what the messages mean.

import { constants } from 'node:os'
import type { Datagrams } from './datagrams.js'
import { type CallError, callError } from './errno.js'
import {
  type NetlinkMessage,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  netlinkMessage,
  readAnswer,
  readNetlink,
} from './netlink-message.js'
import { AF_NETLINK, netlinkSockaddr } from './sockaddr.js'

const NETLINK_ROUTE = 0
const SOL_NETLINK = 270
const NETLINK_CAP_ACK = 10
const NETLINK_EXT_ACK = 11
const SOL_SOCKET = 1
const SO_RCVBUFFORCE = 33
const NLM_F_REQUEST = 1
const NLM_F_ACK = 4
const NLM_F_DUMP = 0x300
/** The kernel fills at most 32 KiB of a dump into one datagram. */
const ROOM = 65_536
const DUMP_TRIES = 5
const SOCK_RAW = 3

export interface Request {
  /** RTM_NEWADDR and its like, by name and number. */
  readonly call: string
  readonly type: number
  /** NLM_F_CREATE, NLM_F_REPLACE …; NLM_F_REQUEST and NLM_F_ACK are added. */
  readonly flags?: number
  readonly body: Uint8Array
  /** For the error's text. */
  readonly doing: string
  readonly interface?: string
}

export interface Netlink {
  readonly datagrams: Datagrams
  /** Asks for one thing or orders it. The kernel has done it when this returns. */
  ask(request: Request): readonly NetlinkMessage[] | CallError
  /** Asks for a whole table; asked again when it changed meanwhile. */
  dump(request: Request): readonly NetlinkMessage[] | CallError
  close(): void
}

/** A socket of rtnetlink; `groups` to hear of changes. Throws CallError. */
export function openRouteSocket(datagrams: Datagrams, groups: number): number {
  const doing = 'open a socket of rtnetlink'
  const fd = datagrams.open(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)
  if (fd < 0) throw callError({ call: 'socket', errno: -fd, doing })
  datagrams.option(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1)
  datagrams.option(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1)
  // A burst of changes should fit. Without CAP_NET_ADMIN it stays at the default, and a lost burst is told as such.
  if (groups !== 0) datagrams.option(fd, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20)
  const errno = datagrams.bind(fd, netlinkSockaddr(groups))
  if (errno === 0) return fd
  datagrams.libc.close(fd)
  throw callError({ call: 'bind', errno, doing })
}

/** Opens it. Anyone may ask; orders need CAP_NET_ADMIN. Throws CallError. */
export function openNetlink(datagrams: Datagrams): Netlink {
  const fd = openRouteSocket(datagrams, 0)
  const next = datagrams.receiver(ROOM, 0)
  let sequence = 0
  const once = (request: Request, flags: number): Reply | CallError => {
    sequence++
    const { call, doing, type, body } = request
    const place = request.interface === undefined ? {} : { interface: request.interface }
    const bytes = netlinkMessage({ type, flags: NLM_F_REQUEST | flags | (request.flags ?? 0), sequence, body })
    const sent = datagrams.sendTo(fd, bytes, netlinkSockaddr(0))
    const reply: Reply = sent === 0 ? readReply(() => next(fd), sequence) : { ...NOTHING, errno: sent }
    return reply.errno === 0
      ? reply
      : callError({ call, errno: reply.errno, doing, kernelSays: reply.says, capability: 'CAP_NET_ADMIN', ...place })
  }
  return {
    datagrams,
    ask(request) {
      const reply = once(request, NLM_F_ACK)
      return reply instanceof Error ? reply : reply.messages
    },
    dump(request) {
      let reply = once(request, NLM_F_DUMP)
      for (let n = 1; n < DUMP_TRIES && !(reply instanceof Error) && reply.interrupted; n++) {
        reply = once(request, NLM_F_DUMP)
      }
      return reply instanceof Error ? reply : reply.messages
    },
    close: () => {
      datagrams.libc.close(fd)
    },
  }
}

interface Reply {
  readonly messages: readonly NetlinkMessage[]
  readonly errno: number
  readonly says: string
  /** The table changed while it was read. */
  readonly interrupted: boolean
}

const NOTHING: Reply = { messages: [], errno: 0, says: '', interrupted: false }

/** rtnetlink answers within sendto(2), so an answer that is not there yet will not come: EAGAIN is an error. */
function readReply(next: () => { readonly data: Uint8Array } | number, sequence: number): Reply {
  const messages: NetlinkMessage[] = []
  let interrupted = false
  for (;;) {
    const datagram = next()
    if (datagram === constants.errno.EINTR) continue
    if (typeof datagram === 'number') return { ...NOTHING, errno: datagram }
    for (const message of readNetlink(datagram.data)) {
      if (message.sequence !== sequence) continue
      if ((message.flags & NLM_F_DUMP_INTR) !== 0) interrupted = true
      if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
        // NLMSG_DONE carries an errno in the same place.
        return { messages, interrupted, ...readAnswer(message) }
      }
      messages.push(message)
    }
  }
}
