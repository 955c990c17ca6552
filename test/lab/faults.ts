// What befalls a host of the stand: killed, stopped, frozen, thawed, without power. Works by pids and links; knows nothing of what
// the programs do.

import { once } from 'node:events'
import { join } from 'node:path'
import type { Ground } from './ground.js'
import { type Installed, isRunning } from './installed.js'
import { freezeAll, killAll, pidsBeneath, signal } from './processes.js'

/** `postgres` is the server with all its backends; any other name is one program that the stand started. */
export type Part = 'postgres' | 'patroni' | 'pooler' | 'etcd' | 'mekare' | 'vrrp'

export interface Faults {
  /** SIGKILL to all processes of the host, or to one part of it. Its address stays up, so peers see resets; `cut` it first for silence. */
  kill(host: string, part?: Part): Promise<void>
  /** Sends SIGTERM, or another signal, to one program of the host and waits for its end (SIGKILL after 20 s). */
  stop(host: string, part: Exclude<Part, 'postgres'>, how?: NodeJS.Signals): Promise<void>
  /** SIGSTOP to all processes of the host, or to one part of it. */
  freeze(host: string, part?: Part): void
  thaw(host: string, part?: Part): void
  /** As when its plug is pulled: silence, then the death of all its processes. On loopback addresses peers see resets. */
  powerOff(host: string): Promise<void>
  /** Its link is up again, and what is installed on it starts. */
  powerOn(host: string): Promise<void>
  /** The processes of the host, or of one part of it. */
  pids(host?: string, part?: Part): number[]
}

/** The faults of a stand with these programs. */
export function createFaults(ground: Ground, installed: Installed): Faults {
  const { network } = ground
  const pids: Faults['pids'] = (host, part) => {
    if (host === undefined || part === undefined) return ground.pids(host)
    if (part === 'postgres') return pidsBeneath(join(ground.hostDir(host), 'data'))
    const child = installed.child(host, part)
    return isRunning(child) ? [child.pid ?? 0] : []
  }
  const freeze: Faults['freeze'] = (host, part) => freezeAll(() => pids(host, part))
  const kill: Faults['kill'] = async (host, part) => {
    await killAll(() => pids(host, part))
    // Their ends are seen here a moment later; before that `start` would take them for running.
    const dead = [...installed.children(host)].filter(([name]) => part === undefined || name === part)
    await Promise.all(dead.map(([, child]) => isRunning(child) && once(child, 'exit')))
  }
  return {
    pids,
    kill,
    stop: async (host, part, how = 'SIGTERM') => {
      const child = installed.child(host, part)
      if (!isRunning(child)) throw new Error(`${host}: no ${part} runs there`)
      const late = setTimeout(() => child.kill('SIGKILL'), 20_000)
      child.kill(how)
      await once(child, 'exit')
      clearTimeout(late)
    },
    freeze,
    thaw: (host, part) => {
      for (const pid of pids(host, part)) signal(pid, 'SIGCONT')
    },
    powerOff: async host => {
      // Frozen first, so that nobody there notices the link and says goodbye or gives an address up.
      freeze(host)
      if (network.kind === 'namespaces') await network.cut(host)
      await kill(host)
    },
    powerOn: async host => {
      if (network.kind === 'namespaces') await network.mend(host)
      installed.start(host)
    },
  }
}
