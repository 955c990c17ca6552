// Listening sockets that this process was started with: handed on by the process before it, or by the service manager.

import { closeSync } from 'node:fs'
import { formatListenAddress } from '../config/addresses.js'
import type { Want } from './listening.js'

export interface Given {
  readonly fd: number
  /** A Unix socket's file belongs to whoever made it, and stays when this process ends. */
  readonly kept: boolean
}

export interface Inherited {
  has(want: Want): boolean
  /** The socket for this, if there is one; whoever takes it owns it. */
  take(want: Want): Given | undefined
  /** All that was wanted is open: closes what nobody took, and gives their names. From now on what was taken is ours alone. */
  settle(): readonly string[]
  /** Before that, who handed them over listens too: closing one here takes no Unix socket's file away. */
  settled(): boolean
}

/** None: every socket is opened anew. */
export const NOTHING: Inherited = { has: () => false, take: () => undefined, settle: () => [], settled: () => true }

interface Named extends Given {
  readonly name: string
}

function inheritedOf(given: readonly Named[], namesOf: (want: Want) => readonly string[]): Inherited {
  const left = [...given]
  let settled = false
  const find = (want: Want) => {
    const names = namesOf(want)
    return left.findIndex(({ name }) => names.includes(name))
  }
  return {
    has: want => find(want) >= 0,
    take(want) {
      const at = find(want)
      return at < 0 ? undefined : left.splice(at, 1)[0]
    },
    settled: () => settled,
    settle() {
      settled = true
      const rest = left.splice(0)
      for (const { fd } of rest) closeSync(fd)
      return rest.map(({ name }) => name)
    },
  }
}

/** What the process before handed on; a socket goes by its address, whatever its listener is called now. */
export interface HandedOn extends Given {
  readonly key: string
  readonly address: string
}

export function fromPredecessor(sockets: readonly HandedOn[]): Inherited {
  const named = sockets.flatMap(({ key, address, ...given }) => [{ name: placeOf(key, address), ...given }])
  return inheritedOf(named, ({ key, address }) => [placeOf(key, formatListenAddress(address))])
}

/** Port 0 is a port of the system's choice: only the same listener means the same one. */
const placeOf = (key: string, address: string) => (address.endsWith(':0') ? key : address)

/** SD_LISTEN_FDS_START of sd_listen_fds(3). */
const FIRST = 3

interface Environment {
  readonly LISTEN_PID?: string | undefined
  readonly LISTEN_FDS?: string | undefined
  readonly LISTEN_FDNAMES?: string | undefined
}

/**
 * What the service manager hands over (sd_listen_fds(3)): by socket activation, or out of its store after a restart. A socket is
 * named (FileDescriptorName=) like its listener, `write`, or `admin`, `control`.
 */
export function fromServiceManager(env: Environment, pid: number): Inherited {
  const count = Number(env.LISTEN_PID) === pid ? Number(env.LISTEN_FDS) || 0 : 0
  const names = (env.LISTEN_FDNAMES ?? '').split(':')
  const given = Array.from({ length: count }, (_, i) => ({ name: names[i] || 'unknown', fd: FIRST + i, kept: true }))
  return inheritedOf(given, ({ key }) => [storedName(key), ...(OWN_NAMES[key] ?? [key.split('.')[1] ?? ''])])
}

const OWN_NAMES: Readonly<Record<string, readonly string[]>> = {
  'admin.address': ['admin'],
  'admin.socket': ['control'],
}

/** The name under which a socket is put into the service manager's store: `listen.write`, `admin`. */
export const storedName = (key: string): string => key.replace(/\.address$/, '')
