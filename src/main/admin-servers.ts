// The two servers that operators and monitors talk to: the admin address, which a reload may move, and the control socket.

import { startControl } from '../admin/control.js'
import type { AdminDeps, AdminServer } from '../admin/deps.js'
import { startAdmin } from '../admin/server.js'
import type { Config, ListenAddress } from '../config/shape.js'
import type { Report } from '../events/event.js'
import type { Bind, Listening } from '../listening/listening.js'
import type { OpenProblem } from '../proxy/entrances.js'

export interface AdminMove {
  commit(): void
  abort(): Promise<void>
}

export interface AdminServers {
  /** What hinders it; then what was opened is to be stopped. */
  open(admin: Config['admin']): Promise<readonly OpenProblem[]>
  /** Listens at another admin address too, until it is decided which of the two stays. */
  prepareMove(
    to: ListenAddress,
  ): Promise<{ readonly ok: true; readonly move: AdminMove } | ({ ok: false } & OpenProblem)>
  /** Every socket that listens. */
  listening(): readonly Listening[]
  /** Takes nobody new; requests under way are answered. */
  close(): void
  stop(): Promise<void>
}

export function createAdminServers(deps: AdminDeps, report: Report, bind: Bind): AdminServers {
  const servers: { admin?: AdminServer; control?: AdminServer } = {}
  return {
    async open({ address, socket }) {
      const admin = await startAdmin(address, deps, report, bind)
      const control = await startControl(socket, deps, bind)
      if (admin.ok) servers.admin = admin.server
      if (control.ok) servers.control = control.server
      return [admin, control].flatMap(one => (one.ok ? [] : [one]))
    },
    async prepareMove(to) {
      const started = await startAdmin(to, deps, report, bind)
      if (!started.ok) return started
      const move = {
        abort: () => started.server.stop(),
        commit() {
          void servers.admin?.stop()
          servers.admin = started.server
        },
      }
      return { ok: true, move }
    },
    listening: () => [servers.admin, servers.control].flatMap(one => one?.listening ?? []),
    close() {
      servers.admin?.close()
      servers.control?.close()
    },
    async stop() {
      await Promise.all([servers.admin?.stop(), servers.control?.stop()])
    },
  }
}
