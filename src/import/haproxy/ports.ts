// Each address that HAProxy listens on for PostgreSQL, with the backend its connections go to.

import { begins, type Finding, type Line, note } from '../finding.js'
import { askedBy } from './checks.js'
import { conditionOf, emptied, membership } from './conditions.js'
import { BIND_PARAMS, type ReadParams, readParams } from './params.js'
import { isDisabled, isHttp, type ProxySection } from './proxies.js'

export interface Port {
  readonly front: ProxySection
  readonly back: ProxySection
  /** As our configuration writes it. */
  readonly address: string
  readonly number: string
  readonly bind: Line
  /** The rules that lead from front to back. */
  readonly routed: readonly Line[]
  /** The backend of the primary that takes over when no replica is up, and the rules that say so. */
  readonly spare: { readonly to: ProxySection; readonly from: readonly Line[] } | undefined
  /** `maxconn` of the bind line. */
  readonly max: string | undefined
  /** `accept-proxy` of the bind line. */
  readonly introduced: boolean
}

export interface Ports {
  readonly ports: readonly Port[]
  readonly notes: readonly Finding[]
}

/** The most ports that a range such as :5000-5010 may have here. */
const MOST = 16

/** Reads every listen and frontend that speaks TCP and is not disabled. */
export function portsOf(proxies: readonly ProxySection[]): Ports {
  const ports: Port[] = []
  const notes: Finding[] = []
  for (const front of proxies) {
    if (front.kind === 'backend' || isHttp(front) || isDisabled(front)) continue
    for (const bind of front.lines.filter(line => begins(line, 'bind'))) {
      const { given, notes: said } = readParams(bind, 2, BIND_PARAMS)
      notes.push(...said)
      for (const address of addressesOf(bind, notes)) {
        const way = wayFrom(front, address.number, proxies, notes)
        if (way === undefined) notes.push(note('gone', bind, 'leads to no backend of this file'))
        else ports.push({ front, bind, ...address, ...way, ...bound(given) })
      }
    }
  }
  return { ports, notes }
}

const bound = (given: ReadParams['given']) => ({
  max: given.get('maxconn')?.value,
  introduced: given.has('accept-proxy'),
})

interface At {
  readonly address: string
  readonly number: string
}

/** `:5000,10.0.0.1:5001-5003` → each address by itself. */
function addressesOf(bind: Line, notes: Finding[]): readonly At[] {
  return (bind.words[1] ?? '').split(',').flatMap(text => {
    const unix = /^(?:unix@)?(\/.*)$/.exec(text)
    if (unix !== null) return [{ address: unix[1] ?? '', number: '' }]
    const [, host = '', low = '', high = low] = /^(?:ipv[46]@)?(.*):(\d+)(?:-(\d+))?$/.exec(text) ?? []
    const count = Number(high) - Number(low) + 1
    if (low === '' || !(count >= 1 && count <= MOST)) {
      notes.push(
        note('gone', bind, `is no address, or a range of more than ${MOST} ports; write listeners for it`, text),
      )
      return []
    }
    return Array.from({ length: count }, (_, i) => at(host, String(Number(low) + i)))
  })
}

const at = (host: string, number: string): At => ({ address: `${written(host)}:${number}`, number })

/** A host as we write it. An empty one and `*` are all of IPv4 to HAProxy; `::` is all of IPv6. */
export function written(host: string): string {
  const bare = host.replace(/^\[|\]$/g, '')
  if (bare === '' || bare === '*') return '0.0.0.0'
  return bare.includes(':') ? `[${bare}]` : bare
}

type Way = Pick<Port, 'back' | 'routed' | 'spare'>

/** Follows use_backend by port, then default_backend; a listen section serves itself. */
function wayFrom(
  front: ProxySection,
  number: string,
  proxies: readonly ProxySection[],
  notes: Finding[],
): Way | undefined {
  const back = (name = '') => proxies.find(one => one.name === name && one.kind !== 'frontend')
  const whenEmpty: { readonly of: string; readonly to: ProxySection; readonly from: readonly Line[] }[] = []
  const arrive = (to: ProxySection | undefined, routed: readonly Line[]): Way | undefined => {
    if (to === undefined) return undefined
    const spare = whenEmpty.find(one => one.of === to.name && askedBy(one.to).role === 'primary')
    return { back: to, routed: [...routed, to.head], spare: askedBy(to).role === 'primary' ? undefined : spare }
  }
  for (const line of front.lines.filter(one => begins(one, 'use_backend'))) {
    const to = back(line.words[1])
    const condition = conditionOf(line, front)
    const ports = condition && membership(condition, 'dst_port')
    const empty = condition && emptied(condition)
    if (condition?.always) return arrive(to, condition.from)
    if (empty !== undefined && to !== undefined) whenEmpty.push({ of: empty, to, from: condition?.from ?? [] })
    else if (ports === undefined) notes.push(note('gone', line, ROUTES))
    else if (ports.values.includes(number) === ports.inside) return arrive(to, condition?.from ?? [])
  }
  const fallback = front.lines.findLast(line => begins(line, 'default_backend'))
  if (fallback !== undefined) return arrive(back(fallback.words[1]), [fallback])
  return front.kind === 'listen' ? arrive(front, []) : undefined
}

const ROUTES = 'a listener leads to one pool; write a listener of its own for what this leads to'
