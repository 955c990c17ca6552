// What must hold between keys that are each right by themselves.

import { collide, formatListenAddress } from './addresses.js'
import { closest, type Problem } from './problems.js'
import { vrrpRules } from './rules-vrrp.js'
import type { ClusterConfig, Config, ListenAddress } from './shape.js'

type Found = readonly Problem[]

const NEEDS = {
  etcd: { key: 'etcd.hosts', flag: 'http://host:2379', has: (c: ClusterConfig) => c.etcd.hosts.length > 0 },
  patroni: { key: 'patroni.urls', flag: 'http://host:8008', has: (c: ClusterConfig) => c.patroni.urls.length > 0 },
  static: { key: 'static.members', flag: 'host:5432', has: (c: ClusterConfig) => c.static.members.length > 0 },
}

function sourceRules(path: string, cluster: ClusterConfig): Found {
  const needs = NEEDS[cluster.source]
  const problems: Problem[] = []
  if (!needs.has(cluster)) {
    const remedy = `name at least one, as with --${path}.${needs.key} ${needs.flag}, or choose another source`
    problems.push({ path: `${path}.${needs.key}`, why: `is empty, and source ${cluster.source} needs it`, remedy })
  }
  if (cluster.source === 'static' && cluster.probe.user === undefined) {
    const remedy = 'give the role that asks each PostgreSQL: without Patroni nobody else can tell which is the primary'
    problems.push({ path: `${path}.probe.user`, why: 'is missing, and source static needs it', remedy })
  }
  return problems
}

interface Access {
  readonly name: string | undefined
  readonly password?: string
  readonly cert?: string
  readonly key?: string
}

function accessRules(path: string, nameKey: string, passwordOptional: boolean, access: Access): Found {
  const problems: Problem[] = []
  if (access.password !== undefined && access.name === undefined) {
    problems.push({
      path: `${path}.${nameKey}`,
      why: 'is missing beside a password',
      remedy: 'name the user, or take the password out',
    })
  }
  if (!passwordOptional && access.name !== undefined && access.password === undefined) {
    problems.push({
      path: `${path}.passwordFile`,
      why: `is missing beside ${nameKey}`,
      remedy: `give it, or take ${nameKey} out`,
    })
  }
  if ((access.cert === undefined) !== (access.key === undefined)) {
    const [missing, given] = access.cert === undefined ? ['cert', 'key'] : ['key', 'cert']
    problems.push({ path: `${path}.${missing}`, why: `is missing beside ${given}`, remedy: 'give both or neither' })
  }
  return problems
}

function clusterRules(name: string, cluster: ClusterConfig): Found {
  const path = `clusters.${name}`
  const { etcd, patroni, probe } = cluster
  return [
    ...sourceRules(path, cluster),
    ...accessRules(`${path}.etcd`, 'username', false, { name: etcd.username, ...etcd }),
    ...accessRules(`${path}.patroni`, 'username', false, { name: patroni.username, ...patroni }),
    ...accessRules(`${path}.probe`, 'user', true, {
      name: probe.user,
      ...(probe.password !== undefined && { password: probe.password }),
    }),
  ]
}

function listenerRules(config: Config): Found {
  const clusters = Object.keys(config.clusters)
  return Object.entries(config.listen).flatMap(([name, { cluster }]) => {
    if (Object.hasOwn(config.clusters, cluster)) return []
    const meant = closest(cluster, clusters)
    const remedy = meant === undefined ? `name one of: ${clusters.join(', ')}` : `did you mean ${meant}?`
    return [
      {
        path: `listen.${name}.cluster`,
        value: JSON.stringify(cluster),
        why: 'is not a cluster of this configuration',
        remedy,
      },
    ]
  })
}

/** A hook is a command or a URL, one of the two. */
function hookRules({ hooks }: Config): Found {
  return Object.entries(hooks).flatMap(([name, { command, url, on }]) => {
    const path = `hooks.${name}`
    const remedy = 'give it a command, a url or a urlFile, one of them'
    const wrong = (why: string, key = 'command', then = remedy) => [{ path: `${path}.${key}`, why, remedy: then }]
    if (command.length === 0 && url === undefined) return wrong('is missing, and there is no command', 'url')
    if (command.length > 0 && url !== undefined) return wrong('is given beside a url')
    if (command.length > 0 && !command[0]?.startsWith('/'))
      return wrong(
        `begins with ${command[0]}, which is no absolute path`,
        'command',
        'write where the program is, such as /usr/local/bin/tell',
      )
    return on.length === 0
      ? wrong('is empty: it would never run', 'on', 'name leader, gate or address, or leave the key out')
      : []
  })
}

/** Nobody would be taken at their word, and every header refused. */
function balancerRules(config: Config): Found {
  const nobody = Object.entries(config.listen).filter(
    ([, { proxyProtocol, proxyFrom }]) => proxyProtocol === 'accept' && proxyFrom.length === 0,
  )
  return nobody.map(([name]) => ({
    path: `listen.${name}.proxyFrom`,
    why: 'is empty, and proxyProtocol accept needs it',
    remedy: 'name the balancers in front, such as 10.0.0.5 or 10.0.0.0/29',
  }))
}

function addressRules(config: Config): Found {
  const all: [string, ListenAddress][] = Object.entries(config.listen).map(([name, { address }]) => [
    `listen.${name}.address`,
    address,
  ])
  all.push(['admin.address', config.admin.address], ['admin.socket', { kind: 'unix', path: config.admin.socket }])
  return all.flatMap(([path, address], index) => {
    const earlier = all.slice(0, index).find(([, other]) => collide(address, other))
    if (earlier === undefined) return []
    const why = `is taken by ${earlier[0]} (${formatListenAddress(earlier[1])})`
    const off = earlier[0].startsWith('listen.')
      ? `, or take ${earlier[0].replace(/\.address$/, '')} away by setting it to off`
      : ''
    return [{ path, value: formatListenAddress(address), why, remedy: `choose another address${off}` }]
  })
}

/** Descriptors for everything but sessions: Node's own, the log, the sources, probes, admin. */
const RESERVE = 96
/** Of those, so many may be refused clients that have not gone yet. */
const LEAVING = 16
/** Those of a relay thread, for the pipes that streams go through. */
const PIPES = 16
const reserve = (threads: number) => RESERVE + PIPES * threads

/** How many sessions at one time: the number given, or for `auto` what the limit of open files allows, two for each session. */
export function sessionLimit(max: number | 'auto', descriptorLimit: number, threads: number): number {
  return max === 'auto' ? Math.max(1, Math.floor((descriptorLimit - reserve(threads)) / 2)) : max
}

/** How many descriptors the sockets of sessions may take, those of refused clients among them. */
export const descriptorsForSessions = (descriptorLimit: number, threads: number): number =>
  descriptorLimit - reserve(threads) + LEAVING

function limitRules(config: Config, descriptorLimit: number | undefined): Found {
  const { max } = config.session
  const { threads } = config.relay
  const most = descriptorLimit === undefined ? undefined : sessionLimit('auto', descriptorLimit, threads)
  if (most === undefined || max === 'auto' || max <= most) return []
  const why = `needs ${max * 2 + reserve(threads)} open files, and this process may have ${descriptorLimit}`
  return [
    {
      path: 'session.max',
      value: String(max),
      why,
      remedy: `raise the limit (LimitNOFILE=, ulimit -n), or choose at most ${most}`,
    },
  ]
}

/** Checks the rules between keys. */
export function checkRules(config: Config, descriptorLimit: number | undefined): Found {
  const none = Object.keys(config.clusters).length === 0
  const remedy = 'name one and its etcd, as with --clusters.demo.etcd.hosts http://host:2379'
  return [
    ...(none ? [{ path: 'clusters', why: 'is empty', remedy }] : []),
    ...Object.entries(config.clusters).flatMap(([name, cluster]) => clusterRules(name, cluster)),
    ...(none ? [] : listenerRules(config)),
    ...addressRules(config),
    ...balancerRules(config),
    ...limitRules(config, descriptorLimit),
    ...hookRules(config),
    ...vrrpRules(config),
  ]
}
