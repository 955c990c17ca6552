// What befalls a host of the stand: killed, stopped, frozen, thawed. Works by pids; knows nothing of what the programs do.

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Ground } from './ground.js'
import { freezeAll, killBeneath, pidsBeneath, signal } from './processes.js'

/** `postgres` is the server with all its backends; any other name is one program that the stand started. */
export type Part = 'postgres' | 'patroni' | 'etcd' | 'mekare'

export interface Faults {
  /** SIGKILL to all processes of the host. Its address stays up, so peers see resets; `cut` it first for silence. */
  kill(host: string): Promise<void>
  /** Sends SIGTERM, or another signal, to one program of the host and waits for its end (SIGKILL after 20 s). */
  stop(host: string, part: Exclude<Part, 'postgres'>, how?: NodeJS.Signals): Promise<void>
  /** SIGSTOP to all processes of the host, or to one part of it. */
  freeze(host: string, part?: Part): void
  thaw(host: string, part?: Part): void
  /** The processes of the host, or of one part of it. */
  pids(host?: string, part?: Part): number[]
}

/** The faults of a stand; `started` are its programs by `host/name`. */
export function createFaults(ground: Ground, started: ReadonlyMap<string, ChildProcess>): Faults {
  const pids: Faults['pids'] = (host, part) => {
    if (host === undefined || part === undefined) return ground.pids(host)
    if (part === 'postgres') return pidsBeneath(join(ground.hostDir(host), 'data'))
    const child = started.get(`${host}/${part}`)
    return child?.pid !== undefined && isAlive(child) ? [child.pid] : []
  }
  return {
    pids,
    kill: host => killBeneath(ground.hostDir(host)),
    stop: async (host, part, how = 'SIGTERM') => {
      const child = started.get(`${host}/${part}`)
      if (!child || !isAlive(child)) throw new Error(`${host}: no ${part} runs there`)
      const late = setTimeout(() => child.kill('SIGKILL'), 20_000)
      child.kill(how)
      await once(child, 'exit')
      clearTimeout(late)
    },
    freeze: (host, part) => freezeAll(() => pids(host, part)),
    thaw: (host, part) => {
      for (const pid of pids(host, part)) signal(pid, 'SIGCONT')
    },
  }
}

const isAlive = (child: ChildProcess) => child.exitCode === null && child.signalCode === null
