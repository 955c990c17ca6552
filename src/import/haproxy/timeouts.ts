// HAProxy's time limits and retries → those of a listener.

import { type Finding, type Key, key, type Line, maybe, note } from '../finding.js'
import { duration, haproxyMs } from '../units.js'
import type { Port } from './ports.js'
import { setting } from './proxies.js'

/** How long a new client waits by default: listen.holdFor. */
const HOLD_MS = { primary: 45_000, other: 5000 }

/** The keys of time for the listener at `path`. */
export function readTimeouts({ front, back }: Port, role: string | undefined, path: string): readonly Finding[] {
  const ends = [setting(front, 'timeout', 'client-fin'), setting(back, 'timeout', 'server-fin')]
  const retries = setting(back, 'retries')
  return [
    ...least([setting(back, 'timeout', 'connect')], `${path}.connectTimeout`),
    ...readIdle({ front, back }, path),
    ...least(ends, `${path}.halfCloseTimeout`),
    ...readQueue(setting(back, 'timeout', 'queue'), role, path),
    ...(retries === undefined ? [] : [key(`${path}.connectRetries`, retries.words[1] ?? '', [retries])]),
  ]
}

/**
 * The shortest of the limits that are given, 0 being none; one that is no time stands as it is, for our loader to refuse.
 */
function least(lines: readonly (Line | undefined)[], path: string, say = ''): readonly Key[] {
  const given = lines.filter(line => line !== undefined)
  const times = given.map(({ words }) => haproxyMs(words[2]) ?? Number.NaN)
  const limits = times.filter(time => time !== 0)
  const shortest = limits.length === 0 ? 0 : Math.min(...limits)
  const value = Number.isNaN(shortest) ? given.find((_, i) => Number.isNaN(times[i]))?.words[2] : duration(shortest)
  return maybe(path, given.length === 0 ? undefined : value, given, shortest === 0 ? '' : say)
}

const IDLE = "connection pools rest longer than this and then meet a dead connection; mekare's own default is 0s, never"

/** `timeout tunnel` takes the place of the other two as soon as both sides are connected (manual, timeout tunnel). */
function readIdle({ front, back }: Pick<Port, 'front' | 'back'>, path: string): readonly Finding[] {
  const ends = [setting(front, 'timeout', 'client'), setting(back, 'timeout', 'server')]
  const tunnel = setting(back, 'timeout', 'tunnel')
  if (tunnel === undefined) return least(ends, `${path}.idleTimeout`, IDLE)
  const replaced = ends.filter(line => line !== undefined)
  return [
    ...least([tunnel], `${path}.idleTimeout`, IDLE),
    ...replaced.map(line => note('idle', line, 'timeout tunnel holds for connections that are open')),
  ]
}

/** HAProxy's queue is for a place on a server; ours is for a member too, so a short time would give up in a switchover. */
function readQueue(line: Line | undefined, role: string | undefined, path: string): readonly Finding[] {
  const own = role === 'primary' ? HOLD_MS.primary : HOLD_MS.other
  const length = haproxyMs(line?.words[2])
  if (line === undefined || length === undefined) return []
  if (length > own) return [key(`${path}.holdFor`, duration(length), [line])]
  const stays = `holdFor is ${duration(own)}: clients wait for a place as for a primary, through a switchover too`
  return [note('idle', line, stays)]
}
