// The keys of one listener, from the port that clients come to and the backend behind it.

import { type Finding, key, maybe, note, offer } from '../finding.js'
import { readAccess } from './access.js'
import { type Asked, askedBy } from './checks.js'
import { linesBehind } from './params.js'
import type { Port } from './ports.js'
import { type ProxySection, setting } from './proxies.js'
import { type Server, saidBy, serversOf } from './servers.js'
import { readTimeouts } from './timeouts.js'

/** Every key of the listener at `path`, and what is to be said of the lines behind them. */
export function readListener(port: Port, path: string): readonly Finding[] {
  const { front, back } = port
  const { servers } = serversOf(back)
  const asked = askedBy(back)
  const kind = front.kind === 'listen' ? 'listen' : 'frontend'
  return [
    key(`${path}.address`, port.address, [port.bind, front.head], `${kind} ${front.name}`),
    ...readRole(asked, port, path),
    ...asked.notes,
    ...maybe(`${path}.maxLag`, asked.maxLag, asked.from),
    ...readBalance(back, servers, path),
    ...readFallback(port, servers, asked.role, path),
    ...readLimits(port, servers, path),
    ...readTimeouts(port, asked.role, path),
    ...readAccess(front, path),
    ...(port.introduced ? [key(`${path}.proxyProtocol`, 'require', [port.bind], BELIEVED)] : []),
  ]
}

const BELIEVED = 'as accept-proxy did, it believes everybody: name the balancers in proxyFrom'

function readRole({ role, from, say }: Asked, { routed }: Port, path: string): readonly Finding[] {
  if (role !== undefined) return [key(`${path}.role`, role, [...from, ...routed], say)]
  return [
    offer(`${path}.role`, 'primary', 'fill in: primary, replica, sync or any; neither check nor name tells', routed),
  ]
}

const BALANCE: Readonly<Record<string, string>> = {
  leastconn: 'least-connections',
  roundrobin: 'round-robin',
  'static-rr': 'round-robin',
  random: 'random-two',
  'random(2)': 'random-two',
}

function readBalance(back: ProxySection, servers: readonly Server[], path: string): readonly Finding[] {
  const line = setting(back, 'balance')
  const word = line?.words[1] ?? ''
  const tags = readWeights(servers)
  if (line === undefined) return tags
  const ours = Object.hasOwn(BALANCE, word) ? BALANCE[word] : undefined
  if (ours !== undefined) return [key(`${path}.balance`, ours, [line]), ...tags]
  return [note('gone', line, 'is not among balance: least-connections, round-robin, random-two'), ...tags]
}

function readWeights(servers: readonly Server[]): readonly Finding[] {
  const weights = saidBy(servers, 'weight')
  const differ = new Set(weights.map(({ value }) => value)).size > 1
  return weights.map(({ value, line }) => {
    const tag = `give the member this tag in Patroni's configuration: mekare_weight: ${value}`
    return note(differ ? 'gone' : 'idle', line, differ ? tag : 'all weigh the same', `weight ${value}`)
  })
}

/** A backup in the pool of replicas that follows the primary's check is the primary, when nobody else is left. */
function readFallback(
  { spare }: Port,
  servers: readonly Server[],
  role: string | undefined,
  path: string,
): readonly Finding[] {
  const to = `${path}.fallback`
  if (spare !== undefined) return [key(to, 'primary', [...spare.from, spare.to.head, ...askedBy(spare.to).from])]
  const backups = servers.filter(({ given }) => given.has('backup'))
  const followed = backups.filter(({ given }) => given.has('track'))
  const readOnly = role === 'replica' || role === 'sync'
  if (readOnly && followed.length > 0) return [key(to, 'primary', linesBehind(followed))]
  const [tone, why] = readOnly
    ? (['gone', SERVES] as const)
    : (['idle', 'the members themselves are asked who is primary'] as const)
  return backups.map(({ line }) => note(tone, line, why, 'backup'))
}

const SERVES = 'every replica serves; a tag mekare_weight in Patroni gives one less, noloadbalance none'

function readLimits({ front, max, bind }: Port, servers: readonly Server[], path: string): readonly Finding[] {
  const own = setting(front, 'maxconn')
  const limits = saidBy(servers, 'maxconn').filter(({ value }) => Number(value) > 0)
  const least = limits.toSorted((a, b) => Number(a.value) - Number(b.value))[0]
  const differ = new Set(limits.map(({ value }) => value)).size > 1
  const ofProxy = own === undefined ? [] : [key(`${path}.max`, own.words[1] ?? '', [own], OVER)]
  return [
    ...(max === undefined ? ofProxy : [key(`${path}.max`, max, [bind], OVER)]),
    ...maybe(`${path}.maxSessionsPerMember`, least?.value, linesBehind(limits), differ ? LEAST : ''),
  ]
}

const LEAST = 'the least of them holds for every member'
const OVER = 'who comes over it is refused (53300); HAProxy left it in the queue of the system'
