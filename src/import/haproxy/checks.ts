// Which pool a HAProxy backend stands for: what its health check asks of Patroni, or else its name.
// The paths are those of Patroni's REST API (patroni/api.py, documentation "REST API").

import { begins, type Finding, type Line, note } from '../finding.js'
import { patroniSize } from '../units.js'
import { option, type ProxySection, setting } from './proxies.js'

export type Role = 'primary' | 'replica' | 'sync' | 'any'

export interface Asked {
  /** Absent: neither check nor name tells. */
  readonly role?: Role
  readonly maxLag?: string
  /** Whether Patroni was asked. */
  readonly patroni: boolean
  /** The role that is asked to log in, where PostgreSQL itself is asked. */
  readonly user?: string
  readonly from: readonly Line[]
  readonly say: string
  readonly notes: readonly Finding[]
}

interface Pool {
  readonly role: Role
  readonly say?: string
}

const PRIMARY: Pool = { role: 'primary' }
const SYNC: Pool = { role: 'sync' }
const ANY: Pool = { role: 'any' }

const PATHS: Readonly<Record<string, Pool>> = {
  '/': PRIMARY,
  '/primary': PRIMARY,
  '/master': PRIMARY,
  '/leader': PRIMARY,
  '/read-write': PRIMARY,
  '/replica': { role: 'replica' },
  '/read-only': ANY,
  '/read-only-sync': { role: 'sync', say: 'the primary serves only where fallback: primary is set' },
  '/read-only-quorum': { role: 'sync', say: 'the primary serves only where fallback: primary is set' },
  '/sync': SYNC,
  '/synchronous': SYNC,
  '/quorum': SYNC,
  '/async': { role: 'replica', say: 'synchronous standbys serve too' },
  '/asynchronous': { role: 'replica', say: 'synchronous standbys serve too' },
  '/standby-leader': { role: 'replica', say: 'the standby leader is one of them, and its replicas serve too' },
  '/standby_leader': { role: 'replica', say: 'the standby leader is one of them, and its replicas serve too' },
  '/health': ANY,
  '/liveness': ANY,
  '/readiness': ANY,
  '/patroni': ANY,
}

/** Tells the pool of a backend. */
export function askedBy(proxy: ProxySection): Asked {
  const httpchk = option(proxy, 'httpchk')
  const send = proxy.lines.findLast(line => begins(line, 'http-check', 'send'))
  const pgsql = option(proxy, 'pgsql-check')
  if (httpchk !== undefined) return fromHttp(proxy, httpchk, send)
  const other = pgsql ?? option(proxy, 'tcp-check') ?? option(proxy, 'external-check')
  const role = roleOfName(proxy.name)
  const named = role === undefined ? {} : { role, say: `as the name of ${proxy.kind} ${proxy.name} says` }
  const user = pgsql?.words[3]
  return {
    patroni: false,
    from: role === undefined ? [] : [proxy.head],
    say: '',
    ...named,
    ...(user === undefined ? {} : { user }),
    notes: other === undefined ? [] : [note('idle', other, CHECK)],
  }
}

const CHECK = 'the cluster itself says who is primary and who is not; each member is asked by SQL or through Patroni'

function fromHttp(proxy: ProxySection, httpchk: Line, send: Line | undefined): Asked {
  const [, , first, second] = httpchk.words
  const sent = send?.words[send.words.indexOf('uri') + 1]
  const uri = (send?.words.includes('uri') ? sent : undefined) ?? second ?? (first?.startsWith('/') ? first : '/')
  const from = [httpchk, ...(send === undefined ? [] : [send])]
  const [path = '/', query = ''] = uri.split('?')
  const pool = Object.hasOwn(PATHS, path) ? PATHS[path] : undefined
  if (pool === undefined) {
    const role = roleOfName(proxy.name)
    const notes = [note('unknown', send ?? httpchk, `${path} is no question that Patroni answers`)]
    return { patroni: false, from: [], say: '', notes, ...(role === undefined ? {} : { role }) }
  }
  const { role, say, from: turned } = expecting(proxy, pool)
  const { maxLag, notes } = fromQuery(query, send ?? httpchk)
  const noLimit = role === 'primary' || maxLag !== undefined ? '' : 'HAProxy set no limit of lag; maxLag is 16MiB'
  return {
    role,
    patroni: true,
    from: [...from, ...turned],
    say: [say, noLimit].filter(Boolean).join('; '),
    notes,
    ...(maxLag === undefined ? {} : { maxLag }),
  }
}

/** `http-check expect status 503` on the primary's path asks for those that are not: the older way to find replicas. */
function expecting(proxy: ProxySection, pool: Pool): Pool & { readonly from: readonly Line[] } {
  const line = setting(proxy, 'http-check', 'expect')
  if (line === undefined) return { ...pool, from: [] }
  const text = line.words.slice(2).join(' ')
  const inverse = pool.role === 'primary' && /^(! r?status 200|r?status 503)$/.test(text)
  return { ...(inverse ? { role: 'replica', say: 'whoever does not answer as primary' } : pool), from: [line] }
}

function fromQuery(query: string, line: Line): { readonly maxLag?: string; readonly notes: readonly Finding[] } {
  const parts = query.split('&').filter(part => part !== '')
  const lag = parts.find(part => part.startsWith('lag='))
  const size = lag === undefined ? undefined : patroniSize(lag.slice('lag='.length))
  const notes = parts
    .filter(part => part !== lag || size === undefined)
    .map(part => note('gone', line, 'has no counterpart: tag a member noloadbalance to keep it out', part))
  return { notes, ...(size === undefined ? {} : { maxLag: size }) }
}

const REPLICA = /(^|[^a-z])(replicas?|standbys?|slaves?|secondary|secondaries|ro|read-?only|reads?|reader)([^a-z]|$)/i
const LEADER = /(^|[^a-z])(primary|primaries|master|leader|rw|read-?write|writes?|writer)([^a-z]|$)/i

/** The pool that a name speaks of. */
export function roleOfName(name: string): Role | undefined {
  const plain = name.replace(/_/g, '-')
  if (LEADER.test(plain)) return 'primary'
  return REPLICA.test(plain) ? 'replica' : undefined
}
