// How members are asked: HAProxy's check intervals and counts → `probe`.

import { type Finding, maybe, note } from '../finding.js'
import { duration, haproxyMs } from '../units.js'
import type { Group } from './clusters.js'
import { type Given, linesBehind } from './params.js'
import { setting } from './proxies.js'
import { type Server, saidBy } from './servers.js'

/** The defaults of probe.interval and probe.timeout. */
const DEFAULT_MS = 1000

/** The keys of `probe` in the cluster at `path`. */
export function readProbe({ ports }: Group, servers: readonly Server[], path: string): readonly Finding[] {
  const checks = ports.map(({ back }) => setting(back, 'timeout', 'check')).filter(line => line !== undefined)
  const timeouts = checks.map(line => ({ value: line.words[2] ?? '', line }))
  const slow = saidBy(servers, 'slowstart')
  const slowMs = haproxyMs(slow[0]?.value)
  return [
    ...quicker(saidBy(servers, 'inter'), path, 'interval', 'inter '),
    ...quicker(timeouts, path, 'timeout', 'timeout check '),
    ...(['rise', 'fall'] as const).flatMap(word => counted(saidBy(servers, word), path, word)),
    ...maybe(`${path}.probe.slowStart`, slowMs === undefined ? undefined : duration(slowMs), linesBehind(slow)),
  ]
}

/** A failure is never noticed later than by default: what is slower in HAProxy stays as mekare has it. */
function quicker(given: readonly Given[], path: string, name: string, word: string): readonly Finding[] {
  const read = given.map(one => ({ ...one, ms: haproxyMs(one.value) ?? DEFAULT_MS }))
  const quick = read.filter(({ ms }) => ms < DEFAULT_MS)
  const least = quick.length === 0 ? undefined : duration(Math.min(...quick.map(({ ms }) => ms)))
  const sooner = `probe.${name} is 1s, over a connection that is kept: a failure shows sooner`
  return [
    ...maybe(`${path}.probe.${name}`, least, linesBehind(quick)),
    ...read.filter(({ ms }) => ms >= DEFAULT_MS).map(({ line, value }) => note('idle', line, sooner, word + value)),
  ]
}

function counted(given: readonly Given[], path: string, word: string): readonly Finding[] {
  const first = given[0]?.value
  const others = given.filter(({ value }) => value !== first)
  const alike = `all members are asked alike: ${word} ${first} holds`
  return [
    ...maybe(`${path}.probe.${word}`, first, linesBehind(given.filter(({ value }) => value === first))),
    ...others.map(({ line, value }) => note('gone', line, alike, `${word} ${value}`)),
  ]
}
