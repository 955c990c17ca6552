// The control socket: everything the admin address shows, and what changes state or names clients.
// Who may open the file (its owner and root: mode 0600) may do all of it.

import type { AdminDeps, Started } from './deps.js'
import { createAdminHttp } from './http.js'
import { controlRoutes } from './routes.js'
import { listenOnPath } from './unix-socket.js'

/** Opens the control socket at `path`. What hinders it comes back in words with the remedy. */
export async function startControl(path: string, deps: AdminDeps): Promise<Started> {
  const { server, stop } = createAdminHttp(controlRoutes(deps), deps.events, deps.sidecar)
  const why = await listenOnPath(server, path, 'admin.socket')
  if (why === undefined) return { ok: true, server: { address: path, stop } }
  await stop()
  return { ok: false, why }
}
