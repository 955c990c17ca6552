// The words behind an address on a `bind`, `server` or `default-server` line: how many words each takes, and what becomes of it.
// Tables; what a word means for a key of ours is decided where the key is made.

import { type Finding, type Line, note } from '../finding.js'
import { each } from '../rules.js'

interface Param {
  /** Words that follow it. */
  readonly takes?: number
  /** It is read elsewhere. */
  readonly read?: true
  readonly tone?: 'idle' | 'gone'
  readonly why?: string
}

type Params = Readonly<Record<string, Param>>

const idle = (why: string, takes = 0): Param => ({ takes, tone: 'idle', why })
const gone = (why: string, takes = 0): Param => ({ takes, tone: 'gone', why })
const read = (takes = 0): Param => ({ takes, read: true })

const TLS_PASSES = 'mekare passes TLS through: clients see the certificates of the members'
const TLS_OF_CLIENT = 'mekare passes TLS through: what the client and the member speak is between them'

export const BIND_PARAMS: Params = {
  maxconn: read(1),
  ssl: gone(TLS_PASSES),
  'accept-proxy': read(),
  'accept-netscaler-cip': gone('it is not understood: let clients connect directly', 1),
  interface: gone('a listener is bound to an address: give the one of that interface', 1),
  namespace: gone('start mekare in that network namespace', 1),
  transparent: gone('an address that is not on the host needs net.ipv4.ip_nonlocal_bind=1'),
  ...each('user | group | uid | gid | mode', gone('the socket belongs to the user that mekare runs as', 1)),
  ...each('v4v6 | v6only', idle('as the address has it')),
  ...each(
    'name | id | nice | process | thread | shards | level | severity-output | proto | expose-fd | tcp-ut | mss',
    idle('of HAProxy itself', 1),
  ),
  ...each('tfo | defer-accept', idle('not needed: PostgreSQL clients keep their connections')),
  backlog: idle('as the system has it (net.core.somaxconn)', 1),
  ...each(
    'alpn | ca-file | ca-ignore-err | ca-sign-file | ca-sign-pass | ca-verify-file | ciphers | ciphersuites | crl-file | crt | crt-ignore-err | crt-list | curves | ecdhe | npn | ssl-max-ver | ssl-min-ver | tls-ticket-keys | verify',
    gone(TLS_PASSES, 1),
  ),
  ...each(
    'allow-0rtt | force-sslv3 | force-tlsv10 | force-tlsv11 | force-tlsv12 | force-tlsv13 | generate-certificates | no-ca-names | no-sslv3 | no-tls-tickets | no-tlsv10 | no-tlsv11 | no-tlsv12 | no-tlsv13 | prefer-client-ciphers | strict-sni',
    gone(TLS_PASSES),
  ),
}

const NAMES = 'members are named and found by Patroni'

export const SERVER_PARAMS: Params = {
  ...each(
    'maxconn | weight | inter | fall | rise | slowstart | port | addr | ca-file | track | verify | check-sni',
    read(1),
  ),
  ...each('backup | check-ssl | disabled', read()),
  ...each(
    'check | enabled | no-backup | no-check | no-check-ssl | no-ssl | no-send-proxy | no-check-send-proxy | no-send-proxy-v2 | no-send-proxy-v2-ssl | no-send-proxy-v2-ssl-cn',
    idle('every member is asked anyway'),
  ),
  ...each(
    'fastinter | downinter',
    idle('while the gate is closed the leader is asked every 20 ms (SQL) or 100 ms (REST)', 1),
  ),
  'on-marked-down': idle('sessions of a former primary are cut when the leader key moves', 1),
  'on-marked-up': gone('sessions that went to the fallback stay there until they end', 1),
  ...each('on-error | observe | error-limit', idle('a failed dial always counts against the member', 1)),
  ...each(
    'send-proxy | send-proxy-v2 | send-proxy-v2-ssl | send-proxy-v2-ssl-cn | check-send-proxy',
    gone('the PROXY protocol is not spoken to members: they see the address of mekare'),
  ),
  'proxy-v2-options': gone('the PROXY protocol is not spoken to members', 1),
  ...each('source | usesrc', gone('connections to members come from the address the system chooses', 1)),
  ...each('minconn | maxqueue', gone('sessions over maxSessionsPerMember wait, at most maxHeld of them', 1)),
  ...each('init-addr | resolvers | resolve-net | resolve-opts | resolve-prefer | cookie | id', idle(NAMES, 1)),
  ...each('agent-check | no-agent-check', gone('agents are not asked: mekare drain takes a member out')),
  ...each(
    'agent-addr | agent-inter | agent-port | agent-send',
    gone('agents are not asked: mekare drain takes a member out', 1),
  ),
  ...each('redir | ws | proto | check-proto | check-alpn | log-proto', idle('of HTTP or logging', 1)),
  ...each('namespace | socks4', gone('connections to members are made directly', 1)),
  'check-via-socks4': gone('connections to members are made directly'),
  ...each(
    'ssl | allow-0rtt | ssl-reuse | no-ssl-reuse | no-sslv3 | no-tls-tickets | no-tlsv10 | no-tlsv11 | no-tlsv12 | no-tlsv13 | force-sslv3 | force-tlsv10 | force-tlsv11 | force-tlsv12 | force-tlsv13 | tls-tickets',
    gone(TLS_OF_CLIENT),
  ),
  ...each(
    'alpn | ciphers | ciphersuites | crl-file | crt | npn | sni | ssl-max-ver | ssl-min-ver | verifyhost',
    gone(TLS_OF_CLIENT, 1),
  ),
  ...each('stick | non-stick | tfo | no-tfo', idle('not needed: PostgreSQL clients keep their connections')),
  ...each('max-reuse | pool-low-conn | pool-max-conn | pool-purge-delay', idle('of HTTP', 1)),
  'tcp-ut': idle('deadAfter does this for every connection', 1),
}

export interface Given {
  readonly value: string
  readonly line: Line
}

/** The lines that some words stand in. */
export const linesBehind = (given: readonly Pick<Given, 'line'>[]): readonly Line[] => given.map(({ line }) => line)

export interface ReadParams {
  /** Those read elsewhere, by name. */
  readonly given: ReadonlyMap<string, Given>
  readonly notes: readonly Finding[]
}

/** Walks the words of a line from `start` on. */
export function readParams(line: Line, start: number, table: Params): ReadParams {
  const given = new Map<string, Given>()
  const notes: Finding[] = []
  for (let i = start; i < line.words.length; ) {
    const word = line.words[i] ?? ''
    const param = Object.hasOwn(table, word) ? table[word] : undefined
    const takes = param?.takes ?? 0
    const part = line.words.slice(i, i + 1 + takes).join(' ')
    if (param?.read) given.set(word, { value: line.words[i + 1] ?? '', line })
    else if (param?.why !== undefined) notes.push(note(param.tone ?? 'idle', line, param.why, part))
    else notes.push(note('unknown', line, 'this importer does not know the word', part))
    i += 1 + takes
  }
  return { given, notes }
}
