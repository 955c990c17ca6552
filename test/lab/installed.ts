// What is installed on each host of the stand and how each of it is started, so that `start` of a host brings up all of it, as a
// boot does. Knows processes by host and name, nothing of what they do.

import type { ChildProcess } from 'node:child_process'
import type { Ground } from './ground.js'

export type Launch = () => ChildProcess

export interface Installed {
  /** What belongs on a host from now on, in the order in which it starts. Starts and ends nothing. */
  install(host: string, programs: Readonly<Record<string, Launch>>): void
  /** Starts what belongs on the host and does not run, without waiting for it. */
  start(host: string): void
  /** Starts a program in a host's network. It is logged to `<host>/<name>.log` and ends with the stand. */
  spawn: Ground['start']
  /** The process of that name on the host: the one that runs, or the last one that did. */
  child(host: string, name: string): ChildProcess | undefined
  /** Every process started on the host, by name. */
  children(host: string): ReadonlyMap<string, ChildProcess>
}

/** Nothing is installed yet. */
export function createInstalled(ground: Ground): Installed {
  const launches = new Map<string, Readonly<Record<string, Launch>>>()
  const started = new Map<string, Map<string, ChildProcess>>()
  const child: Installed['child'] = (host, name) => started.get(host)?.get(name)
  return {
    child,
    children: host => started.get(host) ?? new Map(),
    install: (host, programs) => void launches.set(host, programs),
    start: host => {
      for (const [name, launch] of Object.entries(launches.get(host) ?? {})) if (!isRunning(child(host, name))) launch()
    },
    spawn: (host, name, argv, how) => {
      const process = ground.start(host, name, argv, how)
      const here = started.get(host) ?? new Map<string, ChildProcess>()
      started.set(host, here.set(name, process))
      return process
    },
  }
}

/** Whether its end has not been seen yet. */
export const isRunning = (child: ChildProcess | undefined): child is ChildProcess =>
  child !== undefined && child.pid !== undefined && child.exitCode === null && child.signalCode === null
