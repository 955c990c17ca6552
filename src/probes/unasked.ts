// Turns whatever went wrong while asking into one of the reasons of "could not ask", in words that name the address and the remedy.
// Knows errno names and SQLSTATE codes. Never sees a password.

import type { Answer, Unasked } from '../health/answer.js'
import type { Address } from '../topology/topology.js'
import { formatMs, type Ms } from '../units/units.js'

export type UnaskedAnswer = Extract<Answer, { kind: 'unasked' }>

export const unasked = (reason: Unasked, why: string): UnaskedAnswer => ({ kind: 'unasked', reason, why })

/** An error that already carries its verdict: thrown where more is known than an error code tells. */
export function verdict(reason: Unasked, why: string): Error & { readonly unasked: UnaskedAnswer } {
  return Object.assign(new Error(why), { unasked: unasked(reason, why) })
}

/** `10.0.0.1:5432`, `[fd00::1]:5432`. */
export function addressText({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

export function tookTooLong(where: string, timeout: Ms): UnaskedAnswer {
  return unasked('timeout', `${where} did not answer within ${formatMs(timeout)}`)
}

type Rule = readonly [code: RegExp, reason: Unasked, remedy: string]

/** Errno names of Node and SQLSTATE codes (PostgreSQL manual, appendix A); the first that fits counts. */
const RULES: readonly Rule[] = [
  [/^ECONNREFUSED$/, 'refused', 'nothing listens there'],
  [/^(ECONNRESET|EPIPE|ERR_STREAM_DESTROYED|ERR_STREAM_WRITE_AFTER_END)$/, 'refused', 'the connection broke'],
  [/^(ENOTFOUND|EAI_AGAIN|EAI_.*)$/, 'unreachable', 'the name does not resolve; check DNS or publish an IP address'],
  [/^(EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL)$/, 'unreachable', 'no route to it'],
  [/^(EACCES|EPERM)$/, 'unreachable', 'a local firewall forbids the connection'],
  [/^ETIMEDOUT$/, 'timeout', 'the network does not answer'],
  [/^(EMFILE|ENFILE)$/, 'unclear', 'this proxy is out of file descriptors; raise LimitNOFILE'],
  [/^57P03$/, 'starting', ''],
  [/^57P0/, 'refused', ''],
  [/^57014$/, 'timeout', 'the query was cancelled'],
  [/^53300$/, 'too_many', 'raise max_connections, or keep a slot free for the probe'],
  [/^28P01$/, 'auth', 'check probe.user and probe.passwordFile'],
  [/^28/, 'auth', 'allow probe.user in pg_hba.conf'],
  [/^3D000$/, 'unclear', 'set probe.database to a database that exists'],
  [/^42501$/, 'auth', 'grant probe.user CONNECT on probe.database'],
]

/** The verdict on an error of a socket, of TLS or of PostgreSQL. `where` is the address it came from. */
export function unaskedFrom(error: unknown, where: string): UnaskedAnswer {
  if (error instanceof Error && 'unasked' in error) return error.unasked as UnaskedAnswer
  const message = error instanceof Error ? error.message : String(error)
  const code = codeOf(error)
  const [, reason, remedy] = RULES.find(([pattern]) => pattern.test(code)) ?? []
  if (reason !== undefined) return unasked(reason, words(where, message, code, remedy))
  if (message.startsWith('SASL')) return unasked('auth', words(where, message, '', 'check probe.passwordFile'))
  if (message.startsWith('Connection terminated')) return unasked('refused', `${where} closed the connection`)
  return unasked('unclear', words(where, message, code, ''))
}

function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : ''
}

/** Node's own messages repeat call and address (`connect ECONNREFUSED 10.0.0.1:5432`): the code says it shorter. */
function words(where: string, message: string, code: string, remedy: string | undefined): string {
  const named = code.startsWith('E') ? code : [message, code && `(${code})`].filter(Boolean).join(' ')
  return `${where}: ${[named, remedy].filter(Boolean).join('; ')}`
}
