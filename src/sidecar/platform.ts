// What of Linux the sidecar works with, opened once. Throws one-line errors that name the call and the remedy.

import { type Datagrams, loadDatagrams } from '../linux/datagrams.js'
import { type Netlink, openNetlink } from '../linux/netlink.js'
import { type NetworkWatch, openNetworkWatch } from '../linux/network-watch.js'
import { createReadiness, type Readiness } from '../linux/readiness.js'

export interface Platform {
  readonly datagrams: Datagrams
  readonly netlink: Netlink
  readonly watch: NetworkWatch
  readonly readiness: Readiness
  close(): Promise<void>
}

/** Opens it. `bug` is told if the waiting thread ends by itself. Throws CallError. */
export function openPlatform(bug: (error: Error) => void): Platform {
  const datagrams = loadDatagrams()
  const netlink = openNetlink(datagrams)
  const watch = openNetworkWatch(datagrams)
  const readiness = createReadiness(datagrams.libc, bug)
  return {
    datagrams,
    netlink,
    watch,
    readiness,
    async close() {
      await readiness.close()
      watch.close()
      netlink.close()
    },
  }
}
