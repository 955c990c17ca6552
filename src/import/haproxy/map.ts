// HAProxy's configuration as findings: clusters, listeners, limits, and a word on every other line.

import { begins, type Finding, key, type Source, type Unreadable } from '../finding.js'
import { linesOf } from '../rules.js'
import { duration, haproxyMs } from '../units.js'
import { readPages } from './admin.js'
import { type Group, groupsOf } from './clusters.js'
import { inCommon } from './common.js'
import { readListener } from './listeners.js'
import { type Places, readCluster } from './members.js'
import { type Named, nameClusters, nameListeners } from './names.js'
import { type Port, portsOf } from './ports.js'
import { isHttp, proxiesOf } from './proxies.js'
import { restOf } from './rest.js'
import { readSections, type Section } from './sections.js'
import { serversOf } from './servers.js'

export interface FromHaproxy {
  readonly clusters: readonly { readonly name: string; readonly group: Group; readonly places: Places }[]
  readonly listeners: number
  /** Every port that HAProxy listens on, its pages too. */
  readonly ports: readonly string[]
  readonly findings: readonly Finding[]
}

/** Reads files of HAProxy, one after another. `named` knows names of clusters that stand elsewhere. */
export function readHaproxy(
  sources: readonly Source[],
  named: (group: Group, only: boolean) => string | undefined,
): FromHaproxy | Unreadable {
  const read = readSections(sources)
  if ('unreadable' in read) return read
  const proxies = proxiesOf(read.sections)
  const { ports, notes } = portsOf(proxies)
  const groups = nameClusters(groupsOf(ports), named)
  const clusters = groups.map(({ name, it }) => ({ name, group: it, ...readCluster(it, `clusters.${name}`) }))
  const findings = [
    ...read.findings,
    ...notes,
    ...proxies.filter(proxy => !isHttp(proxy)).flatMap(proxy => serversOf(proxy).notes),
    ...clusters.flatMap(cluster => cluster.findings),
    ...readListeners(ports, groups),
    ...read.sections.filter(({ kind }) => kind === 'global').flatMap(readGlobal),
    ...readPages(proxies),
  ]
  const told = linesOf(findings)
  return {
    clusters,
    listeners: ports.length,
    ports: proxies.flatMap(({ lines }) =>
      lines.filter(line => begins(line, 'bind')).flatMap(({ words }) => numbersIn(words[1])),
    ),
    findings: [...findings, ...read.sections.flatMap(section => restOf(section, told))],
  }
}

function readListeners(ports: readonly Port[], groups: readonly Named<Group>[]): readonly Finding[] {
  const one = groups.length === 1
  const listeners = nameListeners(ports, one)
  const names = listeners.map(({ name }) => name)
  const keys = listeners.flatMap(({ name, it }) => {
    const cluster = one ? undefined : groups.find(group => group.it.ports.includes(it))
    const belongs = cluster === undefined ? [] : [key(`listen.${name}.cluster`, cluster.name, [it.front.head])]
    return [...belongs, ...readListener(it, `listen.${name}`)]
  })
  const missing = one ? ['write', 'read'].filter(name => !names.includes(name)) : []
  return [...inCommon(keys, names), ...missing.map(name => key(`listen.${name}`, 'off', [], 'HAProxy had none'))]
}

function readGlobal({ lines }: Section): readonly Finding[] {
  const max = lines.findLast(line => begins(line, 'maxconn'))
  const stop = lines.findLast(line => begins(line, 'hard-stop-after'))
  return [
    ...(max === undefined ? [] : [key('session.max', max.words[1] ?? '', [max])]),
    ...(stop === undefined ? [] : [key('session.drainTimeout', duration(haproxyMs(stop.words[1]) ?? 0), [stop])]),
  ]
}

const numbersIn = (address = ''): readonly string[] => [...address.matchAll(/:(\d+)/g)].map(([, port = '']) => port)
