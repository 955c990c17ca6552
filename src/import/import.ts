// From the configuration that people have (HAProxy, keepalived, Patroni) to findings for ours. Opens no file: what it reads is given.

import { type Cluster, complete, NOWHERE } from './clusters.js'
import { type Finding, type Key, key, note, type Source, type Unreadable, type Value } from './finding.js'
import type { Group } from './haproxy/clusters.js'
import { type FromHaproxy, readHaproxy } from './haproxy/map.js'
import type { Means } from './keepalived/definitions.js'
import { readKeepalived } from './keepalived/map.js'
import { freeName } from './names.js'
import { type Patroni, type PatroniFile, readPatroni } from './patroni.js'

export interface Given {
  readonly haproxy: readonly Source[]
  readonly keepalived: readonly Source[]
  readonly patroni: readonly PatroniFile[]
  /** Keys given by hand; they win. */
  readonly keys: readonly { readonly path: string; readonly value: Value }[]
  readonly means: Means
}

export interface Imported {
  readonly findings: readonly Finding[]
}

/** Reads everything. A file that is not what it was given for, or nothing of use in all of them, is told instead. */
export function importAll(given: Given): Imported | Unreadable {
  const known: Patroni[] = []
  for (const file of given.patroni) {
    const read = readPatroni(file)
    if (read === undefined)
      return { unreadable: `${file.file}: has neither scope nor etcd3; give Patroni's own configuration` }
    known.push(read)
  }
  const byHand = given.keys.flatMap(({ path }) => /^clusters\.([^.]+)/.exec(path)?.[1] ?? [])[0]
  const haproxy = readHaproxy(given.haproxy, (group, only) => byHand ?? patroniOf(group, only, known)?.scope)
  if ('unreadable' in haproxy) return haproxy
  const keepalived = readKeepalived(given.keepalived, given.means, haproxy.ports)
  if ('unreadable' in keepalived) return keepalived
  if (haproxy.listeners + keepalived.routers === 0) return { unreadable: nothingIn(given) }
  const more = clustersOf(haproxy, known, byHand).flatMap(complete)
  const all = overlay([...haproxy.findings, ...keepalived.findings, ...more])
  return { findings: remarkFloating(given.keys.reduce(giveByHand, all)) }
}

/** Those that HAProxy leads to; where it leads nowhere, the one that a configuration must have. */
function clustersOf(
  { clusters }: FromHaproxy,
  known: readonly Patroni[],
  byHand: string | undefined,
): readonly Cluster[] {
  const [first] = known
  const name = byHand ?? freeName(first?.scope ?? 'postgres', new Set())
  if (clusters.length === 0) return [{ name, places: NOWHERE, patroni: first }]
  return clusters.map(one => ({ ...one, patroni: patroniOf(one.group, clusters.length === 1, known) }))
}

/** The Patroni configuration whose member is among a cluster's servers; the only one, for the only cluster. */
function patroniOf({ servers }: Group, only: boolean, known: readonly Patroni[]): Patroni | undefined {
  const mine = known.find(({ member }) => servers.some(({ host, port }) => `${host}:${port ?? '5432'}` === member))
  return mine ?? (only ? known[0] : undefined)
}

function nothingIn({ haproxy, keepalived }: Given): string {
  const files = [...haproxy, ...keepalived].map(({ file }) => file).join(', ')
  const wanted = [
    ...(haproxy.length > 0 ? ['a listen or frontend section in mode tcp with a bind line'] : []),
    ...(keepalived.length > 0 ? ['a vrrp_instance'] : []),
  ]
  return `nothing to take over in ${files}: looked for ${wanted.join(' and ')}`
}

/** Of keys with one path the last one holds; the lines of all of them stay accounted for. */
function overlay(findings: readonly Finding[]): readonly Finding[] {
  const keys = new Map<string, Exclude<Finding, { kind: 'note' }>>()
  for (const finding of findings) {
    if (finding.kind === 'note') continue
    const before = keys.get(finding.path)
    const offered = finding.kind === 'hole' && finding.value === undefined
    if (before === undefined) keys.set(finding.path, finding)
    else if (!offered) keys.set(finding.path, { ...finding, from: [...before.from, ...finding.from] })
  }
  return [...keys.values(), ...findings.filter(finding => finding.kind === 'note')]
}

/** A key given by hand takes the place of another; the lines of that one are told so. */
function giveByHand(findings: readonly Finding[], { path, value }: Given['keys'][number]): readonly Finding[] {
  const by = key(path, value, [], 'given on the command line')
  const before = findings.find(finding => finding.kind !== 'note' && finding.path === path)
  if (before === undefined || before.kind === 'note') return [...findings, by]
  const notes = before.from.map(line => note('idle', line, `${path} is given on the command line`))
  return [...findings.map(finding => (finding === before ? by : finding)), ...notes]
}

const FLOATS = 'a floating address: leave net.ipv4.ip_nonlocal_bind=1 set on this host, or listen on 0.0.0.0'

/** A listener on an address that the host does not always have. */
function remarkFloating(findings: readonly Finding[]): readonly Finding[] {
  const keys = findings.filter(finding => finding.kind === 'key')
  const floating = keys.filter(({ path }) => /^vrrp\.[^.]+\.addresses$/.test(path)).flatMap(({ value }) => value)
  const hosts = new Set(floating.map(address => address.replace(/\/.*$/, '')))
  return findings.map(finding => {
    if (finding.kind !== 'key' || !/^listen\.[^.]+\.address$/.test(finding.path)) return finding
    const host = String(finding.value)
      .replace(/:\d+$/, '')
      .replace(/^\[|\]$/g, '')
    return hosts.has(host) ? { ...finding, say: `${finding.say}; ${FLOATS}` } : finding
  })
}

/** Takes keys back that our configuration refuses, and says of their lines why. A key that came from no line stays. */
export function refuse(findings: readonly Finding[], why: ReadonlyMap<string, string>): readonly Finding[] {
  return findings.flatMap(finding => {
    const because = finding.kind === 'key' && finding.from.length > 0 ? why.get(finding.path) : undefined
    return because === undefined ? [finding] : refused(finding as Key, because)
  })
}

/** The line that the value stood in is told why; the others lead there. */
const refused = ({ path, from, value }: Key, why: string): readonly Finding[] =>
  from.map((line, index) =>
    index === 0
      ? note('gone', line, `${path}: ${[value].flat().join(', ')} ${why}`)
      : note('idle', line, `see ${from[0]?.file}:${from[0]?.no}`),
  )
