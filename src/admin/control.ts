// The control socket: everything the admin address shows, and what changes state or names clients.
// Who may open the file (its owner and root: mode 0600) may do all of it.

import type { Bind } from '../listening/listening.js'
import type { AdminDeps, Started } from './deps.js'
import { createAdminHttp, startHttp } from './http.js'
import { controlRoutes } from './routes.js'

/** Opens the control socket at `path`. What hinders it comes back in words with the remedy. */
export function startControl(path: string, deps: AdminDeps, bind: Bind): Promise<Started> {
  const http = createAdminHttp(controlRoutes(deps), deps.feeds.all, deps)
  return startHttp(http, { key: 'admin.socket', address: { kind: 'unix', path }, mode: 0o600 }, bind)
}
