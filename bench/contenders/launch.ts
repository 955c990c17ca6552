// Starts a contender's process on its host, waits until a query goes through it, and ends it again.

import { once } from 'node:events'
import { join } from 'node:path'
import type { StartOptions } from '../../test/lab/ground.js'
import type { Host, Site } from '../site.js'
import type { Address, Contender } from './contender.js'

interface Launch extends StartOptions {
  readonly host?: Host
}

const PATIENCE_MS = 3000

/** Throws with the end of its log when nothing answers. A process that does not end within 3 s of SIGTERM is killed. */
export async function launch(
  site: Site,
  program: string,
  address: Address,
  argv: readonly string[],
  { host = 'proxy1', ...how }: Launch = {},
): Promise<Contender> {
  const name = `${program}-${address.port}`
  const child = site.ground.start(host, name, argv, how)
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    const patience = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
    await ended
    clearTimeout(patience)
  }
  try {
    await site.answering(address, child, join(site.ground.hostDir(host), `${name}.log`))
    return { address, pid: child.pid, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
