// What must hold between the keys of virtual routers that are each right by themselves.

import { isIPv4 } from 'node:net'
import { formatMs } from '../units/units.js'
import { OWNER } from '../vrrp/state.js'
import type { Problem } from './problems.js'
import type { Config, VrrpConfig } from './shape.js'

type Found = readonly Problem[]
type Named = readonly [name: string, router: VrrpConfig]

/** Bytes of a password that version 2 has room for (RFC 3768, section 5.3.10). */
const PASSWORD_ROOM = 8

const families = (texts: readonly string[]): readonly (4 | 6)[] => [
  ...new Set(texts.map(text => (isIPv4(text) ? 4 : 6) as 4 | 6)),
]

function familyRules([name, { addresses, peers, version }]: Named): Found {
  const path = `vrrp.${name}`
  const [own, ...others] = families(addresses.map(({ address }) => address))
  if (own === undefined)
    return [
      { path: `${path}.addresses`, why: 'is empty', remedy: 'name the addresses that float, such as 10.77.0.100/24' },
    ]
  const problems: Problem[] = []
  if (others.length > 0) {
    const remedy = 'make a virtual router for each family, and put both in one syncGroup'
    problems.push({ path: `${path}.addresses`, why: 'mixes IPv4 and IPv6', remedy })
  }
  if (version === '2' && own === 6)
    problems.push({ path: `${path}.version`, value: '2', why: 'knows IPv4 only', remedy: 'write version: 3' })
  if (families(peers).some(family => family !== own)) {
    const remedy = `give the peers' IPv${own} addresses: adverts go by the family of the addresses`
    problems.push({ path: `${path}.peers`, why: 'has an address of another family than addresses', remedy })
  }
  return problems
}

function authRules([name, { auth, version }]: Named): Found {
  const path = `vrrp.${name}.auth`
  const { type, password } = auth
  if (type === 'none') {
    const remedy = 'write type: pass, or take the password out'
    return password === undefined
      ? []
      : [{ path: `${path}.type`, value: 'none', why: 'stands beside a password', remedy }]
  }
  if (version === '3') {
    const remedy = 'write version: 2, or take auth out: version 3 has no authentication (RFC 5798, section 9)'
    return [{ path: `${path}.type`, value: 'pass', why: 'needs version 2', remedy }]
  }
  if (password === undefined)
    return [
      { path: `${path}.passwordFile`, why: 'is missing beside type: pass', remedy: 'give it, or write type: none' },
    ]
  if (Buffer.byteLength(password) <= PASSWORD_ROOM) return []
  const why = `is longer than ${PASSWORD_ROOM} bytes, of which version 2 has no more`
  return [{ path: `${path}.password`, why, remedy: `shorten it; keepalived sends the first ${PASSWORD_ROOM} only` }]
}

function intervalRules([name, { advertInterval, version }]: Named): Found {
  const path = `vrrp.${name}.advertInterval`
  const wrong = (why: string, remedy: string): Found => [{ path, value: formatMs(advertInterval), why, remedy }]
  if (version === '2')
    return advertInterval % 1000 === 0
      ? []
      : wrong('is not in whole seconds, as version 2 needs', 'write 1s to 255s, or version: 3')
  if (advertInterval > 40_950) return wrong('is more than 40.95 s, the most of version 3', 'choose a shorter one')
  return advertInterval % 10 === 0 ? [] : wrong('is not in steps of 10 ms', 'choose a multiple of 10ms')
}

/** Two routers that cannot stand side by side on one host. */
function collisionRules(all: readonly Named[]): Found {
  return all.flatMap(([name, router], index) => {
    const earlier = all.slice(0, index)
    const sameId = earlier.find(([, other]) => idOf(other) === idOf(router))
    const problems: Problem[] = []
    if (sameId) {
      const why = `is taken by vrrp.${sameId[0]} on the same interface`
      problems.push({ path: `vrrp.${name}.routerId`, value: String(router.routerId), why, remedy: 'choose another' })
    }
    for (const { address } of router.addresses) {
      const other = earlier.find(([, one]) => one.addresses.some(theirs => theirs.address === address))
      if (!other) continue
      const why = `is an address of vrrp.${other[0]} too`
      problems.push({ path: `vrrp.${name}.addresses`, value: address, why, remedy: 'leave it with one of them' })
    }
    return problems
  })
}

/** IPv4 and IPv6 count their routers apart (RFC 9568, section 5.2.3). */
const idOf = ({ interface: link, routerId, addresses }: VrrpConfig) =>
  JSON.stringify([link, routerId, isIPv4(addresses[0]?.address ?? '')])

function groupRules(all: readonly Named[]): Found {
  return all.flatMap(([name, { syncGroup }]) => {
    const size = all.filter(([, other]) => other.syncGroup === syncGroup).length
    if (syncGroup === undefined || size > 1) return []
    const remedy = 'give another virtual router the same syncGroup, or take it out'
    return [{ path: `vrrp.${name}.syncGroup`, value: JSON.stringify(syncGroup), why: 'has no other member', remedy }]
  })
}

function scriptRules([name, { track }]: Named): Found {
  return Object.entries(track.scripts).flatMap(([script, { command }]) => {
    const [program] = command
    const path = `vrrp.${name}.track.scripts.${script}.command`
    if (program?.startsWith('/')) return []
    const remedy = 'begin it with the absolute path of a program; its arguments are further items'
    return [{ path, why: program === undefined ? 'is empty' : 'does not begin with an absolute path', remedy }]
  })
}

/** The witness needs an etcd, and one word for the whole of a sync group. */
function witnessRules(all: readonly Named[], clusters: Config['clusters']): Found {
  return all.flatMap(([name, router]) => {
    const path = `vrrp.${name}`
    const fellow = router.syncGroup && all.find(([, other]) => other.syncGroup === router.syncGroup)
    if (fellow && witnessOf(fellow[1]) !== witnessOf(router)) {
      const why = `is not that of vrrp.${fellow[0]}, of the same syncGroup`
      return [{ path: `${path}.witness`, value: router.witness, why, remedy: 'set witness and witnessCluster alike' }]
    }
    return router.witness === 'etcd' ? etcdRules(path, router, clusters) : []
  })
}

const witnessOf = ({ witness, witnessCluster }: VrrpConfig) => (witness === 'none' ? witness : witnessCluster)

function etcdRules(path: string, { witnessCluster, priority }: VrrpConfig, clusters: Config['clusters']): Found {
  const names = Object.keys(clusters).join(', ')
  const at = `${path}.witnessCluster`
  if (priority === OWNER) {
    const remedy = 'choose 254 or less, or leave the witness out: an owner has the addresses whatever a witness says'
    return [{ path: `${path}.witness`, value: 'etcd', why: 'cannot stand beside priority 255', remedy }]
  }
  if (witnessCluster === undefined)
    return [{ path: at, why: 'is missing beside witness: etcd', remedy: `name the cluster whose etcd it is: ${names}` }]
  const cluster = clusters[witnessCluster]
  const value = JSON.stringify(witnessCluster)
  if (!cluster)
    return [{ path: at, value, why: 'is not a cluster of this configuration', remedy: `name one of: ${names}` }]
  if (cluster.etcd.hosts.length > 0) return []
  const remedy = `name them in clusters.${witnessCluster}.etcd.hosts, or write witness: none`
  return [{ path: at, value, why: 'has no etcd.hosts', remedy }]
}

function macRules([name, { virtualMac, priority }]: Named): Found {
  if (!virtualMac || priority !== OWNER) return []
  const remedy = 'choose 254 or less, or leave it out: the addresses of an owner are on its interface already'
  const why = 'cannot stand beside priority 255'
  return [{ path: `vrrp.${name}.virtualMac`, value: 'true', why, remedy }]
}

/** Checks the rules between the keys of virtual routers. */
export function vrrpRules({ vrrp, clusters }: Pick<Config, 'vrrp' | 'clusters'>): Found {
  const all = Object.entries(vrrp)
  const each = [familyRules, authRules, intervalRules, scriptRules, macRules]
  return [
    ...all.flatMap(named => each.flatMap(rule => rule(named))),
    ...collisionRules(all),
    ...groupRules(all),
    ...witnessRules(all, clusters),
  ]
}
